"""`drawbench runs`: the runs of a folder, and how far each is; a run of object storage as a directory."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drawbench.errors import UserError
from drawbench.remote.object_store import parse_place
from drawbench.runs.generate import RUNS
from drawbench.terminal import UNFOLDED, listed, terminal_width
from drawbench.terminal_progress import shown_progress

EPILOGUE = """examples:
  drawbench runs list                 those in ./runs
  drawbench runs list elsewhere --json
  drawbench runs pull s3://bucket/runs/x runs/x
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand."""
    parser.epilog = EPILOGUE
    subparsers = parser.add_subparsers(dest="action", metavar="list|pull", required=True)
    list_ = subparsers.add_parser("list", help="the runs of a folder: model, prompts, images, scores")
    list_.add_argument("folder", nargs="?", type=Path, default=RUNS, metavar="DIR", help="a folder of runs (./runs)")
    list_.add_argument("--json", action="store_true", help="print JSON")
    pull_ = subparsers.add_parser("pull", help="a run of object storage, as the directory that is scored")
    pull_.add_argument("url", type=parse_place, metavar="s3://BUCKET/PREFIX", help="where generate has drawn it")
    pull_.add_argument("out", type=Path, metavar="DIR", help="run directory; what is there of it stays")
    pull_.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print them, in the order of their names; or pull one and print what it holds."""
    if args.action == "pull":
        return _pull(args)
    if not args.folder.is_dir():
        raise UserError(f"there is no folder {args.folder}: name one with runs, or make a run first")
    places = [args.folder, *sorted(args.folder.iterdir())]
    found = [_facts(place) for place in places if (place / "manifest.json").is_file()]
    if args.json:
        print(json.dumps(found, indent=2))
    elif found:
        rows = [("run", "model", "prompts", "images", "state", "scores"), *map(_row, found)]
        print("\n".join(listed(rows, terminal_width(UNFOLDED))))
    else:
        raise UserError(f"there are no runs in {args.folder}: name a folder with runs, or make one first")
    return 0


def _pull(args: argparse.Namespace) -> int:
    from drawbench.cli.generate import facts_text, resumable, run_facts
    from drawbench.runs.into_store import pull

    if isinstance(args.url, Path):
        raise UserError(f"{args.url} is no place in object storage: name one such as s3://bucket/runs/x.")
    with resumable(args):
        finished = pull(args.url, args.out, shown_progress())
    print(json.dumps(run_facts(finished), indent=2) if args.json else facts_text(finished))
    return 0


def _facts(path: Path) -> dict[str, Any]:
    """state: sealed, unfinished, or unreadable, with why."""
    from drawbench.runs.directory import RunDirectory

    try:
        opened = RunDirectory.open(path)
        plan, seal = opened.plan, opened.seal
    except UserError as error:
        return {"run": str(path), "state": f"unreadable: {error}"}
    return {
        "run": str(path),
        "model": plan.model.name,
        "prompt_set": plan.prompt_set_name,
        "complete": plan.complete,
        "size": plan.size,
        "planned": plan.n_prompts * plan.samples,
        "images": seal.images if seal else None,
        "refused": seal.refused if seal else None,
        "state": "sealed" if seal else "unfinished",
        "scores": sorted(score.stem for score in (path / "scores").glob("*.json")),
    }


def _row(facts: dict[str, Any]) -> Sequence[str]:
    if "model" not in facts:
        state, _, why = facts["state"].partition(": ")
        return [facts["run"], "", "", "", state, why]
    part = "" if facts["complete"] else " [partial]"
    images = facts["planned"] if facts["images"] is None else facts["images"]
    count = f"{images} of {facts['size']} px" + (f", {facts['refused']} refused" if facts["refused"] else "")
    scores = ", ".join(facts["scores"]) or "none"
    return [facts["run"], facts["model"], facts["prompt_set"] + part, count, facts["state"], scores]
