"""The gallery: every sheet is there, none is empty, and the page shows them all."""

import re
from pathlib import Path

import pytest
from PIL import Image

from reference_model.world import gallery
from reference_model.world.rich.objects import OBJECTS
from reference_model.world.rich.scene import KINDS, RELATIONS
from reference_model.world.rich.settings import SETTINGS


def test_the_sheets_show_everything() -> None:
    sheets = {name: tiles for name, _, tiles, _ in gallery.sheets()}
    shown = {
        p.object
        for name, tiles in sheets.items()
        if name.startswith("objects-")
        for t in tiles
        for p in t.layout.placements
    }
    assert shown == set(OBJECTS)
    assert set(OBJECTS) <= {tile.label for tile in sheets["overview"]}
    assert {tile.layout.setting for tile in sheets["settings"]} == set(SETTINGS)
    assert len(sheets["relations"]) == 8 * len(RELATIONS)
    assert len(sheets["kinds"]) == 8 * len(KINDS)
    patterns = {p.pattern for tile in sheets["patterns"] for p in tile.layout.placements}
    assert patterns == {"striped", "dotted", "wooden", "glass"}


def test_the_page_shows_every_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery.main(["--out", str(tmp_path / "gallery"), "--tile", "24"])
    page = tmp_path / "gallery" / "index.html"
    assert capsys.readouterr().out.strip() == str(page)
    named = re.findall(r'<img src="(.*?)"', page.read_text())
    assert sorted(named) == sorted(path.name for path in page.parent.glob("*.png"))
    for name in named:
        with Image.open(page.parent / name) as sheet:
            assert len(sheet.convert("RGB").getcolors(1_000_000)) > 8
