"""The picture of a run: every category has its row, and a refused image an empty tile."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.report.grid import GAP, LABEL_HEIGHT, MARGIN, PAPER, PER_CATEGORY, REFUSED, TILE, UNDER, category_grid
from drawbench.runs.generate import Request, generate

COLOURS = {"Red": (250, 0, 0), "Blue": (0, 0, 250), "Green": (0, 250, 0)}


class FlatPainter(TextToImage):
    """Paints the category's colour; refuses the prompts that say so."""

    def card(self) -> ModelCard:
        return ModelCard(adapter="test", spec="flat", name="flat")

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        return [
            Refused("asked to") if "refuse" in s.text else np.full((size, size, 3), COLOURS[s.category], np.uint8)
            for s in samples
        ]


def test_every_category_has_its_row_in_two_columns(tmp_path: Path) -> None:
    prompts = [Prompt(f"{c.lower()}-{i:03d}", c, "refuse" if i == 1 else f"{c} {i}") for c in COLOURS for i in range(8)]
    run = generate(Request(FlatPainter(), PromptSet("three", tuple(prompts)), tmp_path / "run", samples=2, size=16))
    picture = category_grid(run)

    def tile(column: int, row: int, position: int) -> tuple[int, ...]:
        block = PER_CATEGORY * (TILE + GAP) - GAP
        x = MARGIN + column * (block + MARGIN) + position * (TILE + GAP) + TILE // 2
        y = MARGIN + row * (LABEL_HEIGHT + TILE + MARGIN) + LABEL_HEIGHT + TILE // 2
        return picture.getpixel((x, y))  # type: ignore[return-value]

    assert tile(0, 0, 0) == COLOURS["Red"]
    assert tile(0, 1, 5) == COLOURS["Blue"]
    assert tile(1, 0, 2) == COLOURS["Green"]
    assert tile(0, 0, 1) == REFUSED


@pytest.mark.parametrize("under", ["ids", "texts"])
def test_what_stands_below_the_images_moves_nothing_else(under: str, tmp_path: Path) -> None:
    """A text of more lines than there is room for does not run into the next row either."""
    prompts = tuple(Prompt(f"{c.lower()}-{i:03d}", c, f"{c} {i} " * 30) for c in COLOURS for i in range(2))
    run = generate(Request(FlatPainter(), PromptSet("three", prompts), tmp_path / "run", samples=1, size=16))
    plain, named = category_grid(run), category_grid(run, under)
    assert named.height == plain.height + 2 * UNDER[under]
    first = (MARGIN, MARGIN, MARGIN + 2 * (TILE + GAP), MARGIN + LABEL_HEIGHT + TILE)
    assert named.crop(first).tobytes() == plain.crop(first).tobytes()
    below = (MARGIN, first[3], first[2], first[3] + UNDER[under])
    assert len(named.crop(below).getcolors() or []) > 1
    gap = (MARGIN, below[3], named.width, below[3] + MARGIN)
    assert [colour for _, colour in named.crop(gap).getcolors() or []] == [PAPER]
