"""The images of a folder: which files count, and what is said of the others."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metrics.errors import MetricInputError
from metrics.images.image_folder import UNREAD_SUFFIXES, read_image_folder


def save(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "JPEG" if path.suffix.lower() in (".jpg", ".jpeg", ".jpe", ".jfif") else "PNG"
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path, format=kind)
    return root


def names(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in read_image_folder(root).images]


def test_every_suffix_of_the_formats_counts_in_any_case(tmp_path: Path) -> None:
    given = ["a.png", "b.JPG", "c.Jpeg", "d.jpe", "e.jfif", "f.PNG", "sub/g.webp"]
    assert names(save(tmp_path, *given)) == given


def test_what_is_hidden_is_counted_and_named(tmp_path: Path) -> None:
    save(tmp_path, "a.png", ".ipynb_checkpoints/a-checkpoint.png", ".cache/deep/b.png", "__MACOSX/c.png")
    (tmp_path / "._a.png").write_bytes(b"left by another system")
    folder = read_image_folder(tmp_path)
    assert names(tmp_path) == ["a.png"]
    (note,) = folder.notes()
    assert note.startswith("4 hidden left out (._a.png, ")
    assert ".ipynb_checkpoints/a-checkpoint.png" in note or note.endswith("...)")


@pytest.mark.parametrize("suffix", UNREAD_SUFFIXES)
def test_images_of_other_formats_refuse_the_folder(tmp_path: Path, suffix: str) -> None:
    save(tmp_path, "a.png", f"sub/b{suffix}")
    with pytest.raises(MetricInputError, match=rf"holds 1 images .*sub/b\{suffix}.*save them as PNG, or move them"):
        read_image_folder(tmp_path)


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    save(tmp_path / "elsewhere", "b.png")
    root = save(tmp_path / "root", "a.png", "sub/c.png")
    for link, target in {"one": "../elsewhere", "two": "../elsewhere", "loop": ".", "own": "sub", "up": ".."}.items():
        (root / link).symlink_to(target)
    (root / "gone.png").symlink_to("nowhere.png")
    (root / "file.png").symlink_to("../elsewhere/b.png")
    assert names(root) in (
        ["a.png", "file.png", "one/b.png", "sub/c.png"],
        ["a.png", "file.png", "sub/c.png", "two/b.png"],
    )
    notes = "; ".join(read_image_folder(root).notes())
    assert "1 links to nothing left out (gone.png)" in notes
    assert "4 links to folders that are read anyway left out" in notes


def test_images_without_a_suffix_are_counted_and_other_files_are_not(tmp_path: Path) -> None:
    save(tmp_path, "a.png", "bare", "b.image")
    (tmp_path / "metadata.jsonl").write_text("{}\n")
    (tmp_path / "notes").write_text("text")
    (note,) = read_image_folder(tmp_path).notes()
    assert note == "2 images without an image's suffix left out (b.image, bare)"
