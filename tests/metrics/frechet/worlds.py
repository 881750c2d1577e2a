"""Populations of features whose Fréchet distance to their references is known: what intervals are checked against."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian

SAMPLES = 4  # images of a prompt, where nothing else is said


@dataclass(frozen=True)
class World:
    """draw: (generator, prompts) -> features (samples * prompts, D). references: (generator, M) -> features (M, D).

    reference: the Gaussian of very many references. limit: the distance of infinitely many images to it.
    """

    draw: Callable[[np.random.Generator, int], np.ndarray]
    references: Callable[[np.random.Generator, int], np.ndarray]
    reference: Gaussian
    limit: float
    samples: int = SAMPLES

    def studies(self, prompts: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Independent sets of features with their prompts' numbers."""
        rows = np.repeat(np.arange(prompts), self.samples)
        for number in range(count):
            yield self.draw(np.random.default_rng((prompts, number)), prompts), rows

    def pairs(self, prompts: int, m: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Independent sets of features, their prompts' numbers, and m references."""
        for number, (features, rows) in enumerate(self.studies(prompts, count)):
            yield features, rows, self.references(np.random.default_rng((prompts, m, number)), m)


def pool_like_world(d: int, gain: float = 1.15, samples: int = SAMPLES, alike: float = 0.5) -> World:
    """Like pool features: never negative, skewed, with variances that fall off; a prompt's images are alike.

    gain: of the latent directions that matter most, over those of the references; 1 for an equal distribution.
    alike: the part of the variance that a prompt's images share.
    """
    mixing = np.random.default_rng(1).normal(size=(d, d)) * np.exp(-np.arange(d) * 4 / d)[:, None]

    def features(random: np.random.Generator, prompts: int, images: int, gain: float) -> np.ndarray:
        shared, own = np.sqrt(0.98 * alike), np.sqrt(0.98 * (1 - alike))
        latent = shared * random.normal(size=(prompts, 1, d)) + own * random.normal(size=(prompts, images, d))
        latent[:, :, :6] *= gain
        return np.maximum(latent.reshape(-1, d) @ mixing + 0.3, 0)

    reference = Gaussian.of_features(features(np.random.default_rng(2), 100_000, 1, 1.0))
    many = Gaussian.of_features(features(np.random.default_rng(3), 200_000, 1, gain))
    return World(
        lambda random, prompts: features(random, prompts, samples, gain),
        lambda random, m: features(random, m, 1, 1.0),
        reference,
        0.0 if gain == 1 else frechet_distance(many, reference),
        samples,
    )


def flat_world(d: int, gain: float = 1.05, samples: int = SAMPLES, alike: float = 0.36) -> World:
    """Normal features of equal variance in all directions: the hardest case when n is near d."""

    def draw(random: np.random.Generator, prompts: int) -> np.ndarray:
        latent = np.sqrt(alike) * random.normal(size=(prompts, 1, d))
        latent = latent + np.sqrt(1 - alike) * random.normal(size=(prompts, samples, d))
        return gain * latent.reshape(-1, d)

    reference = Gaussian(0, np.zeros(d), np.eye(d), None)
    return World(draw, lambda random, m: random.normal(size=(m, d)), reference, d * (gain - 1) ** 2, samples)


def shared_sets(
    d: int, n: int, m: int, sharing: float, count: int, gain: float = 1.0
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Independent sets of n normal images and m normal references whose distance is d (gain - 1)^2, and for each image
    the row of the reference that its prompt was written for, as far as there are any.

    sharing: the part of the variance that such an image has in common with its reference.
    """
    pairs, rows = min(n, m), np.where(np.arange(n) < m, np.arange(n), -1)
    for number in range(count):
        random = np.random.default_rng((d, n, m, round(100 * sharing), number))
        common, own = random.normal(size=(max(n, m), d)), np.sqrt(1 - sharing)
        images = np.sqrt(sharing) * common[:n] + own * random.normal(size=(n, d))
        references = np.sqrt(sharing) * common[:m] + own * random.normal(size=(m, d))
        images[pairs:] = random.normal(size=(n - pairs, d))
        references[pairs:] = random.normal(size=(m - pairs, d))
        yield gain * images, references, rows
