"""`drawbench sample`: one picture of one prompt, from any model, and the reference model's stages."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.cli.main import main

CUP = "a red cup"


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_images_stand_side_by_side_and_are_those_of_their_seed(tmp_path: Path) -> None:
    options = ["--size", "64", "--set", "steps=1", "--out"]
    for name, seed in (("a", "0"), ("again", "0"), ("b", "1")):
        assert main(["sample", CUP, "-n", "5", "--seed", seed, *options, str(tmp_path / f"{name}.png")]) == 0
    first = pixels(tmp_path / "a.png")
    assert first.shape == (2 * 64 + 4, 4 * 64 + 3 * 4, 3)
    np.testing.assert_array_equal(first, pixels(tmp_path / "again.png"))
    assert (first != pixels(tmp_path / "b.png")).any()
    assert (first[:64, :64] != first[:64, 68:132]).any()


def test_stages_show_the_same_image_from_small_to_large(tmp_path: Path) -> None:
    out = tmp_path / "stages.png"
    assert main(["sample", CUP, "-n", "2", "--stages", "--size", "256", "--set", "steps=2", "--out", str(out)]) == 0
    picture = pixels(out)
    assert picture.shape == (2 * 256 + 4, 2 * 256 + 4, 3)
    small, large = picture[:256, :256].astype(int), picture[260:, :256].astype(int)
    other = picture[260:, 260:].astype(int)
    assert (small.reshape(64, 4, 64, 4, 3) == small[::4, ::4].reshape(64, 1, 64, 1, 3)).all()
    assert np.abs(large - small).mean() < np.abs(other - small).mean()


def test_super_resolution_starts_from_an_image_of_the_users(tmp_path: Path) -> None:
    low = np.zeros((64, 64, 3), np.uint8)
    low[16:48, 16:48] = (220, 40, 40)
    Image.fromarray(low).save(tmp_path / "low.png")
    out = tmp_path / "large.png"
    assert main(["sample", CUP, "-n", "1", "--low", str(tmp_path / "low.png"), "--size", "256", "--out", str(out)]) == 0
    averaged = pixels(out).reshape(64, 4, 64, 4, 3).mean((1, 3))
    assert np.abs(averaged - low).mean() < 25


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["-n", "0"], "-n 0"),
        (["--out", "out.jpg"], "out.jpg"),
        (["--out", "out"], "end in .png"),
        (["--stages", "--model", "world"], "--model reference"),
        (["--size", "128"], "128"),
        (["--low", "absent.png"], "absent.png"),
        (["--low", "wide.png"], "32 x 16"),
        (["--low", "square.png", "--size", "256"], "from 16"),
    ],
)
def test_what_cannot_be_drawn_is_named_and_nothing_is_written(
    options: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (32, 16)).save("wide.png")
    Image.new("RGB", (16, 16)).save("square.png")
    before = sorted(Path().iterdir())
    assert main(["sample", CUP, "--out", "out.png", *options]) == 2
    assert named in capsys.readouterr().err
    assert sorted(Path().iterdir()) == before
