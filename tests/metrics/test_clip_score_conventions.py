"""Conventions of the CLIP score: torchmetrics' own number on the same checkpoint, and Hessel et al.'s formula."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from metrics.alignment import HESSEL_PREFIX, clip_score_100, clipscore_hessel, hessel_texts, sample_cosines
from metrics.errors import MetricInputError
from metrics.features.clip.transformers import TransformersClipExtractor
from tests.metrics.stand_ins import write_transformers_clip

IMAGES = [np.random.default_rng(n).integers(0, 256, (40, 40 + n, 3), dtype=np.uint8) for n in range(12)]
TEXTS = [
    f"a {word}" for word in ("cat", "dog", "hat", "red car", "tree", "sea", "cup", "sun", "moon", "box", "x", "hill")
]


class _Peer(torch.nn.Module):
    """A CLIPModel as torchmetrics 1.9 expects one: since transformers 5 its features come wrapped in an output."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network, self.config = network, network.config

    def get_image_features(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network.get_image_features(pixels).pooler_output

    def get_text_features(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.network.get_text_features(ids, mask).pooler_output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CLIP of transformers, of a seed that gives cosines of both signs."""
    return write_transformers_clip(tmp_path_factory.mktemp("models") / "clip", seed=3)


@pytest.fixture(scope="module")
def cosines(folder: Path) -> np.ndarray:
    """Ours, image by image."""
    extractor = TransformersClipExtractor(folder)
    return sample_cosines(extractor(IMAGES), extractor.encode_texts(TEXTS))


def _torchmetrics(folder: Path, images: list[np.ndarray], texts: list[str]) -> float:
    from torchmetrics.functional.multimodal import clip_score
    from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    model = _Peer(CLIPModel.from_pretrained(folder).eval())
    processor = CLIPProcessor(CLIPImageProcessorPil.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder))
    tensors = [torch.from_numpy(image.transpose(2, 0, 1).copy()) for image in images]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that captions are cut
        return float(clip_score(tensors, texts, lambda: (model, processor)))


def test_the_hundredfold_is_torchmetrics_number(folder: Path, cosines: np.ndarray) -> None:
    above, below = np.flatnonzero(cosines > 0), np.flatnonzero(cosines < 0)
    assert len(above) > 1
    assert len(below) > 1
    mixed = [int(above[0]), int(below[0])]
    for chosen in ([int(i) for i in above], mixed, list(range(len(IMAGES)))):
        theirs = _torchmetrics(folder, [IMAGES[i] for i in chosen], [TEXTS[i] for i in chosen])
        assert clip_score_100(cosines[chosen]) == pytest.approx(theirs, rel=1e-5, abs=1e-4)
        assert clip_score_100(float(cosines[chosen].mean())) == pytest.approx(clip_score_100(cosines[chosen]))


def test_torchmetrics_clamps_the_mean_and_not_each_image(folder: Path, cosines: np.ndarray) -> None:
    below = [int(i) for i in np.flatnonzero(cosines < 0)]
    assert _torchmetrics(folder, [IMAGES[i] for i in below], [TEXTS[i] for i in below]) == 0.0
    assert clip_score_100(cosines[below]) == 0.0
    assert cosines[below].mean() < 0
    mixed = np.array([0.5, -0.3])
    assert clip_score_100(mixed) == pytest.approx(10.0)  # clamping each would give 25


def test_torchmetrics_reads_the_same_start_token_of_every_caption_that_it_cuts(folder: Path) -> None:
    """It cuts the end token off, so its network pools at position 0. Ours keep the end token, and so the beginning."""
    long = ["one caption of more than sixteen tokens", "quite another text, longer than the context"]
    theirs = [_torchmetrics(folder, IMAGES[:1], [text]) for text in long]
    assert theirs[0] == theirs[1]
    extractor = TransformersClipExtractor(folder)
    assert extractor.truncated(long) == [True, True]
    ours = extractor.encode_texts(long)
    assert np.abs(ours[0] - ours[1]).max() > 1e-3


def test_clipscore_is_the_papers_formula() -> None:
    cosines = np.array([0.31, -0.2, 0.0, 0.25])
    assert clipscore_hessel(cosines) == pytest.approx((2.5 * 0.31 + 0 + 0 + 2.5 * 0.25) / 4)
    assert clipscore_hessel(0.3) == pytest.approx(0.75)
    assert hessel_texts(["a cat", "two dogs"]) == ["A photo depicts a cat", "A photo depicts two dogs"]
    assert HESSEL_PREFIX.endswith(" ")


@pytest.mark.parametrize("wrong", [np.array([]), np.array([0.2, np.nan]), np.array([31.0]), -2.0])
def test_what_is_no_raw_cosine_is_refused(wrong: Any) -> None:
    for convention in (clip_score_100, clipscore_hessel):
        with pytest.raises(MetricInputError, match="raw cosines"):
            convention(wrong)
