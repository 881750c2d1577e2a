"""Populations whose true metrics are known exactly, and samples of prompts from them: to count what intervals cover."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """KID's kernel."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def gaussian(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """CMMD's kernel on rows of length 1."""
    return np.exp((x @ y.T - 1) / 100)


@dataclass(frozen=True)
class Population:
    """Prompts with a pool of images each, pool (P, S, D), and a fixed set of references (M, D).

    A draw takes prompts with replacement, and images of each prompt's pool with replacement: independent prompts, and
    independent images within them, so that expectations are means over the pool.
    """

    pool: np.ndarray
    references: np.ndarray

    @classmethod
    def of(cls, shift: float, *, factors: int = 24, dimension: int = 64, seed: int = 0) -> "Population":
        """Non-negative features moved by common factors of falling size, as pool features are.

        shift: how far the images' factors lie from those of the references, in their standard deviations. 300 prompts
        with 8 images each, which spread within prompts a quarter of all variance; 150 references.
        """
        random = np.random.default_rng(seed)
        loadings = random.normal(size=(factors, dimension)) * (np.arange(1, factors + 1) ** -0.7)[:, None]
        latent = np.sqrt(0.75) * random.normal(size=(300, 1, factors)) + 0.5 * random.normal(size=(300, 8, factors))
        moved = latent + shift * random.normal(size=factors)
        others = random.normal(size=(150, factors))
        return cls(np.logaddexp(0, moved @ loadings), np.logaddexp(0, others @ loadings))

    @classmethod
    def heavy(cls, shift: float, *, seed: int = 0) -> "Population":
        """Log-normal features of 8 dimensions: the kernel's cube gives them long tails. Else as `of`."""
        random = np.random.default_rng(seed)
        latent = np.sqrt(0.75) * random.normal(size=(300, 1, 8)) + 0.5 * random.normal(size=(300, 8, 8))
        return cls(np.exp(0.5 * latent + shift), np.exp(0.5 * random.normal(size=(150, 8))))

    def draw(self, random: np.random.Generator, prompts: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Features (prompts * samples, D) and each one's prompt."""
        rows = np.repeat(random.integers(0, len(self.pool), prompts), samples)
        images = self.pool[rows, random.integers(0, self.pool.shape[1], len(rows))]
        return images, np.repeat(np.arange(prompts), samples)

    def discrepancy(self, kernel: Kernel, prompts: int, samples: int, *, biased: bool) -> float:
        """The expectation of the squared MMD of a draw to the references, exactly.

        Pairs in one prompt are part of the usual estimator; so the expectation depends on how many there are.
        """
        count, each, dimension = self.pool.shape
        flat = self.pool.reshape(-1, dimension)
        y = self.references
        if biased:
            flat, y = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (flat, y))
        matrix = kernel(flat, flat)
        inside = matrix.reshape(count, each, count, each)[np.arange(count), :, np.arange(count)].mean()
        n = prompts * samples
        pairs = prompts * samples * (samples - 1) * inside + n * (n - samples) * matrix.mean()
        theirs = kernel(y, y)
        if biased:
            own, between = (pairs + n * matrix.diagonal().mean()) / n**2, theirs.mean()
        else:
            own, between = pairs / (n * (n - 1)), theirs[~np.eye(len(y), dtype=bool)].mean()
        return float(own + between - 2 * kernel(flat, y).mean())


@dataclass(frozen=True)
class Captioned:
    """Prompts with a caption and a pool of images each: text (P, D), pool (P, S, D), all of length 1."""

    text: np.ndarray
    pool: np.ndarray

    @classmethod
    def of(cls, seed: int = 0, prompts: int = 400, images: int = 8) -> "Captioned":
        """Cosines near 0.25 with a skewed quality of prompts: some are drawn badly, as in a hard category."""
        random = np.random.default_rng(seed)
        text = random.normal(size=(prompts, 1, 32))
        quality = 1 - random.beta(2, 5, size=(prompts, 1, 1))
        pool = 0.5 * quality * text + random.normal(size=(prompts, images, 32)) + 0.3
        return cls(
            text[:, 0] / np.linalg.norm(text[:, 0], axis=1, keepdims=True),
            pool / np.linalg.norm(pool, axis=2, keepdims=True),
        )

    @property
    def score(self) -> float:
        """The true CLIP score."""
        return float(np.einsum("psd,pd->ps", self.pool, self.text).mean())

    @property
    def difference(self) -> float:
        """The true score less that of captions drawn anew."""
        return self.score - float(self.pool.mean(axis=(0, 1)) @ self.text.mean(axis=0))

    def draw(
        self, random: np.random.Generator, prompts: int, samples: int
    ) -> tuple[np.ndarray, list[int], list[str], np.ndarray]:
        """Images (prompts * samples, D), their rows, captions that all count as different, and their embeddings."""
        chosen = random.integers(0, len(self.pool), prompts)
        rows = np.repeat(np.arange(prompts), samples)
        images = self.pool[chosen[rows], random.integers(0, self.pool.shape[1], len(rows))]
        return images, rows.tolist(), [f"caption {i}" for i in range(prompts)], self.text[chosen]
