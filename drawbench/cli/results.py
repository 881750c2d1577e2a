"""`drawbench results`: a folder of result files: add to it, check it, see what changed, export."""

import argparse
import json
from pathlib import Path

from drawbench.errors import UserError
from drawbench.terminal import terminal_width

EPILOGUE = """examples:
  drawbench results add runs/mine --to results              a scored run becomes a row of the tables
  drawbench results check results                           is every file whole, known and current
  drawbench results diff results/old.json results/new.json  how far each number moved
  drawbench results export runs/mine --out my_model         .eval_results/*.yaml for a model's page on the hub
  drawbench results export results --format csv > all.csv   every number, full precision
"""
HUB, CSV = "hub", "csv"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    parser.epilog = EPILOGUE
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|check|diff|export")
    add = actions.add_parser("add", help="put results of runs or files into a folder, and make its tables anew")
    add.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="scored runs, result files, folders of either")
    add.add_argument("--to", type=Path, default=Path("results"), metavar="DIR", help="the folder (results)")
    check = actions.add_parser("check", help="say what is wrong with each file of a folder")
    check.add_argument("folder", nargs="?", type=Path, default=Path("results"), metavar="DIR", help="(results)")
    diff = actions.add_parser("diff", help="two results: conditions and numbers that changed")
    diff.add_argument("old", type=Path, metavar="OLD")
    diff.add_argument("new", type=Path, metavar="NEW")
    export = actions.add_parser("export", help="results in formats of others")
    export.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="as for add")
    export.add_argument("--format", choices=(HUB, CSV), default=HUB, help=f"default: {HUB}")
    export.add_argument("--dataset", metavar="OWNER/NAME", help="the prompt set's data set on the hub")
    export.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where .eval_results/ goes (here)")
    for each in (add, check, diff):
        each.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Do what is asked."""
    return {"add": _add, "check": _check, "diff": _diff, "export": _export}[args.action](args)


def _add(args: argparse.Namespace) -> int:
    from drawbench.sharing.collection import add_results

    written = [str(path) for path in add_results(args.paths, args.to)]
    print(json.dumps(written, indent=2) if args.json else "\n".join(written))
    return 0


def _check(args: argparse.Namespace) -> int:
    """Print a line for each file. Raises UserError where one is wrong."""
    from drawbench.sharing.collection import check_results

    found = check_results(args.folder)
    if args.json:
        print(json.dumps({str(path): wrong for path, wrong in found.items()}, indent=2))
    else:
        for path, wrong in found.items():
            print(f"{path}: {'; '.join(wrong) or 'good'}")
    bad = sum(bool(wrong) for wrong in found.values())
    if bad:
        raise UserError(f"{bad} of {len(found)} files in {args.folder} are not as they should be: mend or remove them")
    return 0


def _diff(args: argparse.Namespace) -> int:
    from drawbench.results.files import read_result
    from drawbench.sharing.change import changes, changes_text, conditions_differ

    old, new = read_result(args.old), read_result(args.new)
    if args.json:
        facts = {"differs": conditions_differ(old, new), "changes": [each.facts for each in changes(old, new)]}
        print(json.dumps(facts, indent=2))
    else:
        print(changes_text(old, new, terminal_width()), end="")
    return 0


def _export(args: argparse.Namespace) -> int:
    from drawbench.sharing.hub import write_eval_results
    from drawbench.tables.loading import load_results
    from drawbench.tables.render import render_tables

    results = load_results(args.paths)
    if args.format == CSV:
        print(render_tables(results, "csv"), end="")
        return 0
    for path in write_eval_results(results, args.dataset, args.out):
        print(path)
    return 0
