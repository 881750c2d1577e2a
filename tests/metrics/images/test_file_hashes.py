"""Known files: trusted while nothing about them changed, and never longer."""

import os
import time
from pathlib import Path

import pytest

from metrics.images import file_hashes
from metrics.images.file_hashes import FileHashes, stamps

DIGEST = "0" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files, old enough to be trusted."""
    folder = tmp_path / "images"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "b.png", "deep/c.png"):
        (folder / name).write_bytes(b"1234")
    time.sleep(file_hashes.SETTLED_NS / 1e9)
    return folder


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.png"))


def _remember(folder: Path, cache: Path) -> None:
    paths = _paths(folder)
    FileHashes(folder, cache).record(paths, stamps(paths), [f"{number:064d}" for number in range(len(paths))])


def _known(folder: Path, cache: Path) -> list[str | None]:
    return FileHashes(folder, cache).known(_paths(folder), stamps(_paths(folder)))


def test_unchanged_files_are_known_by_any_spelling_of_their_path(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _known(folder, tmp_path) == [None, None, None]
    _remember(folder, tmp_path)
    digests = [f"{number:064d}" for number in range(3)]
    assert _known(folder, tmp_path) == digests
    monkeypatch.chdir(folder.parent)
    assert _known(Path("images"), tmp_path) == digests
    monkeypatch.chdir(folder)
    assert _known(Path(), tmp_path) == digests


def test_a_change_is_seen_whatever_is_done_to_hide_it(folder: Path, tmp_path: Path) -> None:
    _remember(folder, tmp_path)
    before = (folder / "a.png").stat()
    (folder / "a.png").write_bytes(b"4321")
    os.utime(folder / "a.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (folder / "a.png").stat().st_mtime_ns == before.st_mtime_ns
    (folder / "b.png").write_bytes(b"12345")
    time.sleep(file_hashes.SETTLED_NS / 1e9)
    assert _known(folder, tmp_path) == [None, None, f"{2:064d}"]


def test_a_file_that_only_just_changed_is_not_remembered(folder: Path, tmp_path: Path) -> None:
    (folder / "a.png").write_bytes(b"new!")
    _remember(folder, tmp_path)
    time.sleep(file_hashes.SETTLED_NS / 1e9)
    assert _known(folder, tmp_path)[0] is None


def test_missing_files_are_unknown(folder: Path, tmp_path: Path) -> None:
    _remember(folder, tmp_path)
    paths = [*_paths(folder), folder / "absent.png"]
    assert FileHashes(folder, tmp_path).known(paths, stamps(paths))[3] is None


def test_files_in_another_place_are_unknown(folder: Path, tmp_path: Path) -> None:
    _remember(folder, tmp_path)
    moved = folder.rename(tmp_path / "moved")
    assert _known(moved, tmp_path) == [None, None, None]


@pytest.mark.parametrize("damage", ["cut", "changed", "no text"])
def test_a_damaged_record_is_ignored_with_a_warning(folder: Path, tmp_path: Path, damage: str) -> None:
    _remember(folder, tmp_path)
    file = next((tmp_path / "files").iterdir())
    text = file.read_text()
    if damage == "no text":
        file.write_bytes(b"\xff\xfe\xff")
    else:
        file.write_text(text[:-20] if damage == "cut" else text.replace("a.png", "x.png"))
    notes: list[str] = []
    found = FileHashes(folder, tmp_path, notes.append).known(_paths(folder), stamps(_paths(folder)))
    assert found == [None, None, None]
    assert "damaged" in notes[0]


def test_a_record_that_cannot_be_written_is_a_warning_only(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file where a folder is needed")
    notes: list[str] = []
    FileHashes(folder, tmp_path, notes.append).record(_paths(folder), stamps(_paths(folder)), [DIGEST] * 3)
    assert "cannot be written" in notes[0]
