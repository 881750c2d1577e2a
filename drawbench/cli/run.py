"""`drawbench run`: generate, score, report, in one command."""

import argparse
import json
import shutil
import sys
from pathlib import Path

from drawbench.cli.generate import add_generate_options, request_from, resumable, run_facts
from drawbench.cli.progress import shown_progress
from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.results.files import Result
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, Watcher, generate

DEFAULT_PROTOCOL = "bundled"
REPORT = "report"

EPILOGUE = """examples:
  drawbench run --model reference --prompts open --samples 1
  drawbench run --model folder:my_images --prompts open
  drawbench run --model python:my_model:make --prompts drawbench --protocol imagen --out runs/mine
The same command resumes a run that was stopped; a finished one is scored and shown again.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `generate` and the protocol."""
    parser.epilog = EPILOGUE
    add_generate_options(parser)
    parser.add_argument("--protocol", metavar="P", help=f"what is measured, and how ({DEFAULT_PROTOCOL})")


def run(args: argparse.Namespace) -> int:
    """Do all of it, then print the table and where images and report are."""
    progress = shown_progress()
    with resumable("run", args):
        protocol_name = args.protocol or DEFAULT_PROTOCOL
        request = request_from(args)
        check_protocol(request, protocol_name)
        finished = generate(request, progress, features_while_drawing(request, protocol_name, args.device, progress))
        result = score_finished(finished, protocol_name, request.prompt_set.reference_images, args.device, progress)
        report = write_report(finished)
    if args.json:
        facts = run_facts(finished) | {"report": str(report), "result": result.model_dump(mode="json")}
        print(json.dumps(facts, indent=2))
    else:
        print(table([result], heading=f"{result.model.name} on {result.prompt_set.name}"))
        print(f"images: {finished.path / 'images'}\nreport: {report}")
    return 0


def check_protocol(request: Request, protocol_name: str) -> None:
    """Raises UserError before anything is drawn when the protocol does not exist or needs larger images."""
    from drawbench.scoring.protocols import get_protocol

    needed = get_protocol(protocol_name).size
    if needed and request.size < needed:
        raise UserError(
            f"protocol {protocol_name} evaluates at {needed} px, and {request.size} px are asked for: "
            f"give --size {needed} or more, or another --protocol."
        )


def features_while_drawing(request: Request, protocol_name: str, device: str | None, progress: Progress) -> Watcher:
    """Computes what scoring will need from the images in memory, on the device that scoring will use."""
    from drawbench.models.registry import choose_device
    from drawbench.scoring.protocols import get_protocol
    from drawbench.scoring.while_drawing import FeaturesWhileDrawing

    with_references = request.prompt_set.reference_images is not None
    return FeaturesWhileDrawing(
        get_protocol(protocol_name), with_references, choose_device(device or "auto"), progress.note
    )


def score_finished(
    finished: RunDirectory, protocol_name: str, reference: Path | None, device: str | None, progress: Progress
) -> Result:
    """Score a sealed run; its result as a row of a table."""
    from drawbench.models.registry import choose_device
    from drawbench.results.files import result_from_score_file
    from drawbench.scoring.protocols import get_protocol
    from drawbench.scoring.score import score_run

    scores = score_run(
        finished.path,
        get_protocol(protocol_name),
        reference,
        device=choose_device(device or "auto"),
        progress=progress,
    )
    return result_from_score_file(finished.plan.model, scores, "measured")


def write_report(finished: RunDirectory) -> Path:
    """The run's own report, inside its directory; an older one is replaced."""
    from drawbench.report.build import build_report

    return build_report([finished.path], finished.path / REPORT)


def table(results: list[Result], heading: str) -> str:
    """The results as text, as wide as the terminal."""
    from drawbench.tables.render import DEFAULT_WIDTH, render_tables

    width = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns if sys.stdout.isatty() else DEFAULT_WIDTH
    return render_tables(results, "table", heading=heading, width=width)
