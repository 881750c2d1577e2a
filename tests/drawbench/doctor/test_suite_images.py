"""The images of the sanity suite: photographs when there are any, else the world's; never written anywhere."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.doctor.suite_images import SIZE, packaged_photographs, suite_images
from drawbench.errors import UserError
from metrics.errors import MetricInputError
from metrics.sanity.suite import CLEAN_SETS


def _folder(path: Path, count: int) -> Path:
    """Pictures of one red each, so that a crop tells which picture it is from; green tells where it was cut."""
    path.mkdir()
    for number in range(count):
        pixels = np.full((50, 60 + number, 3), (10 * number, 0, 200), np.uint8)
        pixels[:, :, 1] = np.arange(60 + number)
        Image.fromarray(pixels).save(path / f"{number}.png")
    return path


def _same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_crops_of_a_folder_take_every_photograph_in_turn(tmp_path: Path) -> None:
    images = suite_images(40, _folder(tmp_path / "photographs", 5))
    assert images.n == 40
    assert len(images.pool) == len(images.modes) == CLEAN_SETS * 40
    assert all(image.shape == (SIZE, SIZE, 3) and image.dtype == np.uint8 for image in images.pool)
    assert [int(image[0, 0, 0]) for image in images.pool[:7]] == [0, 10, 20, 30, 40, 0, 10]
    assert np.array_equal(images.modes[:7], [0, 1, 2, 3, 4, 0, 1])
    assert "5 photographs" in images.source


def test_n_is_rounded_down_to_whole_rounds_and_spare_photographs_are_left_out(tmp_path: Path) -> None:
    assert suite_images(43, _folder(tmp_path / "five", 5)).n == 40
    many = suite_images(32, _folder(tmp_path / "twenty", 20))
    assert (many.n, len(np.unique(many.modes))) == (32, 8)  # four crops of each in a set


def test_captioned_images_are_the_worlds_each_with_its_caption(tmp_path: Path) -> None:
    images = suite_images(32, _folder(tmp_path / "photographs", 4))
    assert images.n_captioned == 32
    assert len(images.captioned) == len(images.captions) == CLEAN_SETS * 32
    assert len(set(images.captions)) > 0.9 * len(images.captions)


def test_the_same_call_gives_the_same_images(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "photographs", 4)
    first, second = suite_images(32, folder), suite_images(32, folder)
    assert _same(list(first.pool), list(second.pool))
    assert _same(list(first.captioned), list(second.captioned))
    assert not _same(list(first.references), list(first.pool[:32]))


def test_the_package_of_photographs_is_used_and_nothing_else_of_it() -> None:
    if not packaged_photographs():
        pytest.skip("scikit-image is not installed")
    images = suite_images(48)
    assert "scikit-image" in images.source
    assert images.n == 48


def test_without_photographs_the_world_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr("drawbench.doctor.suite_images.find_spec", lambda name: None)
    images = suite_images(40)
    assert packaged_photographs() == []
    assert "world" in images.source
    assert images.n == 36  # three of each of the twelve objects
    assert len(np.unique(images.modes)) == 12
    assert len(images.pool) == CLEAN_SETS * 36
    assert list(tmp_path.iterdir()) == []


def test_a_photograph_smaller_than_a_crop_is_enlarged_but_stays_a_picture(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    for number in range(4):
        Image.new("RGB", (1, 1), (number, 0, 0)).save(folder / f"{number}.png")
    assert suite_images(32, folder).pool[0].shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize("count", [0, 3])
def test_a_folder_with_too_few_photographs_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(UserError, match=f"holds {count} .* needs 4"):
        suite_images(32, _folder(tmp_path / "few", count))


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder"):
        suite_images(32, tmp_path / "absent")


def test_too_few_images_are_refused() -> None:
    with pytest.raises(UserError, match="at least 32"):
        suite_images(31)


def test_a_damaged_photograph_is_named(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "photographs", 5)
    (folder / "3.png").write_bytes(b"no image")
    with pytest.raises(MetricInputError, match=r"3\.png"):
        suite_images(32, folder)
