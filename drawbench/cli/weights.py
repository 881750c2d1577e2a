"""`drawbench weights`: list the published weights files, fetch them, check a folder of them."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from drawbench.errors import UserError
from drawbench.terminal import UNFOLDED, listed, terminal_width
from drawbench.terminal_progress import shown_progress, terminated_like_interrupted
from drawbench.weights.command import CheckedFile, check_folder, fetch_weights
from metrics.features.weights import FOLDER_VARIABLE, PUBLISHED, located, weights_folders

EPILOGUE = f"""examples:
  drawbench weights list
  drawbench weights fetch ViT-L-14 inception-2015-12-05
  drawbench weights fetch google/siglip-base-patch16-224
  drawbench weights fetch pick-score aesthetic            all that these protocols need
  drawbench weights check

Files are looked for in the folder that {FOLDER_VARIABLE} names, then in `weights` of DRAWBENCH_HOME or
the user's cache folder.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands list, fetch and check."""
    parser.epilog = EPILOGUE
    subparsers = parser.add_subparsers(dest="action", metavar="list|fetch|check", required=True)
    list_ = subparsers.add_parser("list", help="the files that protocols need, and where they are")
    fetch = subparsers.add_parser("fetch", help="download files, or resume downloading them")
    fetch.add_argument(
        "names", metavar="NAME", nargs="+", help="of `list`, of a learned scorer, or OWNER/NAME of a hub model"
    )
    fetch.add_argument(
        "--to", metavar="DIR", type=Path, help=f"the files' folder (default: {FOLDER_VARIABLE} or cache)"
    )
    check = subparsers.add_parser("check", help="are the files the published ones?")
    check.add_argument("folder", metavar="DIR", type=Path, nargs="?", help="default: the folders that are searched")
    for subparser in (list_, fetch, check):
        subparser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run one subcommand; 2 when `check` finds a file that is not what its name says."""
    if args.action == "list":
        return _list(args.json)
    if args.action == "fetch":
        return _fetch(args)
    return _check(args.folder, args.json)


def _list(as_json: bool) -> int:
    """Where each file is; its digest is not checked for a list."""
    files = [(weights, str(found) if (found := located(weights)) else None) for weights in PUBLISHED]
    if as_json:
        facts = [{"name": weights.name, **asdict(weights), "path": path} for weights, path in files]
        print(json.dumps(facts, indent=2))
        return 0
    rows = [("name", "    size", "SHA-256", "where it is; what needs it; licence")]
    for weights, path in files:
        size = f"{weights.size / 1e6:.0f} MB" if weights.size else "unknown"
        digest = weights.sha256[:12] or "unverified"
        told = f"{path or 'missing'}; {weights.used_for}; licence {weights.licence}"
        rows.append((weights.name, f"{size:>8}", digest, told))
    print("\n".join(listed(rows, terminal_width(UNFOLDED))))
    return 0


def _fetch(args: argparse.Namespace) -> int:
    with terminated_like_interrupted():
        paths = fetch_weights(args.names, args.to, shown_progress())
    print(json.dumps([str(path) for path in paths], indent=2) if args.json else "\n".join(map(str, paths)))
    return 0


def _check(folder: Path | None, as_json: bool) -> int:
    folders = [folder] if folder else [place for place in weights_folders() if place.is_dir()]
    checked = [found for place in folders for found in check_folder(place)]
    if as_json:
        print(json.dumps([asdict(found) for found in checked], indent=2))
    elif not checked:
        places = ", ".join(map(str, [folder] if folder else weights_folders()))
        raise UserError(f"there are no weights files in {places}: fetch some, or name another folder")
    else:
        for found in checked:
            print(_line(found))
    return 2 if any(found.verdict == "wrong" for found in checked) else 0


def _line(found: CheckedFile) -> str:
    detail = "; ".join(part for part in (found.sha256, found.reason) if part)
    return f"{found.verdict:<12}  {found.path}  {detail}"
