"""`drawbench study restore`: a study from its backup, or a look whether a backup is whole."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.errors import UserError

if TYPE_CHECKING:
    from human_eval_app.backup.archive import BackupManifest

EPILOGUE = """examples:
  drawbench study restore a-b.zip --check                      is the file whole? what is in it?
  drawbench study restore a-b.zip --out studies/again          with its votes in studies/again/votes.sqlite
  drawbench study restore a-b.zip --out studies/again --database postgresql://user@host/empty
Raters' links work as before and lead them to where they were, if the secret and the images are in the backup. Stop the
old server first: votes given to it later are not in the restored study.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("backup", type=Path, metavar="FILE", help="an archive made by study backup")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, metavar="STUDY", help="the study's new folder")
    what.add_argument("--check", action="store_true", help="read the archive to its end, and restore nothing")
    parser.add_argument("--database", metavar="URL", help="an empty database (default: votes.sqlite in the folder)")
    parser.add_argument("--json", action="store_true", help="say what was restored as JSON")


def run(args: argparse.Namespace) -> int:
    """Restore or check, and say what was in the archive."""
    from drawbench.terminal_progress import shown_progress, terminated_like_interrupted
    from human_eval_app.backup.restore import check_backup, restore

    if args.check and args.database:
        raise UserError("--check restores nothing, so --database has no meaning with it: leave one of them out.")
    if args.check:
        manifest = check_backup(args.backup)
    else:
        with terminated_like_interrupted():
            manifest = restore(args.backup, args.out, args.database, shown_progress())
    if args.json:
        print(facts_json(manifest, args.backup))
        return 0
    made = "is whole: it holds" if args.check else f"is restored to {args.out}:"
    print(f"drawbench: {args.backup} {made} {facts_text(manifest)}", file=sys.stderr)
    if not args.check:
        for line in _lacks(manifest, args.out):
            print(f"drawbench: {line}", file=sys.stderr)
    return 0


def facts_text(manifest: "BackupManifest") -> str:
    """What an archive holds, in words."""
    images = f"{len(manifest.images)} images" if manifest.images else "no images"
    secret = "the secret" if manifest.has_secret else "no secret"
    return (
        f"study {manifest.study} as of {manifest.made_at}, design {manifest.design_sha256[:12]}: "
        f"{manifest.raters} raters, {manifest.votes} votes, {images}, {secret}."
    )


def facts_json(manifest: "BackupManifest", path: Path) -> str:
    """The same for programs."""
    facts = manifest.model_dump(mode="json", exclude={"files"})
    return json.dumps(
        {
            "file": str(path),
            **facts,
            "raters": manifest.raters,
            "votes": manifest.votes,
            "images": len(manifest.images),
            "secret": manifest.has_secret,
        }
    )


def _lacks(manifest: "BackupManifest", out: Path) -> list[str]:
    """What the restored study still needs before raters can go on."""
    lines = []
    if not manifest.images:
        lines.append(
            f"the backup was made without images: copy the folder images of the study to {out} before serving."
        )
    if not manifest.has_secret:
        lines.append(f"the backup was made without the secret: copy the study's secret.key to {out} before serving.")
    return lines
