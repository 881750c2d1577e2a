"""Grids of skills: the verdicts are those of the checks, the scenes are of the skill's kind, and nothing is picked."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest

from reference_model.skills.grids import COLUMNS, KIND_OF_SKILL, RIGHT, WRONG, grid, main, skill_tiles
from reference_model.skills.measure import draw_requests
from reference_model.world.render import render, sample_layout

SEED = 3


def _renders(texts: Sequence[str], seeds: Sequence[int]) -> list[np.ndarray]:
    """A model that always draws what was asked for: it knows the scenes by their captions."""
    scenes = {request.text: request.scene for request in draw_requests(400, "held_out", SEED)}
    return [render(sample_layout(scenes[text], Random(seed)), 64) for text, seed in zip(texts, seeds, strict=True)]


def _draws_nothing(texts: Sequence[str], seeds: Sequence[int]) -> list[np.ndarray]:
    return [np.full((64, 64, 3), 128, dtype=np.uint8) for _ in texts]


@pytest.mark.parametrize("skill", KIND_OF_SKILL)
def test_true_renderings_are_right_and_empty_images_wrong(skill: str) -> None:
    assert all(tile.right for tile in skill_tiles(_renders, skill, 6, SEED))
    assert not any(tile.right for tile in skill_tiles(_draws_nothing, skill, 6, SEED))


def test_a_longer_row_begins_with_the_shorter_one() -> None:
    few, many = (skill_tiles(_draws_nothing, "count", count, SEED) for count in (3, 9))
    assert [tile.caption for tile in many[:3]] == [tile.caption for tile in few]


def test_the_picture_shows_the_verdict_below_each_tile() -> None:
    right, wrong = skill_tiles(_renders, "object", 1, SEED), skill_tiles(_draws_nothing, "object", 1, SEED)
    picture = np.asarray(grid("object", [*right, *wrong * COLUMNS]))
    rows = picture.reshape(-1, 3)
    blue, orange = ((rows == colour).all(axis=1).sum() for colour in (RIGHT, WRONG))
    assert blue > 0
    assert orange == pytest.approx(COLUMNS * blue, rel=0.1)


def test_a_missing_checkpoint_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--checkpoint", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "out").exists()
