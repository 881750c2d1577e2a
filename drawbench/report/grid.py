"""A picture of a run for a README or a paper: the first images of every category, unpicked, in two columns.

python -m drawbench.report.grid RUN --out PICTURE.png
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from drawbench.interface import Sample
from drawbench.runs.directory import RunDirectory

TILE, GAP, MARGIN, LABEL_HEIGHT, ID_HEIGHT = 112, 4, 16, 24, 16
PER_CATEGORY, COLUMNS = 6, 2
INK, SOFT, PAPER, REFUSED = (30, 30, 34), (91, 102, 114), (255, 255, 255), (225, 225, 228)


def category_grid(run: RunDirectory, ids: bool = False) -> Image.Image:
    """The first images of every category in plan order; a refused one is an empty tile.

    ids: below each image its prompt's.
    """
    groups: dict[str, list[Sample]] = {}
    for sample in run.samples():
        if sample.index == 0:
            groups.setdefault(sample.category, []).append(sample)
    rows = -(-len(groups) // COLUMNS)
    block_width = PER_CATEGORY * (TILE + GAP) - GAP
    block_height = LABEL_HEIGHT + TILE + (ID_HEIGHT if ids else 0) + MARGIN
    width = COLUMNS * block_width + (COLUMNS + 1) * MARGIN
    picture = Image.new("RGB", (width, rows * block_height + MARGIN), PAPER)
    for number, (category, samples) in enumerate(groups.items()):
        column, row = divmod(number, rows)
        left, top = MARGIN + column * (block_width + MARGIN), MARGIN + row * block_height
        ImageDraw.Draw(picture).text((left, top), category, INK, ImageFont.load_default(15))
        _paste_row(picture, run, samples[:PER_CATEGORY], left, top + LABEL_HEIGHT)
        for position, sample in enumerate(samples[:PER_CATEGORY] if ids else ()):
            corner = (left + position * (TILE + GAP), top + LABEL_HEIGHT + TILE + 2)
            ImageDraw.Draw(picture).text(corner, sample.prompt_id, SOFT, _fitting(sample.prompt_id))
    return picture


def _fitting(text: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The largest of some sizes at which a text is no wider than its tile."""
    fonts = [ImageFont.load_default(size) for size in (11, 10, 9, 8)]
    return next((font for font in fonts if font.getlength(text) <= TILE), fonts[-1])


def _paste_row(picture: Image.Image, run: RunDirectory, samples: Sequence[Sample], left: int, top: int) -> None:
    for position, sample in enumerate(samples):
        corner = (left + position * (TILE + GAP), top)
        if run.refusal(sample) is not None:
            picture.paste(Image.new("RGB", (TILE, TILE), REFUSED), corner)
            continue
        with Image.open(run.image_path(sample)) as image:
            picture.paste(image.resize((TILE, TILE), Image.Resampling.LANCZOS), corner)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(
        prog="python -m drawbench.report.grid",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ids", action="store_true", help="below each image its prompt's id")
    args = parser.parse_args()
    picture = category_grid(RunDirectory.open(args.run), args.ids)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
