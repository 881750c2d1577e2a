"""`drawbench report`: scored runs as a folder of static pages."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from drawbench.terminal_progress import shown_progress

EPILOGUE = """examples:
  drawbench report runs/a runs/b --out report      then open report/index.html; no server is needed
  drawbench report runs/a runs/b --study studies/a-b --sweep sweeps/a --out report
  drawbench report /shared/runs/x --scores scores --out report

Runs of the same prompts stand side by side, and each two of them are compared, paired by prompt, as `drawbench compare`
does: with distances where the references are known, from the set or from --reference.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="finished run directories")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder, or an older report, which is replaced"
    )
    parser.add_argument(
        "--scores", type=Path, metavar="DIR", help="a folder of `score --out`, for runs whose scores are there"
    )
    parser.add_argument("--study", type=Path, metavar="DIR", help="a human study that was analysed, to show beside")
    parser.add_argument("--sweep", type=Path, metavar="DIR", help="a sweep, for its FID-CLIP curves")
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="DIR",
        help="reference images, for the differences of distances (`world` has its own)",
    )
    parser.add_argument("--device", default="auto", metavar="D", help="where differences are computed (auto)")
    parser.add_argument(
        "--no-compare", action="store_true", help="leave the differences out, which read the features of all images"
    )
    parser.add_argument(
        "--with-originals", action="store_true", help="copy the images into the report, so that it can be moved"
    )
    parser.add_argument(
        "--with-prompt-text",
        action="store_true",
        help="show the text of DrawBench's prompts, too; such a report is not for publication",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Build the report and print the path of its first page."""
    from drawbench.models.registry import choose_device
    from drawbench.report.build import check_place, write_report
    from drawbench.report.pairs import compare_pairs
    from drawbench.report.sources import Sources, read_points, read_runs, read_study
    from drawbench.scoring.references import own_references

    check_place(args.out)
    progress = shown_progress()
    runs = read_runs(args.runs, args.scores, prompt_text=args.with_prompt_text)
    human = read_study(args.study) if args.study else ()
    sweep = read_points(args.sweep) if args.sweep else None
    sources = Sources(runs, human, sweep)
    if len(runs) > 1 and not args.no_compare:
        device = choose_device(args.device)
        compared, missing = compare_pairs(runs, lambda path: args.reference or own_references(path), device, progress)
        sources = replace(sources, comparisons=compared, uncompared=missing)
    page = write_report(sources, args.out, progress, originals=args.with_originals)
    print(json.dumps({"report": str(page), "runs": [str(path) for path in args.runs]}, indent=2) if args.json else page)
    return 0
