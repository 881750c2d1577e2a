"""`drawbench coco check`: what is missing, truncated, unreadable or another file is named."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from drawbench.cli.main import main
from drawbench.prompts import coco
from drawbench.prompts.captions import SAMPLED
from drawbench.prompts.coco import ANNOTATIONS, IMAGES
from drawbench.prompts.coco_check import LARGEST
from metrics.images.decode import pixel_hash, read_image
from tests.drawbench.prompts.coco_files import draw, many

NAMES = [f"{n}.jpg" for n in range(10)]


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root whose ten images and captions are, here, the official ones."""
    root = many(tmp_path / "coco")
    draw(root, NAMES)
    md5 = hashlib.md5((root / ANNOTATIONS).read_bytes(), usedforsecurity=False).hexdigest()
    releases = (replace(coco.RELEASES[0], listed=10, captions_md5=md5), coco.RELEASES[1])
    monkeypatch.setattr(coco, "RELEASES", releases)
    return root


def _check(root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    code = main(["coco", "check", str(root), *options])
    return code, capsys.readouterr().out


def test_whole_official_files_are_right(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = _check(official, capsys)
    assert code == 0
    assert "30 captions of 10 images" in out
    assert "not read" in out
    assert "wrong" not in out
    assert f"coco:{official}: CLIP scores of 10 captions, distances to 10 images\n" in out
    assert f"it takes {SAMPLED} captions" in out


def test_every_image_is_read_on_request(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = _check(official, capsys, "--digests", "--json")
    found = json.loads(out)
    hashes = sorted(pixel_hash(read_image(official / IMAGES / name)) for name in NAMES)
    assert (code, found["images_read"], found["problems"]) == (0, 10, [])
    assert found["pixels_sha256"] == hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def test_a_missing_image_is_named_and_the_set_cannot_be_run(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (official / IMAGES / "4.jpg").unlink()
    code, out = _check(official, capsys)
    assert code == 2
    assert "lacks 1 of 10 images\n  4.jpg\n" in out
    assert "nothing until the images are complete or moved away" in out


def test_a_truncated_an_empty_and_another_kind_of_file_are_named(
    official: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = official / IMAGES
    whole = (folder / "3.jpg").read_bytes()
    (folder / "3.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (folder / "5.jpg").write_bytes(b"")
    (folder / "6.jpg").write_text("<html>not found</html>")
    with (folder / "7.jpg").open("wb") as file:
        file.write(whole[: whole.index(b"\xff\xda") + 14])
        file.truncate(3_000_000_000)  # sparse
    assert LARGEST < 3_000_000_000
    code, out = _check(official, capsys, "--digests")
    assert code == 2
    lines = out.splitlines()
    assert "  5.jpg" in lines
    assert any(line.startswith("  3.jpg (") and "truncated" in line for line in lines)
    assert any(line.startswith("  6.jpg (is not a PNG, JPEG") for line in lines)
    assert any(line.startswith("  7.jpg (") and "large" in line for line in lines)
    assert "images: 10, 6 of them read" in out
    assert "as references" not in out


def test_resized_images_are_not_the_originals(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(official, ["2.jpg"], size=(6, 6))
    assert _check(official, capsys)[0] == 0
    code, out = _check(official, capsys, "--digests")
    assert code == 2
    assert "2.jpg (6x6 instead of 8x6)" in out


def test_other_captions_and_other_images_than_the_official_ones(
    official: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(official, ["stray.jpg"])
    (official / ANNOTATIONS).write_text((official / ANNOTATIONS).read_text() + "\n")
    code, out = _check(official, capsys)
    assert code == 2
    assert "not the official file: its md5 is" in out
    assert "1 images that captions_val2014.json does not list; move them away\n  stray.jpg" in out
    assert "not comparable with COCO's" in out


def test_captions_alone_give_clip_scores(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        (official / IMAGES / name).unlink()
    code, out = _check(official, capsys)
    assert code == 2
    assert "there are no images in" in out
    assert "CLIP scores of 10 captions, no distances" in out


def test_many_files_are_counted_and_json_names_all(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"extra{n:02d}.jpg" for n in range(14)]
    draw(official, names)
    _, out = _check(official, capsys)
    assert "extra09.jpg" in out
    assert "extra10.jpg" not in out
    assert "and 4 more" in out
    _, text = _check(official, capsys, "--json")
    assert json.loads(text)["problems"][0]["files"] == names


@pytest.mark.parametrize(("content", "words"), [("{", "not valid JSON"), (None, "annotations/captions_val2014.json")])
def test_without_captions_nothing_is_checked(
    official: Path, capsys: pytest.CaptureFixture[str], content: str | None, words: str
) -> None:
    if content is None:
        (official / ANNOTATIONS).unlink()
    else:
        (official / ANNOTATIONS).write_text(content)
    assert main(["coco", "check", str(official)]) == 2
    assert words in capsys.readouterr().err


def test_a_file_is_no_root(official: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["coco", "check", str(official / ANNOTATIONS)]) == 2
    assert "is a captions file" in capsys.readouterr().err
