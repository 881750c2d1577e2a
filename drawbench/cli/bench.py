"""`drawbench bench`: the bundled model on both embedded sets, with its floors and ceiling when asked."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from drawbench.cli.dry_run import add_dry_run, dry_runs
from drawbench.cli.generate import add_workers, resumable, run_facts
from drawbench.cli.run import DEFAULT_PROTOCOL, score_finished, table
from drawbench.models.registry import choose_device, resolve_model
from drawbench.prompts.registry import load_prompt_set
from drawbench.results.files import Result, write_result
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.terminal_progress import shown_progress, waiting

if TYPE_CHECKING:
    from drawbench.scoring.extractors import Extractors
    from drawbench.scoring.protocol import Protocol

REPORT = Path("runs") / "bench-report"
SLICE_SIZE = 16


@dataclass(frozen=True)
class BenchEntry:
    """One row of a table: a model with settings."""

    model: str
    settings: tuple[tuple[str, str], ...] = ()


SETS: tuple[tuple[str, int], ...] = (("open", 256), ("world", 64))  # prompt set, pixels
BUNDLED = BenchEntry("reference")
FLOORS = (BenchEntry("reference:untrained"), BenchEntry("reference", (("guidance", "1"),)))
CEILING = BenchEntry("world")

EPILOGUE = """examples:
  drawbench bench                               the bundled model; a few minutes on two cores
  drawbench bench --all --results results       the rows of `open` and `world` under `bundled`, made anew
The same command resumes where it was stopped; finished runs are only scored again.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `drawbench bench`."""
    parser.epilog = EPILOGUE
    parser.add_argument(
        "--all", action="store_true", help="also the untrained cascade, guidance 1, and the true renderings of `world`"
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="also write result files and tables into DIR")
    parser.add_argument("--device", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    add_workers(parser)
    add_dry_run(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Generate and score every row, print the tables under one heading, and say where images and report are."""
    from drawbench.report.build import build_report
    from drawbench.scoring.extractors import Extractors
    from drawbench.scoring.protocols import get_protocol
    from drawbench.tables.committed import check_page

    if args.results is not None:
        check_page(args.results)
    runs: list[RunDirectory] = []
    results: list[Result] = []
    with resumable(args):
        protocol, device = get_protocol(DEFAULT_PROTOCOL), choose_device(args.device or "auto")
        extractors = Extractors([metric.extractor for metric in protocol.metrics], device, shown_progress().note)
        if args.dry_run:
            return _dry_run(args, protocol, extractors)
        for request in _requests(args, device):
            finished = generate(request, shown_progress())
            references = request.prompt_set.reference_images
            runs.append(finished)
            results.append(score_finished(finished, protocol, references, extractors, shown_progress()))
        report = build_report([finished.path for finished in runs], REPORT, progress=shown_progress())
    if args.json:
        pairs = zip(runs, results, strict=True)
        facts = [run_facts(finished) | {"result": result.model_dump(mode="json")} for finished, result in pairs]
        print(json.dumps({"runs": facts, "report": str(report)}, indent=2))
        return 0 if args.results is None else _write(results, args.results, sys.stderr)
    print(table(results, heading="drawbench: the bundled model on the embedded prompt sets"))
    for finished in runs:
        print(f"images: {finished.path / 'images'}")
    print(f"report: {report}")
    return 0 if args.results is None else _write(results, args.results, sys.stdout)


def _write(results: list[Result], folder: Path, stream: TextIO) -> int:
    from drawbench.tables.committed import start_page, write_committed_tables

    for result in results:
        print(f"result: {write_result(result, folder)}", file=stream)
    start_page(folder)
    for path in write_committed_tables(folder):
        print(f"tables: {path}", file=stream)
    return 0


def _entries(set_name: str, everything: bool) -> Iterator[BenchEntry]:
    yield BUNDLED
    if everything:
        yield from FLOORS
        if set_name == "world":
            yield CEILING


def _requests(args: argparse.Namespace, device: str) -> Iterator[Request]:
    """The runs, one sample per prompt, each with its model, which is loaded when it is its turn."""
    progress = shown_progress()
    for set_name, size in SETS:
        prompt_set = load_prompt_set(set_name)
        for entry in _entries(set_name, args.all):
            with waiting(f"loading {entry.model}", progress):
                model = resolve_model(entry.model, dict(entry.settings), device)
            yield Request(model, prompt_set, samples=1, size=size, slice_size=SLICE_SIZE, workers=args.workers)


def _dry_run(args: argparse.Namespace, protocol: "Protocol", extractors: "Extractors") -> int:
    from drawbench.scoring.estimate import FeatureTimes

    times: dict[Path | None, FeatureTimes] = {}

    def planned() -> Iterator[tuple[Request, FeatureTimes]]:
        for request in _requests(args, extractors.device):
            references = request.prompt_set.reference_images
            yield request, times.setdefault(references, FeatureTimes(protocol, references, extractors))

    return dry_runs(planned(), args.json, shown_progress())
