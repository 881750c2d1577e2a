"""`drawbench score`: sealed runs and a protocol in, numbers out."""

import argparse
from pathlib import Path

from drawbench.cli.run import add_track
from drawbench.errors import UserError
from drawbench.remote.fetched import fetched, parse_reference
from drawbench.terminal import terminal_width
from drawbench.terminal_progress import shown_progress

EPILOGUE = """examples:
  drawbench score runs/x --protocol bundled
  drawbench score runs/x runs/y --protocol imagen --reference coco/val2014 --json
  drawbench score /shared/runs/x --out scores
  drawbench score runs/x --protocol imagen,learned        and every learned scorer whose weights are here

Every image is checked against the hash in the run's seal, one that did not change since by its size and times. Features
are kept in the cache: DRAWBENCH_CACHE, DRAWBENCH_HOME or the user's cache folder. The numbers are written to
RUN/scores/, or to the folder of --out, which `drawbench leaderboard` reads.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOGUE
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="a finished run directory")
    parser.add_argument(
        "--protocol",
        default="bundled",
        metavar="P",
        help="bundled (default) or another of `drawbench protocols list`; several with commas between; "
        "learned: all learned scorers that are here",
    )
    parser.add_argument(
        "--reference",
        type=parse_reference,
        metavar="DIR",
        help="reference images: a folder, or an .npz with mu and sigma; also at an address such as s3://",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="a folder for the scores, where the run cannot be written"
    )
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--batch", type=int, metavar="N", help="images per pass; changes speed and memory only")
    parser.add_argument("--workers", type=int, metavar="N", help="threads that decode; changes speed only")
    parser.add_argument("--verify", action="store_true", help="read every image again, also unchanged ones")
    add_track(parser)
    parser.add_argument("--json", action="store_true", help="print the score files as one JSON list")


def run(args: argparse.Namespace) -> int:
    """Score each run; prints one table per comparable group, or the score files as JSON."""
    from drawbench.models.registry import choose_device
    from drawbench.results.files import result_from_score_file
    from drawbench.runs.directory import RunDirectory
    from drawbench.scoring.chosen import named_protocols
    from drawbench.scoring.references import own_references
    from drawbench.scoring.score import score_run
    from drawbench.sharing.track import require_writer, track
    from drawbench.tables.render import render_tables

    if args.batch is not None and args.batch < 1:
        raise UserError(f"--batch {args.batch} reads no images: give a whole number of at least 1")
    if args.workers is not None and args.workers < 1:
        raise UserError(f"--workers {args.workers} decodes nothing: give a whole number of at least 1")
    if args.track is not None:
        require_writer()
    protocols = named_protocols(args.protocol, None, shown_progress().note).values()
    device = choose_device(args.device)
    references = fetched(args.reference, shown_progress())
    files = [
        score_run(
            path,
            protocol,
            references or own_references(path),
            device=device,
            batch=args.batch,
            workers=args.workers,
            verify=args.verify,
            progress=shown_progress(),
            out=args.out,
        )
        for protocol in protocols
        for path in args.runs
    ]
    runs = [RunDirectory.open(path) for _ in protocols for path in args.runs]
    results = [result_from_score_file(run.plan.model, file, "measured") for run, file in zip(runs, files, strict=True)]
    for result, run in zip(results, runs, strict=True):
        if args.track is not None:
            track(result, run, args.track, args.step)
    if args.json:
        print("[" + ",\n".join(file.model_dump_json(indent=2) for file in files) + "]")
        return 0
    print(render_tables(results, heading="Scores", width=terminal_width()), end="")
    return 0
