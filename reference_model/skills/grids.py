"""Pictures of what a model can do: for each skill the first held-out scenes that ask for it, unpicked, each checked.

python -m reference_model.skills.grids --checkpoint reference_model/weights/tiny --out skills
"""

import argparse
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from reference_model.errors import with_exit_code
from reference_model.skills.measure import CHECKED_SIZE, SkillRequest, draw_requests, wilson_interval
from reference_model.world.worlds import world_named

WORLD = "small"
KIND_OF_SKILL = {"object": "single", "colour": "pair", "count": "count", "relation": "pair", "word": "sign"}
COLUMNS, ROWS = 8, 3
TILE, GAP, MARGIN, HEADING = 128, 8, 16, 30  # pixels
CAPTION_LINES, LINE_HEIGHT, LETTERS = 3, 13, 20
PAPER, INK, SOFT = (255, 255, 255), (29, 33, 38), (91, 102, 114)
RIGHT, WRONG = (0, 114, 178), (213, 94, 0)  # told apart by the colour-blind; the sign says it as well
TICK = ((0, 5), (3, 8), (8, 0))
CROSS = ((0, 0), (8, 8), (4, 4), (8, 0), (0, 8))
SEED = 20  # of scenes, captions and noise: not those that skills are measured on

# texts and seeds -> uint8 images (64, 64, 3)
Draw = Callable[[Sequence[str], Sequence[int]], Sequence[np.ndarray]]


@dataclass(frozen=True)
class CheckedImage:
    """One image and whether it shows what its caption asks for."""

    image: np.ndarray
    caption: str
    right: bool


def skill_tiles(draw: Draw, skill: str, count: int = COLUMNS * ROWS, seed: int = SEED) -> list[CheckedImage]:
    """The first `count` held-out scenes of the skill's kind, drawn by a model and checked for that skill alone."""
    known, chosen = world_named(WORLD), _requests(KIND_OF_SKILL[skill], count, seed)
    images = draw([request.text for request in chosen], [request.seed for request in chosen])
    checks = [known.check_image(image, request.scene) for image, request in zip(images, chosen, strict=True)]
    return [
        CheckedImage(image, request.text, check[skill])
        for image, request, check in zip(images, chosen, checks, strict=True)
    ]


def grid(skill: str, tiles: Sequence[CheckedImage]) -> Image.Image:
    """The tiles in rows, each with its caption and the verdict; the heading counts the right ones."""
    rows = -(-len(tiles) // COLUMNS)
    height = TILE + CAPTION_LINES * LINE_HEIGHT + GAP
    size = (2 * MARGIN + COLUMNS * (TILE + GAP) - GAP, MARGIN + HEADING + rows * (height + GAP))
    picture = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(picture)
    pen.text((MARGIN, MARGIN - 4), _heading(skill, tiles), INK, ImageFont.load_default(16))
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        _put(picture, pen, tile, MARGIN + column * (TILE + GAP), MARGIN + HEADING + row * (height + GAP))
    return picture


def _heading(skill: str, tiles: Sequence[CheckedImage]) -> str:
    right = sum(tile.right for tile in tiles)
    low, high = wilson_interval(right / len(tiles), len(tiles))
    return f"{skill}: {right} of {len(tiles)} right (95% interval {low:.0%} to {high:.0%})"


def _put(picture: Image.Image, pen: ImageDraw.ImageDraw, tile: CheckedImage, left: int, top: int) -> None:
    picture.paste(Image.fromarray(tile.image).resize((TILE, TILE), Image.Resampling.LANCZOS), (left, top))
    colour = RIGHT if tile.right else WRONG
    pen.rectangle((left, top + TILE, left + TILE - 1, top + TILE + 3), fill=colour)
    lines = textwrap.wrap(tile.caption, LETTERS, max_lines=CAPTION_LINES, placeholder=" …")
    pen.line([(left + x, top + TILE + 9 + y) for x, y in (TICK if tile.right else CROSS)], colour, 2)
    for number, line in enumerate(lines):
        pen.text((left + 14, top + TILE + 6 + number * LINE_HEIGHT), line, SOFT, ImageFont.load_default(11))


def _requests(kind: str, count: int, seed: int) -> list[SkillRequest]:
    assert kind in world_named(WORLD).kinds, "a kind that the world has not is never found"
    found: list[SkillRequest] = []
    asked = 4 * count
    while len(found) < count:  # a longer list begins with the shorter one
        found = [request for request in draw_requests(asked, "held_out", seed) if request.scene.kind == kind]
        asked *= 2
    return found[:count]


@with_exit_code
def main(arguments: Sequence[str] | None = None) -> None:
    """Write one picture for each skill."""
    parser = argparse.ArgumentParser(
        prog="python -m reference_model.skills.grids",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--checkpoint", type=Path, required=True, help="a cascade's folder")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--steps", type=int, default=16)
    args = parser.parse_args(arguments)
    from reference_model.cascade import SamplingSettings
    from reference_model.checkpoint import load_cascade

    cascade = load_cascade(args.checkpoint)
    settings = [SamplingSettings(args.steps, args.guidance)]
    args.out.mkdir(parents=True, exist_ok=True)
    for skill in KIND_OF_SKILL:
        tiles = skill_tiles(lambda texts, seeds: list(cascade.generate(texts, seeds, CHECKED_SIZE, settings)), skill)
        path = args.out / f"{skill}.jpg"  # all colours: a palette would change those that are judged
        grid(skill, tiles).save(path, quality=88, subsampling=0, optimize=True)
        print(f"{path}: {_heading(skill, tiles)}")


if __name__ == "__main__":
    sys.exit(main())
