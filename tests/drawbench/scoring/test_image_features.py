"""Files to features: known ones are not read, kept ones not computed, and no circumstance changes a number."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.scoring import image_features as module
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import ImageFeatures, ImageFiles, ReadSettings, image_features
from metrics.errors import MetricInputError
from metrics.features import cache
from metrics.images import file_hashes
from metrics.images.decode import pixel_hash, read_image
from tests.drawbench.plain_extractors import BATCH_EFFECT, PlainExtractor, entry_of

COUNT, SIZE, BATCH = 23, 12, 4


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images of noise, old enough to be trusted; numbers 3 and 17 show the same."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(COUNT):
        random = np.random.default_rng(3 if number == 17 else number)
        Image.fromarray(random.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(folder / f"{number:02d}.png")
    time.sleep(file_hashes.SETTLED_NS / 1e9)
    return folder


def _files(folder: Path, sealed: bool = True) -> ImageFiles:
    paths = tuple(sorted(folder.glob("*.png")))
    return ImageFiles(folder, paths, tuple(pixel_hash(read_image(path)) for path in paths) if sealed else None)


def _features(
    files: ImageFiles,
    extractor: PlainExtractor,
    batch: int = BATCH,
    workers: int | None = 2,
    verify: bool = False,
    size: int = SIZE,
) -> ImageFeatures:
    extractors = Extractors([entry_of(extractor)], "cpu", lambda message: pytest.fail(message))
    return image_features(
        files, extractors, ["plain"], ReadSettings(size, batch, workers, verify), "reading", Progress()
    )


def _expected(files: ImageFiles) -> np.ndarray:
    return PlainExtractor("a")([read_image(path) for path in files.paths])


@pytest.mark.parametrize("sealed", [True, False])
def test_a_second_pass_reads_and_computes_nothing(folder: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    files, first = _files(folder, sealed), PlainExtractor("a")
    found = _features(files, first)
    np.testing.assert_allclose(found.features["plain"], _expected(files), rtol=1e-5)
    assert found.hashes == tuple(pixel_hash(read_image(path)) for path in files.paths)
    assert sum(first.batches) == COUNT - 1  # equal images once

    def refuse(path: Path) -> np.ndarray:
        raise AssertionError(f"{path} was read")

    monkeypatch.setattr(module, "read_image", refuse)
    second = PlainExtractor("a")
    again = _features(files, second)
    assert second.batches == []
    np.testing.assert_array_equal(again.features["plain"], found.features["plain"])


def test_another_extractor_or_size_finds_nothing_of_the_first(folder: Path) -> None:
    files = _files(folder)
    _features(files, PlainExtractor("a"))
    for extractor, size in ((PlainExtractor("bb"), SIZE), (PlainExtractor("a"), SIZE - 4)):
        _features(files, extractor, size=size)
        assert sum(extractor.batches) == COUNT - 1


def test_a_sealed_image_that_changed_is_refused_by_name_also_when_it_looks_untouched(folder: Path) -> None:
    files = _files(folder)
    _features(files, PlainExtractor("a"))
    path, other = folder / "05.png", folder / "06.png"
    before = path.stat()
    content = path.read_bytes()
    other_content = other.read_bytes()
    path.write_bytes(other_content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(UserError, match=r"05\.png was changed"):
        _features(files, PlainExtractor("a"))
    path.write_bytes(content)
    _features(files, PlainExtractor("a"))


def test_verify_reads_what_is_trusted_otherwise(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that gives other bytes for an untouched file is found by --verify alone."""
    files = _files(folder)
    found = _features(files, PlainExtractor("a"))
    read: list[Path] = []

    def rotten(path: Path) -> np.ndarray:
        read.append(path)
        pixels = read_image(path)
        return 255 - pixels if path.name == "07.png" else pixels

    monkeypatch.setattr(module, "read_image", rotten)
    np.testing.assert_array_equal(_features(files, PlainExtractor("a")).features["plain"], found.features["plain"])
    assert read == []
    with pytest.raises(UserError, match=r"07\.png was changed"):
        _features(files, PlainExtractor("a"), verify=True)


