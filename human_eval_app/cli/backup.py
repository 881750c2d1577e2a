"""`drawbench study backup`: a study and its votes as one file, while raters are at work."""

import argparse
import sys
from pathlib import Path

from human_eval_app.cli.votes import add_study_options

EPILOGUE = """examples:
  drawbench study backup studies/a-b --out a-b.zip
  drawbench study backup studies/a-b --out votes-monday.zip --without-images
  drawbench study backup studies/a-b --database postgresql://user@host/votes --out a-b.zip
The votes are those of one moment; the app goes on meanwhile. The file holds raters' ids at a recruitment service and
the secret with which links are signed: keep it as safe as these. Images never change: one backup with them is enough.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    add_study_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="the archive, a new file")
    parser.add_argument("--without-images", action="store_true", help="leave the images out: they never change")
    parser.add_argument("--without-secret", action="store_true", help="leave out what signs links")
    parser.add_argument("--json", action="store_true", help="say what was written as JSON")


def run(args: argparse.Namespace) -> int:
    """Write the archive and say what is in it."""
    from drawbench.terminal_progress import shown_progress, terminated_like_interrupted
    from human_eval_app.app.service import default_database
    from human_eval_app.backup.backup import write_backup
    from human_eval_app.cli.restore import facts_json, facts_text

    with terminated_like_interrupted():
        manifest = write_backup(
            args.study,
            args.out,
            args.database or default_database(args.study),
            images=not args.without_images,
            secret=not args.without_secret,
            progress=shown_progress(),
        )
    if args.json:
        print(facts_json(manifest, args.out))
    else:
        print(f"drawbench: {args.out} holds {facts_text(manifest)}", file=sys.stderr)
    return 0
