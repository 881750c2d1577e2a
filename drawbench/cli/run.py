"""`drawbench run`: generate, score, report, in one command."""

import argparse
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.cli.dry_run import dry_run
from drawbench.cli.generate import (
    add_engine,
    add_generate_options,
    cluster_of,
    ranks_of,
    request_from,
    resumable,
    run_facts,
    store_of,
)
from drawbench.launcher import is_member
from drawbench.models.registry import choose_device
from drawbench.progress import Progress
from drawbench.remote.fetched import fetched, parse_reference
from drawbench.results.files import Result
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import generate, help_drawing
from drawbench.runs.into_store import drawn_and_pulled
from drawbench.terminal import terminal_width
from drawbench.terminal_progress import shown_progress

if TYPE_CHECKING:
    from drawbench.scoring.extractors import Extractors
    from drawbench.scoring.protocol import Protocol

DEFAULT_PROTOCOL = "bundled"
REPORT = "report"

EPILOGUE = """examples:
  drawbench run --model reference --prompts open --samples 1
  drawbench run --model folder:my_images --prompts open
  drawbench run --model python:my_model:make --prompts drawbench --protocol imagen --out runs/mine
  drawbench run --model folder:my_images --prompts captions.csv --protocol imagen --reference photographs
  drawbench run --model folder:my_images --prompts captions.csv --protocol offline     real networks without a hub
  drawbench run --model folder:my_images --prompts captions.csv --protocol imagen,learned
The same command resumes a run that was stopped; a finished one is scored and shown again.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `generate` and the protocol."""
    parser.epilog = EPILOGUE
    add_generate_options(parser)
    add_engine(parser)
    parser.add_argument(
        "--protocol",
        metavar="P",
        help=f"what is measured, and how ({DEFAULT_PROTOCOL}); others: offline, imagen, learned, ...; "
        "several with commas between",
    )
    parser.add_argument(
        "--reference",
        type=parse_reference,
        metavar="DIR",
        help="reference images, where the set brings none: a folder, or .npz; also at an address such as s3://",
    )
    add_track(parser)


def add_track(parser: argparse.ArgumentParser) -> None:
    """The options of TensorBoard, common to all that score runs."""
    parser.add_argument("--track", type=Path, metavar="DIR", help="also write scores and images there for TensorBoard")
    parser.add_argument(
        "--step", type=int, default=0, metavar="N", help="their place on its axis, such as a training's step"
    )


def run(args: argparse.Namespace) -> int:
    """Do all of it, then print the table and where images and report are."""
    from drawbench.scoring.chosen import named_protocols, refuse_inapplicable
    from drawbench.scoring.cluster_extractors import ClusterExtractors, gather_features
    from drawbench.scoring.estimate import FeatureTimes
    from drawbench.scoring.shared_features import share_features
    from drawbench.scoring.while_drawing import FeaturesWhileDrawing
    from drawbench.sharing.track import require_writer, track

    if args.dry_run and is_member():
        return 0
    if args.track is not None:
        require_writer()
    progress = shown_progress()
    with resumable(args), ranks_of(args) as ranks, cluster_of(args) as cluster:
        url = store_of(args)
        request = request_from(args, cluster)
        device = partial(choose_device, args.device or "auto")
        protocols = named_protocols(args.protocol or DEFAULT_PROTOCOL, request.size, progress.note)
        refuse_inapplicable(protocols.values(), request.planned.prompts)
        name, protocol = next(iter(protocols.items()))
        references = fetched(args.reference, progress) or request.prompt_set.reference_images
        there = ClusterExtractors(cluster, name, device, progress.note) if cluster else None
        extractors = there or extractors_of(protocol, device(), progress)
        later = {each: extractors_of(each, device(), progress) for each in list(protocols.values())[1:]}
        if args.dry_run:
            every = {protocol: extractors, **later}
            return dry_run(request, args.json, [FeatureTimes(each, references, its) for each, its in every.items()])
        for metric in (metric for each in later for metric in each.metrics):
            metric.extractor.check_files()  # what is missing or wrong is told before hours of drawing
        watcher = FeaturesWhileDrawing(protocol, references is not None, extractors, progress.note)
        if ranks and ranks.is_member:
            path = help_drawing(request, ranks, url)
            if not url:  # which rank 0 alone unfolds
                share_features(path, protocol, references is not None, extractors, ranks, progress)
            return 0
        if ranks or there:
            watcher.load()
        seen = None if there else watcher
        finished = drawn_and_pulled(request, url, progress, ranks) if url else generate(request, progress, seen, ranks)
        if ranks and not url:
            share_features(finished.path, protocol, references is not None, extractors, ranks, progress)
        if there:
            gather_features(finished, protocol, references is not None, there, progress)
        results = [score_finished(finished, protocol, references, extractors, progress)]
        results += [score_finished(finished, each, references, its, progress) for each, its in later.items()]
        report = write_report(finished, progress)
        if args.track is not None:
            for result in results:
                track(result, finished, args.track, args.step)
    _show(finished, results, report, args.json)
    return 0


def _show(finished: RunDirectory, results: list[Result], report: Path, as_json: bool) -> None:
    """The end of the command: a table for each protocol, and where all is. JSON holds the first result, and all."""
    from drawbench.tables.leaderboard import in_sentence

    if as_json:
        dumped = [result.model_dump(mode="json") for result in results]
        print(
            json.dumps(run_facts(finished) | {"report": str(report), "result": dumped[0], "results": dumped}, indent=2)
        )
        return
    print(table(results, heading=f"{in_sentence(results[0].model.name)} on {results[0].prompt_set.name}"))
    print(f"images: {finished.path / 'images'}\nreport: {report}")
    if usage := finished.usage():
        print(f"drawing took {usage.words()}")


def extractors_of(protocol: "Protocol", device: str, progress: Progress) -> "Extractors":
    """The protocol's, none of them loaded yet."""
    from drawbench.scoring.extractors import Extractors

    return Extractors([metric.extractor for metric in protocol.metrics], device, progress.note)


def score_finished(
    finished: RunDirectory,
    protocol: "Protocol",
    reference: Path | None,
    extractors: "Extractors",
    progress: Progress,
) -> Result:
    """Score a sealed run; its result as a row of a table."""
    from drawbench.results.files import result_from_score_file
    from drawbench.scoring.score import score_run

    scores = score_run(finished.path, protocol, reference, extractors=extractors, progress=progress)
    return result_from_score_file(finished.plan.model, scores, "measured")


def write_report(finished: RunDirectory, progress: Progress) -> Path:
    """The run's own report, inside its directory; an older one is replaced."""
    from drawbench.report.build import build_report

    return build_report([finished.path], finished.path / REPORT, progress=progress)


def table(results: list[Result], heading: str) -> str:
    """The results as text, as wide as the terminal."""
    from drawbench.tables.render import render_tables

    return render_tables(results, "table", heading=heading, width=terminal_width())
