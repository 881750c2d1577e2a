"""`python -m reference_model.world.gallery --out FOLDER`: pictures of everything in the rich world, on one page.

Sheets as PNG (objects by family in several colours, patterns, relations, settings, kinds of scenes with captions) and
index.html, which shows them.
"""

import argparse
import html
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reference_model.world.rich.captions import caption
from reference_model.world.rich.colours import COLOURS
from reference_model.world.rich.layout import Layout, sample_layout
from reference_model.world.rich.objects import FAMILIES, OBJECTS
from reference_model.world.rich.patterns import COLOURED, PATTERNS
from reference_model.world.rich.render import render
from reference_model.world.rich.sampling import sample_scene
from reference_model.world.rich.scene import KINDS, RELATIONS, Item, Scene
from reference_model.world.rich.settings import SETTINGS

_TILE = 112  # pixels
_LINE = 14  # pixels, of a label's line
_LETTERS = 19  # of a label, on one line
_SHOWN = ("red", "blue", "yellow", "white", "black")
_HALF = 0.42  # of the single objects


@dataclass(frozen=True)
class Tile:
    """A picture with a label below it."""

    label: str
    layout: Layout


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the sheets and the page; prints where the page is."""
    parser = argparse.ArgumentParser(prog="python -m reference_model.world.gallery", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder, made when it is not there")
    parser.add_argument("--tile", type=int, default=_TILE, help=f"side of a picture in pixels (default {_TILE})")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    titles = []
    for name, title, tiles, columns in sheets():
        sheet(tiles, columns, args.tile).save(args.out / f"{name}.png", optimize=True)
        titles.append((name, title))
    (args.out / "index.html").write_text(_page(titles))
    print(args.out / "index.html")


def sheets() -> Iterable[tuple[str, str, list[Tile], int]]:
    """Name, title, tiles and columns of every sheet."""
    yield "overview", "Every object, pattern, relation, setting and kind of scene once", overview(), 12
    for family, recipes in FAMILIES.items():
        tiles = [tile for name in recipes for tile in _object_tiles(name)]
        yield f"objects-{family}", f"Objects: {family}", tiles, 2 + len(_SHOWN)
    yield "colours", "Every colour", [_alone(Item("balloon", colour)) for colour in COLOURS], 6
    patterned = [name for name in sorted(OBJECTS) if OBJECTS[name].patterned]
    yield "patterns", "Patterns and materials", [t for name in patterned for t in _pattern_tiles(name)], 8
    yield "relations", "Relations", _scene_tiles({"relation": RELATIONS}), 8
    yield "settings", "Settings", _scene_tiles({"setting": SETTINGS}), 8
    yield "kinds", "Kinds of scenes", _scene_tiles({"kind": KINDS}), 8


def overview() -> list[Tile]:
    """Every object once, and one picture of every pattern, relation, setting and kind of scene."""
    chosen = {name: (recipe.natural or ("purple",))[0] for name, recipe in OBJECTS.items()}
    tiles = [_alone(Item(name, colour), name) for name, colour in chosen.items()]
    tiles += _pattern_tiles("umbrella")
    for name, values in (("relation", RELATIONS), ("setting", SETTINGS), ("kind", ("count", "groups", "sign"))):
        tiles += [Tile(value, tile.layout) for value, tile in zip(values, _scene_tiles({name: values}, 1), strict=True)]
    return tiles


def sheet(tiles: Sequence[Tile], columns: int, side: int) -> Image.Image:
    """Tiles in rows, each with its label."""
    font = ImageFont.load_default(11)
    labels = [textwrap.wrap(tile.label, _LETTERS, break_long_words=False, break_on_hyphens=False) for tile in tiles]
    height = side + 4 + _LINE * max(map(len, labels))
    picture = Image.new("RGB", (columns * (side + 6), -(-len(tiles) // columns) * height), "white")
    draw = ImageDraw.Draw(picture)
    for number, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        x, y = number % columns * (side + 6), number // columns * height
        picture.paste(Image.fromarray(np.ascontiguousarray(render(tile.layout, side))), (x, y))
        draw.multiline_text((x + 2, y + side + 1), "\n".join(label), "black", font, spacing=1)
    return picture


def _object_tiles(name: str) -> list[Tile]:
    """An object as it is in life, in several colours, and with its second part in another one."""
    recipe = OBJECTS[name]
    tiles = [_alone(Item(name, (recipe.natural or ("purple",))[0]), name)]
    tiles += [_alone(Item(name, colour), colour) for colour in _SHOWN]
    part = Item(name, "turquoise", second="purple" if recipe.second else None)
    return [*tiles, _alone(part, f"{recipe.second}: purple" if recipe.second else "turquoise")]


def _pattern_tiles(name: str) -> list[Tile]:
    colours = {pattern: "red" if pattern in COLOURED else None for pattern in PATTERNS}
    return [_alone(Item(name, colour, pattern=pattern), f"{pattern} {name}") for pattern, colour in colours.items()]


def _alone(item: Item, label: str | None = None) -> Tile:
    layout = sample_layout(Scene((item,), "plain"), Random(item.object))
    (placement,) = layout.placements
    left, top, right, bottom = placement.box
    scale = _HALF / placement.half
    x = 0.5 + ((placement.x - (left + right) / 2) * scale)
    y = 0.5 + ((placement.y - (top + bottom) / 2) * scale)
    larger = type(placement)(item.object, item.colour, item.pattern, item.second, x, y, _HALF)
    return Tile(label or str(item.colour), Layout("plain", None, (larger,)))


def _scene_tiles(asked: dict[str, Sequence[str]], each: int = 8) -> list[Tile]:
    """Scenes that have each of the values of a property, with a caption."""
    ((name, values),) = asked.items()
    tiles = []
    for value in values:
        seeds = (Random(f"gallery {name} {value} {number}") for number in range(100_000))
        found = ((scene, random) for random in seeds if getattr(scene := sample_scene(random, "train"), name) == value)
        for _, (scene, random) in zip(range(each), found, strict=False):
            tiles.append(Tile(caption(scene, random), sample_layout(scene, random)))
    return tiles


def _page(titles: Sequence[tuple[str, str]]) -> str:
    sections = "\n".join(
        f'<h2>{html.escape(title)}</h2>\n<img src="{name}.png" alt="{html.escape(title)}">' for name, title in titles
    )
    style = "body { font-family: sans-serif; margin: 2em; } img { max-width: 100%; }"
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>The rich world</title>\n'
        f"<style>{style}</style>\n<h1>The rich world</h1>\n{sections}\n</html>\n"
    )


if __name__ == "__main__":
    main()
