"""Features equal those of the peers' own code: the same random weights in their own file formats, on photographs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from metrics.features.inception.extractor import InceptionExtractor
from metrics.features.inception.resize import Mode
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from tests.metrics.photographs import crops, write_crops
from tests.metrics.random_inception import PYTORCH, TORCHSCRIPT

SIZE = 256
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Peers run threads inside operators, which crawl where other work shares the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [str(path) for path in write_crops(tmp_path_factory.mktemp("photographs") / "a", 8, SIZE)]


@pytest.fixture(scope="module")
def ours(inception_folder: Path) -> dict[Mode, np.ndarray]:
    """Our features of the crops by mode, from the file that clean-fid takes."""
    files: dict[Mode, object] = {"clean": TORCHSCRIPT, "legacy_tensorflow": TORCHSCRIPT, "legacy_pytorch": PYTORCH}
    return {
        mode: InceptionExtractor.load(mode, folder=inception_folder, weights=weights)(crops(8, SIZE))  # type: ignore[arg-type]
        for mode, weights in files.items()
    }


def _assert_equal(features: np.ndarray, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(features, theirs, rtol=1e-4, atol=1e-5)  # features are about 1


def _tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2)


@pytest.mark.parametrize("mode", ["clean", "legacy_tensorflow"])
def test_clean_fid_from_its_torchscript_file(
    mode: Mode, ours: dict[Mode, np.ndarray], files: list[str], inception_folder: Path
) -> None:
    from cleanfid.fid import get_files_features
    from cleanfid.inception_torchscript import InceptionV3W

    network = InceptionV3W(str(inception_folder), download=False, resize_inside=mode == "legacy_tensorflow")
    theirs = get_files_features(files, network, num_workers=0, batch_size=8, device=CPU, mode=mode, verbose=False)
    _assert_equal(ours[mode], theirs)


def test_clean_fids_legacy_pytorch_from_the_state_dict(
    ours: dict[Mode, np.ndarray], files: list[str], inception_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cleanfid.features import build_feature_extractor
    from cleanfid.fid import get_files_features

    monkeypatch.setenv("TORCH_HOME", str(inception_folder.parent.parent))
    network = build_feature_extractor("legacy_pytorch", CPU, use_dataparallel=False)
    theirs = get_files_features(
        files, network, num_workers=0, batch_size=8, device=CPU, mode="legacy_pytorch", verbose=False
    )
    _assert_equal(ours["legacy_pytorch"], theirs)


def test_pytorch_fid(
    ours: dict[Mode, np.ndarray], files: list[str], inception_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_fid.fid_score import get_activations
    from pytorch_fid.inception import InceptionV3

    monkeypatch.setenv("TORCH_HOME", str(inception_folder.parent.parent))
    theirs = get_activations(files, InceptionV3(), batch_size=8, num_workers=0)
    _assert_equal(ours["legacy_pytorch"], theirs)


def test_torch_fidelity_is_legacy_tensorflow_and_has_the_same_logits(
    ours: dict[Mode, np.ndarray], inception_folder: Path
) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = str(inception_folder / PYTORCH.file)
    network = FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], path)
    features, logits = (part.numpy() for part in network(_tensor(crops(8, SIZE))))
    _assert_equal(ours["legacy_tensorflow"], features)
    extractor = InceptionExtractor.load("legacy_tensorflow", folder=inception_folder, weights=TORCHSCRIPT)
    np.testing.assert_allclose(extractor.logits(features), logits, rtol=1e-4, atol=1e-5)


def test_torchmetrics_is_legacy_tensorflow_only_without_its_default_antialiasing(
    ours: dict[Mode, np.ndarray], inception_folder: Path
) -> None:
    from torchmetrics.image.fid import FrechetInceptionDistance

    network = FrechetInceptionDistance(
        feature_extractor_weights_path=str(inception_folder / PYTORCH.file), antialias=False
    ).inception
    pixels = _tensor(crops(8, SIZE))
    _assert_equal(ours["legacy_tensorflow"], network(pixels).numpy())
    network.use_antialias = True
    default = network(pixels[:2]).numpy()
    assert min(np.abs(default - features[:2]).max() for features in ours.values()) > 1e-2


@pytest.mark.proof
def test_fid_itself_equals_the_peers(inception_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers take the root of a singular product at 24 images: theirs is the noise that the tolerance allows for."""
    from pytorch_fid.fid_score import calculate_fid_given_paths
    from torch_fidelity import calculate_metrics

    monkeypatch.setenv("TORCH_HOME", str(inception_folder.parent.parent))
    folders = [tmp_path / name for name in ("a", "b")]
    images = []
    for seed, folder in enumerate(folders):
        write_crops(folder, 24, SIZE, seed)
        images.append(crops(24, SIZE, seed))

    def distance(mode: Mode) -> float:
        extractor = InceptionExtractor.load(mode, folder=inception_folder, weights=PYTORCH)
        return frechet_distance(*(Gaussian.of_features(extractor(part)) for part in images))

    pytorch_fid = calculate_fid_given_paths([str(folder) for folder in folders], 24, "cpu", 2048, num_workers=0)
    assert distance("legacy_pytorch") == pytest.approx(pytorch_fid, rel=1e-3)
    torch_fidelity = calculate_metrics(
        input1=str(folders[0]),
        input2=str(folders[1]),
        cuda=False,
        fid=True,
        verbose=False,
        cache=False,
        save_cpu_ram=True,
        feature_extractor_weights_path=str(inception_folder / PYTORCH.file),
    )
    assert distance("legacy_tensorflow") == pytest.approx(torch_fidelity["frechet_inception_distance"], rel=1e-4)
