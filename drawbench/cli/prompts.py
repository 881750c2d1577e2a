"""`drawbench prompts`: list the prompt sets, show one, check a file."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from drawbench.prompts import drawbench_set
from drawbench.prompts.files import read_prompt_file, to_tsv
from drawbench.prompts.prompt_set import PromptSet, repeats
from drawbench.prompts.registry import ACCEPTED, list_prompt_sets, load_prompt_set, name_conflict, published_file
from drawbench.terminal import UNFOLDED, listed, terminal_width, write_data
from drawbench.terminal_progress import shown_progress

EPILOGUE = """examples:
  drawbench prompts list
  drawbench prompts show open > mine.tsv      a file to change, and to give as --prompts mine.tsv
  drawbench prompts check my_prompts.csv --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands list, show and check."""
    parser.epilog = EPILOGUE
    subparsers = parser.add_subparsers(dest="action", metavar="list|show|check", required=True)
    list_ = subparsers.add_parser("list", help="the prompt sets by name")
    show = subparsers.add_parser("show", help="a set's prompts, counts and hash")
    show.add_argument("set", metavar="SET", help=ACCEPTED)
    check = subparsers.add_parser("check", help="is a file a valid set, and is it a published one?")
    check.add_argument("file", metavar="FILE", type=Path, help="a .csv, .tsv, .jsonl, .json or .txt file")
    for subparser in (list_, show, check):
        subparser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run one subcommand; 2 when `check` finds a file that could not be used under its name."""
    if args.action == "list":
        return _list(args.json)
    if args.action == "show":
        return _show(load_prompt_set(args.set, shown_progress()), args.json)
    return _check(args.file, args.json)


def _list(as_json: bool) -> int:
    entries = list_prompt_sets()
    if as_json:
        _print_json([asdict(entry) for entry in entries])
        return 0
    rows = [(entry.name, f"{entry.prompts or '':>7}", f"{entry.summary} ({entry.available})") for entry in entries]
    print("\n".join(listed([("set", "prompts", "what it is, and where"), *rows], terminal_width(UNFOLDED))))
    return 0


def _show(prompt_set: PromptSet, as_json: bool) -> int:
    if as_json:
        _print_json(_facts(prompt_set) | {"prompts": [asdict(prompt) for prompt in prompt_set.prompts]})
        return 0
    write_data("tsv")
    print(to_tsv(prompt_set), end="", flush=True)
    _print_facts(prompt_set, sys.stderr)  # so that what goes into a file is the prompts alone
    return 0


def _check(path: Path, as_json: bool) -> int:
    published = published_file(path)
    prompt_set = published.load(path) if published else read_prompt_file(path)
    conflict = None if published else name_conflict(prompt_set, path)
    # The hash decides; the row table only explains.
    difference = (
        None if prompt_set.sha256 == drawbench_set.SHA256 else drawbench_set.first_difference(prompt_set.prompts)
    )
    if as_json:
        verdict = {"published_drawbench": difference is None, "first_difference": difference, "name_conflict": conflict}
        _print_json(_facts(prompt_set) | verdict | {"published": published.name if published else None})
    elif published:
        _print_facts(prompt_set)
        print(f"the published file of {published.title}; licence {published.licence}")
    else:
        _print_facts(prompt_set)
        print("published DrawBench: " + ("yes" if difference is None else f"no; {difference}"))
        if conflict:
            print(f"not usable under this name: {conflict}")
    return 2 if conflict else 0


def _facts(prompt_set: PromptSet) -> dict[str, object]:
    return {
        "name": prompt_set.name,
        "sha256": prompt_set.sha256,
        "ids_sha256": prompt_set.ids_sha256,
        "n": len(prompt_set.prompts),
        "counts": prompt_set.counts(),
        "default_samples": prompt_set.default_samples,
        "reference_images": str(prompt_set.reference_images) if prompt_set.reference_images else None,
    }


def _print_facts(prompt_set: PromptSet, stream: TextIO | None = None) -> None:
    told = [
        f"set {prompt_set.name}: {len(prompt_set.prompts)} prompts; samples of each: {prompt_set.default_samples}",
        f"sha256 {prompt_set.sha256}",
        f"ids sha256 {prompt_set.ids_sha256}",
    ]
    if prompt_set.reference_images:
        told.append(f"reference images {prompt_set.reference_images}")
    if said := repeats(prompt_set.prompts):
        told.append(f"note: {said}")
    told += [f"{count:7d}  {category or '(no category)'}" for category, count in prompt_set.counts().items()]
    print("\n".join(told), file=stream)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
