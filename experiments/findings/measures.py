"""How the findings measure: CLIP score and Fréchet distance by the bundled scorer; memory and speed of a network."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from metrics.alignment import sample_cosines
from metrics.features.clip.open_clip import ClipExtractor, load_folder
from metrics.features.registry import BUNDLED_FOLDER
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import FeatureStream, Gaussian
from reference_model.cascade import SamplingSettings, Stage, sample_noise
from reference_model.pixels import to_pixels
from reference_model.text.encoder import TextEncoder, TextFeatures, stack_features

CLIP_SCORE, FRECHET = "CLIP score", "Fréchet distance"
_SLICE = 16


@dataclass(frozen=True)
class Ruler:
    """The bundled scorer and the Gaussian of the real images that generated ones are measured against."""

    scorer: ClipExtractor
    reference: Gaussian

    @classmethod
    def of_images(cls, images: Sequence[np.ndarray]) -> "Ruler":
        """images: uint8 (H, W, 3)."""
        scorer = load_folder(BUNDLED_FOLDER)
        return cls(scorer, _gaussian(_features(scorer, images)))

    def measure(self, images: Sequence[np.ndarray], captions: Sequence[str]) -> dict[str, float]:
        """Mean cosine of image and caption, and the distance to the reference images."""
        features = _features(self.scorer, images)
        cosines = sample_cosines(features, self.scorer.encode_texts(captions))
        return {CLIP_SCORE: float(cosines.mean()), FRECHET: frechet_distance(_gaussian(features), self.reference)}


def _features(scorer: ClipExtractor, images: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([scorer(images[start : start + 64]) for start in range(0, len(images), 64)])


def _gaussian(features: np.ndarray) -> Gaussian:
    stream = FeatureStream(features.shape[1])
    stream.add(features)
    return stream.gaussian()


@torch.inference_mode()
def draw(
    stages: Sequence[tuple[Stage, TextEncoder, SamplingSettings]], captions: Sequence[str], seed: int
) -> list[np.ndarray]:
    """One uint8 image (S, S, 3) per caption by all stages in turn; noise as the cascade draws it."""
    drawn: list[np.ndarray] = []
    for start in range(0, len(captions), _SLICE):
        part = captions[start : start + _SLICE]
        seeds = [(seed * 1_000_000 + start + i) for i in range(len(part))]
        images: torch.Tensor | None = None
        for index, (stage, text, setting) in enumerate(stages):
            features = stack_features([text.encode(caption) for caption in part])
            noise = sample_noise(seeds, index, stage.size, torch.device("cpu"))
            images = stage.sample(features, noise, setting, images)
        assert images is not None
        drawn += list(to_pixels(images))
    return drawn


def memory_and_speed(network: nn.Module, text_width: int, batch: int, repeats: int = 3) -> dict[str, float]:
    """Of a 16 -> 64 pixel network: what a training step keeps for its gradient, and images per CPU second.

    Inputs are random, so that neither drawing scenes nor encoding text counts.
    """
    text = TextFeatures(torch.randn(batch, 24, text_width), torch.ones(batch, 24, dtype=torch.bool))
    x = torch.randn(batch, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    inputs = (x, torch.rand(batch), text, torch.randn(batch, 3, 16, 16), torch.rand(batch))
    network.requires_grad_(True)
    try:
        kept = _kept_bytes(network, lambda: network(*inputs).square().mean())
        training = _cpu_seconds(lambda: network(*inputs).square().mean().backward(), repeats)
    finally:
        network.requires_grad_(False)
    with torch.inference_mode():
        evaluating = _cpu_seconds(lambda: network(*inputs), repeats)
    speeds = {"images/s, training": batch / training, "images/s, evaluating": batch / evaluating}
    return {"activations, MB": kept / 2**20, **speeds}


def _kept_bytes(network: nn.Module, loss: Callable[[], torch.Tensor]) -> int:
    """Bytes of all tensors but weights that a loss keeps for its gradient, each storage counted once."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        alive = loss()  # until all is counted, so that no address is used twice
    assert alive.requires_grad
    return sum(kept.values())


def _cpu_seconds(work: Callable[[], object], repeats: int) -> float:
    work()  # warms up
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats
