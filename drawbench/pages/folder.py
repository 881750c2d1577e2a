"""The folder that pages are written into: which one may be replaced."""

from collections.abc import Collection
from pathlib import Path

from drawbench.errors import UserError

FIRST = "index.html"


def check_place(out: Path, generator: str, name: str, own: Collection[str] = ()) -> None:
    """Raises UserError where `out` is neither new nor empty nor an older folder by this generator.

    name: what such a folder is called. own: all that it may hold, where anything else is to be kept.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    page, mark = out / FIRST, f'<meta name="generator" content="{generator}">'
    if not page.is_file() or mark not in page.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise UserError(f"{out} is there and is not a {name}: give a new folder, or remove it yourself")
    foreign = sorted(each.name for each in out.iterdir() if own and each.name not in own)
    if foreign:
        raise UserError(
            f"{out} also holds {foreign[0]}, which is no part of the {name}: give a new folder, or move it away"
        )
