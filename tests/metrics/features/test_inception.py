"""Inception features equal clean-fid's own, on a random network of the same calling convention.

The real weights are not here: these tests show loading, resizing and scaling, not the published network.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from metrics.errors import MetricInputError
from metrics.features.inception import InceptionExtractor, Mode, inception_fingerprint
from metrics.features.weights import INCEPTION, WeightsFile
from tests.metrics.stand_ins import write_inception

UNVERIFIED = WeightsFile(INCEPTION.file, "", INCEPTION.source)
MODES: tuple[Mode, ...] = ("clean", "legacy_tensorflow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-in."""
    return write_inception(tmp_path_factory.mktemp("weights")).parent


def _images(n: int, size: int = 48) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", MODES)
def test_features_equal_those_of_clean_fid_on_the_same_files(folder: Path, tmp_path: Path, mode: Mode) -> None:
    from cleanfid.fid import get_files_features
    from cleanfid.inception_torchscript import InceptionV3W

    images = _images(3)
    files = []
    for number, image in enumerate(images):
        files.append(str(tmp_path / f"{number}.png"))
        Image.fromarray(image).save(files[-1])
    network = InceptionV3W(str(folder), download=False, resize_inside=mode == "legacy_tensorflow")
    theirs = get_files_features(
        files, network, num_workers=0, batch_size=3, device=torch.device("cpu"), mode=mode, verbose=False
    )
    ours = InceptionExtractor.load(mode, folder=folder, weights=UNVERIFIED)(images)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_an_images_features_do_not_depend_on_its_batch(folder: Path, mode: Mode) -> None:
    extractor = InceptionExtractor.load(mode, folder=folder, weights=UNVERIFIED)
    images = _images(5)
    together = extractor(images)
    alone = np.concatenate([extractor(images[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_modes_have_fingerprints_of_their_own_and_the_digest_is_in_them(folder: Path) -> None:
    clean, legacy = (InceptionExtractor.load(mode, folder=folder, weights=UNVERIFIED) for mode in MODES)
    assert clean.fingerprint != legacy.fingerprint
    assert clean.fingerprint == inception_fingerprint("clean", clean.weights_sha256)
    assert clean.fingerprint != inception_fingerprint("clean", INCEPTION.sha256)
    assert not clean.verified


def test_weights_are_never_downloaded_and_never_taken_for_others(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="missing"):
        InceptionExtractor.load("clean", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(MetricInputError, match="not the published file"):
        InceptionExtractor.load("clean", folder=folder)
    (tmp_path / INCEPTION.file).write_bytes(b"no network")
    with pytest.raises(MetricInputError, match="not the TorchScript"):
        InceptionExtractor.load("clean", folder=tmp_path, weights=UNVERIFIED)
