"""The feature store: content finds it, damage is noticed, and neither kills nor other writers can spoil it."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from metrics.features import cache
from metrics.features.cache import FeatureStore, content_ids
from metrics.images.folders import cache_folder

KEY = "ab" * 32


def ids_of(*numbers: int) -> np.ndarray:
    """Ids of made-up contents."""
    return content_ids(hashlib.sha256(str(number).encode()).hexdigest() for number in numbers)


def rows_of(*numbers: int) -> np.ndarray:
    """Rows that tell which content they belong to."""
    return np.array([[number, number + 0.5, -number] for number in numbers], dtype=np.float32)


@pytest.fixture
def notes() -> list[str]:
    """What stores warned about."""
    return []


@pytest.fixture
def store(tmp_path: Path, notes: list[str]) -> Callable[[], FeatureStore]:
    """Makes stores of one folder, as processes do that follow one another."""
    return lambda: FeatureStore(KEY, tmp_path, notes.append)


def test_a_finished_set_is_found_as_a_read_only_memory_map(store: Callable[[], FeatureStore]) -> None:
    assert store().whole(ids_of(1, 2, 3)) is None
    given = store().finish(ids_of(1, 2, 3), [rows_of(1, 2), rows_of(3)])
    for rows in (given, store().whole(ids_of(1, 2, 3))):
        assert isinstance(rows, np.memmap)
        assert not rows.flags.writeable
        np.testing.assert_array_equal(rows, rows_of(1, 2, 3))
    assert store().whole(ids_of(3, 2, 1)) is None


def test_rows_are_found_one_by_one_whatever_set_they_came_with(store: Callable[[], FeatureStore]) -> None:
    store().finish(ids_of(1, 2, 3), [rows_of(1, 2, 3)])
    store().finish(ids_of(7, 8), [rows_of(7, 8)])
    wanted = (8, 5, 2, 8)
    present, rows = store().lookup(ids_of(*wanted))
    assert present.tolist() == [True, False, True, True]
    assert store().has(ids_of(*wanted)).tolist() == present.tolist()
    assert rows is not None
    np.testing.assert_array_equal(rows[present], rows_of(8, 2, 8))
    present, rows = store().lookup(ids_of(5, 6))
    assert not present.any()
    assert rows is None


def test_another_key_shares_nothing(store: Callable[[], FeatureStore], tmp_path: Path) -> None:
    store().finish(ids_of(1), [rows_of(1)])
    other = FeatureStore("cd" * 32, tmp_path)
    assert other.whole(ids_of(1)) is None
    assert not other.has(ids_of(1)).any()


def test_a_pack_of_another_key_under_this_one_is_refused(
    store: Callable[[], FeatureStore], tmp_path: Path, notes: list[str]
) -> None:
    FeatureStore(KEY[:32] + "0" * 32, tmp_path).finish(ids_of(1), [rows_of(1)])  # its folder has the same name
    assert store().whole(ids_of(1)) is None
    assert "another key" in notes[0]


def test_parts_outlive_a_killed_process_and_go_when_the_set_is_finished(
    store: Callable[[], FeatureStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "PART_ROWS", 2)
    killed = store()
    killed.add(ids_of(1), rows_of(1))
    assert not list(tmp_path.rglob("*.part"))
    killed.add(ids_of(2), rows_of(2))
    killed.add(ids_of(3), rows_of(3))  # lost: less than a part
    again = store()
    assert again.has(ids_of(1, 2, 3)).tolist() == [True, True, False]
    again.add(ids_of(3), rows_of(3))
    again.finish(ids_of(1, 2, 3), [rows_of(1, 2), rows_of(3)])
    assert [path.suffix for path in tmp_path.rglob("*.*")] == [".features"]


def test_parts_of_others_stay_and_abandoned_files_go(store: Callable[[], FeatureStore], tmp_path: Path) -> None:
    other = store()
    other.add(ids_of(9), rows_of(9))
    other.flush()
    folder = next(tmp_path.rglob("*.part")).parent
    for name, age in ((".old.1-a.partial", 2 * cache.ABANDONED_SECONDS), (".new.1-a.partial", 0)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    store().finish(ids_of(1), [rows_of(1)])
    assert sorted(path.suffix for path in folder.iterdir()) == [".features", ".part", ".partial"]
    assert (folder / ".new.1-a.partial").exists()


@pytest.mark.parametrize("place", ["magic", "header", "ids", "rows", "end", "empty"])
def test_damage_is_named_deleted_and_rebuilt(
    store: Callable[[], FeatureStore], tmp_path: Path, notes: list[str], place: str
) -> None:
    store().finish(ids_of(1, 2, 3), [rows_of(1, 2, 3)])
    path = next(tmp_path.rglob("*.features"))
    content = bytearray(path.read_bytes())
    at = {"magic": 3, "header": len(cache.MAGIC) + 2, "ids": cache.HEADER_BYTES + 5, "rows": len(content) - 5}
    if place in at:
        content[at[place]] ^= 1
    path.write_bytes(content[:-4] if place == "end" else b"" if place == "empty" else content)
    present, rows = store().lookup(ids_of(1, 2, 3))
    assert not present.any()
    assert rows is None
    assert len(notes) == 1
    assert str(path) in notes[0]
    assert "damaged" in notes[0]
    assert not path.exists()
    np.testing.assert_array_equal(store().finish(ids_of(1, 2, 3), [rows_of(1, 2, 3)]), rows_of(1, 2, 3))
    assert len(notes) == 1


def test_damage_that_cannot_be_deleted_is_not_used_either(
    store: Callable[[], FeatureStore], tmp_path: Path, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store().finish(ids_of(1), [rows_of(1)])
    path = next(tmp_path.rglob("*.features"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "not yours")

    monkeypatch.setattr(Path, "unlink", refuse)
    again = store()
    assert not again.lookup(ids_of(1))[0].any()
    assert again.whole(ids_of(1)) is None
    assert len(notes) == 1


def test_a_cache_that_cannot_be_written_costs_no_result(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "features").write_text("a file where a folder is needed")
    store = FeatureStore(KEY, tmp_path, notes.append)
    store.add(ids_of(1), rows_of(1))
    store.flush()
    rows = store.finish(ids_of(1, 2), [rows_of(1), rows_of(2)])
    np.testing.assert_array_equal(rows, rows_of(1, 2))
    assert not rows.flags.writeable
    assert len(notes) == 1
    assert "DRAWBENCH_CACHE" in notes[0]


def test_a_pack_that_another_process_deletes_meanwhile_is_merely_absent(
    store: Callable[[], FeatureStore], tmp_path: Path
) -> None:
    store().finish(ids_of(1), [rows_of(1)])
    reader = store()
    assert reader.has(ids_of(1)).all()
    next(tmp_path.rglob("*.features")).unlink()
    present, rows = reader.lookup(ids_of(1))  # still mapped
    assert present.all()
    np.testing.assert_array_equal(rows, rows_of(1))
    assert not store().has(ids_of(1)).any()


def test_the_folder_is_the_users_or_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("DRAWBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().name == "drawbench"