def test_verifying_sound_images_computes_nothing(folder: Path) -> None:
    for sealed in (True, False):
        files = _files(folder, sealed)
        first = _features(files, PlainExtractor("a"))
        extractor = PlainExtractor("a")
        again = _features(files, extractor, verify=True)
        assert extractor.batches == []
        np.testing.assert_array_equal(again.features["plain"], first.features["plain"])


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("fail_at", [0, 1, 3, 5])
def test_a_pass_that_was_stopped_goes_on_with_the_same_batches(
    folder: Path, sealed: bool, fail_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = _files(folder, sealed)
    undisturbed = _features(files, PlainExtractor("a", BATCH_EFFECT)).features["plain"]
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "other"))
    with pytest.raises(KeyboardInterrupt):
        _features(files, PlainExtractor("a", BATCH_EFFECT, fail_at=fail_at))
    resumed = PlainExtractor("a", BATCH_EFFECT)
    np.testing.assert_array_equal(_features(files, resumed).features["plain"], undisturbed)
    assert sum(resumed.batches) == COUNT - 1 - fail_at * BATCH


def test_batches_workers_and_the_order_of_files_change_rounding_at_most(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = _files(folder)
    expected = _expected(files)
    assert files.sealed is not None
    backwards = ImageFiles(folder, files.paths[::-1], files.sealed[::-1])
    for number, (chosen, batch, workers) in enumerate(
        [(files, 1, 1), (files, 5, 8), (files, 100, None), (backwards, BATCH, 2)]
    ):
        monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / str(number)))
        rows = _features(chosen, PlainExtractor("a"), batch, workers).features["plain"]
        np.testing.assert_allclose(rows, expected[::-1] if chosen is backwards else expected, rtol=1e-5, atol=1e-6)


def test_workers_change_no_bit(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for workers in (1, 7):
        monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / str(workers)))
        found.append(_features(_files(folder), PlainExtractor("a", BATCH_EFFECT), workers=workers).features["plain"])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_that_share_the_work_by_whole_batches_give_the_bits_of_one(
    folder: Path, ranks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "17.png").unlink()
    files = _files(folder)
    alone = _features(files, PlainExtractor("a", BATCH_EFFECT)).features["plain"]
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "shared"))
    assert files.sealed is not None
    for rank in range(ranks):
        mine = [number for number in range(len(files.paths)) if number // BATCH % ranks == rank]
        part = ImageFiles(
            folder, tuple(files.paths[number] for number in mine), tuple(files.sealed[number] for number in mine)
        )
        _features(part, PlainExtractor("a", BATCH_EFFECT))
    merging = PlainExtractor("a", BATCH_EFFECT)
    np.testing.assert_array_equal(_features(files, merging).features["plain"], alone)
    assert merging.batches == []


def test_features_that_vanish_after_they_were_seen_are_computed_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = _files(folder)
    expected = _features(files, PlainExtractor("a", BATCH_EFFECT)).features["plain"].copy()
    for path in (folder.parent / "cache" / "features").rglob("*.features"):
        path.unlink()
    monkeypatch.setattr(cache.FeatureStore, "has", lambda self, ids: np.ones(len(ids), dtype=bool))
    np.testing.assert_array_equal(_features(files, PlainExtractor("a", BATCH_EFFECT)).features["plain"], expected)


def test_features_that_are_no_numbers_name_the_file_and_are_not_kept(folder: Path) -> None:
    class Broken(PlainExtractor):
        def __call__(self, images: list[np.ndarray]) -> np.ndarray:  # type: ignore[override]
            rows = super().__call__(images)
            rows[1, 2] = np.nan if len(self.batches) == 3 else 0.0
            return rows

    files = _files(folder)
    with pytest.raises(MetricInputError, match=r"09\.png are NaN or infinite"):
        _features(files, Broken("a"))
    rows = _features(files, PlainExtractor("a")).features["plain"]
    assert np.isfinite(rows).all()


def test_unreadable_files_are_named(folder: Path) -> None:
    (folder / "11.png").write_bytes((folder / "11.png").read_bytes()[:-20])
    with pytest.raises(MetricInputError, match=r"11\.png"):
        _features(ImageFiles(folder, tuple(sorted(folder.glob("*.png")))), PlainExtractor("a"))
