"""`drawbench coco`: COCO's files checked, captions chosen from them, and sets made in their layout."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from drawbench.errors import UserError
from drawbench.files import atomic_folder, write_text_atomically, writing

SMALLEST = 16  # pixels; below it no object can be told from another
WORLDS = ("small", "rich", "core", "pairs")  # `small` is what the bundled weights and scorer know
SHOWN = 10  # files named for one problem; --json names all

EPILOGUE = """examples:
  drawbench coco check coco_root --digests
  drawbench coco sample coco_root -n 10000 --out ids.csv
  drawbench coco synth --out my_set -n 500
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `drawbench coco`."""
    parser.epilog = EPILOGUE
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="are the official files there, whole and readable? what can be run?")
    check.add_argument("root", type=Path, metavar="ROOT", help="the folder that holds annotations/ and val2014/")
    check.add_argument("--digests", action="store_true", help="read every image too (minutes for val2014)")
    check.add_argument("--year", metavar="Y", help="2014 or 2017 (what is there)")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(action=_check)
    sample = commands.add_parser("sample", help="the captions that a set takes, and the hash of their ids")
    sample.add_argument("root", type=Path, metavar="ROOT", help="COCO's folder, or a captions file")
    sample.add_argument("-n", type=int, metavar="N", help="captions of distinct images (30000, or all)")
    sample.add_argument("--seed", type=int, default=0, metavar="S", help="another seed chooses others (default 0)")
    sample.add_argument("--no-people", action="store_true", help="leave out those that speak of people")
    sample.add_argument("--year", metavar="Y", help="2014 or 2017 (what is there)")
    sample.add_argument("--out", type=Path, metavar="FILE", help="write id, image_id and caption to this .csv file")
    sample.add_argument("--json", action="store_true", help="print JSON")
    sample.set_defaults(action=_sample)
    synth = commands.add_parser("synth", help="write a set of scenes of the procedural world, with captions")
    synth.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    synth.add_argument("-n", type=int, default=500, metavar="N", help="captioned images (default 500)")
    synth.add_argument("--size", type=int, default=64, metavar="PX", help="pixels (default 64)")
    synth.add_argument("--world", choices=WORLDS, default=WORLDS[0], help="vocabulary of its scenes (default small)")
    synth.add_argument("--seed", default="world", metavar="S", help="another seed draws other scenes (default world)")
    synth.set_defaults(action=_synth)


def run(args: argparse.Namespace) -> int:
    """Run one of the commands; 2 when `check` finds something wrong."""
    return args.action(args)


def _check(args: argparse.Namespace) -> int:
    """Print what is there, what is wrong with it, and what can be run."""
    from drawbench.prompts.coco_check import check_root
    from drawbench.terminal_progress import shown_progress

    found = check_root(args.root, args.year, args.digests, shown_progress())
    if args.json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return 2 if found.problems else 0
    print(f"{found.captions_file}: {found.captions} captions of {found.images_listed} images, md5 {found.captions_md5}")
    read = f", {found.images_read} of them read" if args.digests else ", not read (see --digests)"
    print(f"images: {found.images_there}{read if found.images_there else ''}")
    if found.pixels_sha256:
        print(f"as references: sha256 {found.pixels_sha256}")
    for problem in found.problems:
        print(f"wrong: {problem.what}{_named(problem.files)}")
    for line in found.possible:
        print(f"can be run: {line}")
    return 2 if found.problems else 0


def _named(files: Sequence[str]) -> str:
    """The first files of a problem, a line each, and how many are left."""
    lines = [f"\n  {name}" for name in files[:SHOWN]]
    return "".join(lines) + (f"\n  and {len(files) - SHOWN} more (--json names all)" if len(files) > SHOWN else "")


def _sample(args: argparse.Namespace) -> int:
    """Print the hash of the chosen ids, and write the choice as a list that `coco:ROOT,captions=FILE` takes."""
    from drawbench.prompts.captions import Choice, to_list
    from drawbench.prompts.coco import caption_prompt_set, chosen_captions, find_captions

    source = find_captions(args.root, args.year)
    chosen = chosen_captions(source, Choice(args.n, args.seed, people=not args.no_people))
    prompt_set = caption_prompt_set(source.name, chosen, source.file.path, None)
    if args.out:
        with writing(args.out, "name another file with --out"):
            write_text_atomically(args.out, to_list(chosen))
    facts = {"n": len(chosen), "seed": args.seed, "ids_sha256": prompt_set.ids_sha256, "sha256": prompt_set.sha256}
    if args.json:
        print(json.dumps(facts | {"people": not args.no_people, "ids": [caption.id for caption in chosen]}, indent=2))
        return 0
    print(f"{len(chosen)} captions of {source.file.path}, seed {args.seed}{', no people' if args.no_people else ''}")
    print(f"ids sha256 {prompt_set.ids_sha256}\nprompts sha256 {prompt_set.sha256}")
    return 0


def _synth(args: argparse.Namespace) -> int:
    """Write the set, and print the name by which `--prompts` takes it."""
    if args.n < 1 or args.size < SMALLEST:
        raise UserError(f"-n {args.n} --size {args.size}: use at least 1 image of at least {SMALLEST} pixels")
    if args.out.exists() and not (args.out.is_dir() and not any(args.out.iterdir())):
        raise UserError(f"{args.out} is there and is not an empty folder: name a new one with --out")
    with writing(args.out, "name another --out"):
        _write(args.out, args.world, args.n, args.seed, args.size)
    print(f"coco:{args.out}")
    return 0


def _write(out: Path, world: str, n: int, seed: str, size: int) -> None:
    """The whole set or nothing: it gets its name once it is complete."""
    from reference_model.world import coco_set
    from reference_model.world.rich import coco_files

    with atomic_folder(out) as staged:
        if world == "rich":
            coco_files.synthesise(staged.path, n, seed, size)
        else:
            coco_set.synthesise(staged.path, n, n, seed, size)
