"""The Inception extractor: files read strictly, resizes bit for bit, features that depend on nothing but the image."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from metrics.errors import MetricInputError
from metrics.features.inception.extractor import InceptionExtractor, default_weights, inception_fingerprint
from metrics.features.inception.resize import MODES, PREPROCESSING, Mode
from metrics.features.registry import inception
from metrics.features.weights import INCEPTION, INCEPTION_PYTORCH
from tests.metrics.photographs import crops
from tests.metrics.random_inception import PYTORCH, TORCHSCRIPT


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def extractor(inception_folder: Path) -> InceptionExtractor:
    return InceptionExtractor.load("clean", folder=inception_folder, weights=PYTORCH)


@pytest.mark.parametrize("mode", MODES)
def test_both_files_give_the_same_features(inception_folder: Path, mode: Mode) -> None:
    images = crops(2, 64)
    script, state = (
        InceptionExtractor.load(mode, folder=inception_folder, weights=weights)(images)
        for weights in (TORCHSCRIPT, PYTORCH)
    )
    assert script.shape == (2, 2048)
    assert script.dtype == np.float32
    np.testing.assert_array_equal(script, state)


def test_an_images_features_depend_on_no_batch_no_order_and_no_number_of_threads(extractor: InceptionExtractor) -> None:
    images = crops(11, 96)
    together = extractor(images)
    torch.set_num_threads(1)
    order = np.random.default_rng(0).permutation(11)
    for size in (1, 3, 11):
        parts = [extractor(images[order[start : start + size]]) for start in range(0, 11, size)]
        np.testing.assert_allclose(np.concatenate(parts), together[order], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_the_way_over_an_accelerator_gives_the_same_features(
    inception_folder: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cpu:0` is a device like any other: images are sent, computed in passes, and fetched once."""
    monkeypatch.setattr("metrics.features.inception.extractor.PASS", 2)
    here, there = (InceptionExtractor.load(mode, device, inception_folder, PYTORCH) for device in ("cpu", "cpu:0"))
    images = crops(3, 64)
    np.testing.assert_allclose(there(images), here(images), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("mode", MODES)
def test_a_gpu_gives_the_same_features(inception_folder: Path, mode: Mode) -> None:
    here, there = (InceptionExtractor.load(mode, device, inception_folder, PYTORCH) for device in ("cpu", "cuda"))
    images = crops(40, 256)
    np.testing.assert_allclose(there(images), here(images), rtol=1e-4, atol=1e-5)


def test_logits_leave_the_bias_out(extractor: InceptionExtractor, inception_folder: Path) -> None:
    state = torch.load(inception_folder / PYTORCH.file, weights_only=True)
    pool = np.random.default_rng(0).random((5, 2048), dtype=np.float32)
    exact = pool.astype(np.float64) @ state["fc.weight"].double().numpy().T
    np.testing.assert_allclose(extractor.logits(pool), exact, rtol=1e-4, atol=1e-4)


def test_every_mode_takes_clean_fids_file_by_default_and_names_network_and_resize() -> None:
    assert [default_weights(mode) for mode in MODES] == [INCEPTION, INCEPTION_PYTORCH, INCEPTION]
    for mode in MODES:
        entry = inception(mode)
        assert entry.name == f"inception-{mode}"
        for said in (default_weights(mode).file, default_weights(mode).sha256[:12], PREPROCESSING[mode]):
            assert said in entry.description


def test_modes_have_fingerprints_of_their_own_and_the_digest_is_in_them(extractor: InceptionExtractor) -> None:
    assert len({inception_fingerprint(mode, extractor.weights_sha256) for mode in MODES}) == 3
    assert extractor.fingerprint == inception_fingerprint("clean", extractor.weights_sha256)
    assert extractor.fingerprint != inception_fingerprint("clean", INCEPTION_PYTORCH.sha256)


def test_weights_are_never_downloaded_and_never_taken_for_others(inception_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="missing"):
        InceptionExtractor.load("clean", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    for mode in MODES:
        with pytest.raises(MetricInputError, match="not the published file"):
            InceptionExtractor.load(mode, folder=inception_folder)
    for weights in (TORCHSCRIPT, PYTORCH):
        (tmp_path / weights.file).write_bytes(b"no network")
        with pytest.raises(MetricInputError, match="neither a TorchScript network nor"):
            InceptionExtractor.load("clean", folder=tmp_path, weights=weights)
