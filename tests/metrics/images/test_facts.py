"""What files say of themselves: by content, for every way that Pillow writes them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from metrics.errors import MetricInputError
from metrics.images.facts import facts_notes, facts_of, image_facts

RGB = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
ICC = b"\0" * 128  # makes a WebP of the extended kind


@pytest.mark.parametrize(
    ("name", "save", "lossy"),
    [
        ("a.png", lambda p: RGB.save(p), False),
        ("jpeg-as.png", lambda p: RGB.save(p, format="JPEG"), True),
        ("png-as.jpg", lambda p: RGB.save(p, format="PNG"), False),
        ("a.webp", lambda p: RGB.save(p, lossless=True), False),
        ("lossy.webp", lambda p: RGB.save(p, quality=90), True),
        ("extended.webp", lambda p: RGB.save(p, lossless=True, icc_profile=ICC), False),
        ("lossy-extended.webp", lambda p: RGB.save(p, quality=90, icc_profile=ICC), True),
    ],
)
def test_lossy_files_are_known_by_their_content(
    tmp_path: Path, name: str, save: Callable[[Path], object], lossy: bool
) -> None:
    save(tmp_path / name)
    facts = image_facts(tmp_path / name)
    assert (facts.width, facts.height, facts.lossy, facts.turned, facts.pictures) == (30, 20, lossy, False, 1)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_rotations_and_pictures_are_counted(tmp_path: Path, suffix: str) -> None:
    paths = []
    for orientation in (0, 1, 6):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        paths.append(tmp_path / f"{orientation}.{suffix}")
        RGB.save(paths[-1], exif=exif)
    RGB.save(tmp_path / "two.jpg", format="MPO", save_all=True, append_images=[RGB])
    facts = facts_of([*paths, tmp_path / "two.jpg"])
    assert [each.turned for each in facts] == [False, False, True, False]
    assert [each.pictures for each in facts] == [1, 1, 1, 2]
    assert facts[3].lossy
    rotated, several = facts_notes(facts, "references")
    assert rotated.startswith("1 of 4 references have an EXIF rotation, which is ignored")
    assert several.startswith("1 of 4 references are files of several pictures (MPO): the first")
    assert facts_notes(facts[:2], "references") == []


def test_what_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(MetricInputError, match=r"a\.png is not a PNG, JPEG or WebP"):
        image_facts(tmp_path / "a.png")
