"""Small sealed runs for tests: pictures of noise, in which nothing but the pixels tells the models apart."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.prompt_set import Prompt, PromptSet, category_slug
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate

SMALL = {"Colors": 2, "Counting": 3}


class Noise(TextToImage):
    """Noise from its own name and each sample's seed; refuses the samples (prompt id, index) that it is told to."""

    def __init__(self, name: str, refuses: Sequence[tuple[str, int]] = ()) -> None:
        self.name = name
        self.refuses = frozenset(refuses)

    def card(self) -> ModelCard:
        """A card that shows the name."""
        return ModelCard(adapter="test", spec=self.name, name=self.name)

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One picture or refusal per sample."""
        return [self._one(sample, size) for sample in samples]

    def _one(self, sample: Sample, size: int) -> np.ndarray | Refused:
        if (sample.prompt_id, sample.index) in self.refuses:
            return Refused("not this one")
        own = int(sha256(self.name.encode()).hexdigest()[:8], 16)
        return np.random.default_rng([own, sample.seed]).integers(0, 256, (size, size, 3), dtype=np.uint8)


def prompt_set(categories: Mapping[str, int] = SMALL, name: str = "mine") -> PromptSet:
    """So many prompts of each category, with ids such as colors-001; {"": n} makes prompts without categories."""
    prompts = [
        Prompt(f"{category_slug(category) or 'caption'}-{n:03d}", category, f"the {n}. text of {category or 'all'}")
        for category, count in categories.items()
        for n in range(1, count + 1)
    ]
    return PromptSet(name, tuple(prompts))


def make_run(
    path: Path,
    name: str,
    *,
    prompts: PromptSet | None = None,
    samples: int = 2,
    size: int = 32,
    seed: int = 0,
    limit: int | None = None,
    refuses: Sequence[tuple[str, int]] = (),
) -> RunDirectory:
    """A sealed run of a model called `name` in `path`."""
    return generate(
        Request(Noise(name, refuses), prompts or prompt_set(), path, samples=samples, size=size, seed=seed, limit=limit)
    )
