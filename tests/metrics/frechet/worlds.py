"""Populations of features whose Fréchet distance to their references is known: what intervals are checked against."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian

SAMPLES = 4  # images of a prompt


@dataclass(frozen=True)
class World:
    """draw: (generator, prompts) -> features (SAMPLES * prompts, D). limit: the distance of infinitely many images."""

    draw: Callable[[np.random.Generator, int], np.ndarray]
    reference: Gaussian
    limit: float

    def studies(self, prompts: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Independent sets of features with their prompts' numbers."""
        for number in range(count):
            yield self.draw(np.random.default_rng((prompts, number)), prompts), np.repeat(np.arange(prompts), SAMPLES)


def pool_like_world(d: int) -> World:
    """Like pool features: never negative, skewed, with variances that fall off; a prompt's images are alike."""
    mixing = np.random.default_rng(1).normal(size=(d, d)) * np.exp(-np.arange(d) * 4 / d)[:, None]

    def draw(random: np.random.Generator, prompts: int, gain: float = 1.15) -> np.ndarray:
        latent = 0.7 * random.normal(size=(prompts, 1, d)) + 0.7 * random.normal(size=(prompts, SAMPLES, d))
        latent[:, :, :6] *= gain
        return np.maximum(latent.reshape(-1, d) @ mixing + 0.3, 0)

    reference = Gaussian.of_features(draw(np.random.default_rng(2), 25_000, 1.0))
    return World(
        draw, reference, frechet_distance(Gaussian.of_features(draw(np.random.default_rng(3), 50_000)), reference)
    )


def flat_world(d: int) -> World:
    """Normal features of equal variance in all directions: the hardest case when n is near d."""

    def draw(random: np.random.Generator, prompts: int) -> np.ndarray:
        latent = 0.6 * random.normal(size=(prompts, 1, d)) + 0.8 * random.normal(size=(prompts, SAMPLES, d))
        return 1.05 * latent.reshape(-1, d)

    return World(draw, Gaussian(0, np.zeros(d), np.eye(d), None), d * 0.05**2)
