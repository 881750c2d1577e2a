"""A picture of a run for a README or a paper: the first images of every category, unpicked, in two columns.

python -m drawbench.report.grid RUN --out PICTURE.png
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from drawbench.interface import Sample
from drawbench.runs.directory import RunDirectory

TILE, GAP, MARGIN, LABEL_HEIGHT = 112, 4, 16, 24
UNDER = {"": 0, "ids": 16, "texts": 42}  # what stands below each image, and how many pixels it takes
TEXT_SIZE, TEXT_LINES = 10, 3
PER_CATEGORY, COLUMNS = 6, 2
INK, SOFT, PAPER, REFUSED = (30, 30, 34), (91, 102, 114), (255, 255, 255), (225, 225, 228)


def category_grid(run: RunDirectory, under: str = "") -> Image.Image:
    """The first images of every category in plan order; a refused one is an empty tile.

    under: `ids` or `texts` of the prompts below each image, or nothing.
    """
    groups: dict[str, list[Sample]] = {}
    for sample in run.samples():
        if sample.index == 0:
            groups.setdefault(sample.category, []).append(sample)
    rows = -(-len(groups) // COLUMNS)
    block_width = PER_CATEGORY * (TILE + GAP) - GAP
    block_height = LABEL_HEIGHT + TILE + UNDER[under] + MARGIN
    width = COLUMNS * block_width + (COLUMNS + 1) * MARGIN
    picture = Image.new("RGB", (width, rows * block_height + MARGIN), PAPER)
    for number, (category, samples) in enumerate(groups.items()):
        column, row = divmod(number, rows)
        left, top = MARGIN + column * (block_width + MARGIN), MARGIN + row * block_height
        ImageDraw.Draw(picture).text((left, top), category, INK, ImageFont.load_default(15))
        _paste_row(picture, run, samples[:PER_CATEGORY], left, top + LABEL_HEIGHT)
        for position, sample in enumerate(samples[:PER_CATEGORY] if under else ()):
            corner = (left + position * (TILE + GAP), top + LABEL_HEIGHT + TILE + 2)
            _write_under(picture, corner, sample, under)
    return picture


def _write_under(picture: Image.Image, corner: tuple[int, int], sample: Sample, under: str) -> None:
    """An id in the largest of some sizes that fits, or a text on up to three lines, the rest cut."""
    draw = ImageDraw.Draw(picture)
    if under == "ids":
        fonts = [ImageFont.load_default(size) for size in (11, 10, 9, 8)]
        font = next((font for font in fonts if font.getlength(sample.prompt_id) <= TILE), fonts[-1])
        draw.text(corner, sample.prompt_id, SOFT, font)
        return
    font = ImageFont.load_default(TEXT_SIZE)
    draw.multiline_text(corner, "\n".join(_lines(sample.text, font)), SOFT, font, spacing=2)


def _lines(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The text on lines no wider than a tile; an ellipsis stands for what does not fit."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= TILE or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > TEXT_LINES:
        last = lines[TEXT_LINES - 1]
        while font.getlength(f"{last} …") > TILE and " " in last:
            last = last.rpartition(" ")[0]
        lines = [*lines[: TEXT_LINES - 1], f"{last} …"]
    return lines


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
    parser.add_argument(
        "--under", choices=("ids", "texts"), default="", help="below each image its prompt's id or text"
    )
    args = parser.parse_args()
    picture = category_grid(RunDirectory.open(args.run), args.under)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(args.out, optimize=True)


if __name__ == "__main__":
    main()
