"""What the tests of reading and of checking share: scenes of every kind, and images as a small model errs."""

from collections import defaultdict
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from reference_model.world.rich.sampling import sample_scene
from reference_model.world.rich.scene import KINDS, Scene

Spoil = Callable[[np.ndarray, Random], np.ndarray]


@pytest.fixture(scope="session")
def scenes_per_kind() -> Callable[[int], list[Scene]]:
    """So many held-out scenes of every kind."""

    def drawn(number: int) -> list[Scene]:
        random, found = Random("checked scenes"), defaultdict(list)
        while any(len(found[kind]) < number for kind in KINDS):
            scene = sample_scene(random, "held_out")
            found[scene.kind].append(scene)
        return [scene for kind in KINDS for scene in found[kind][:number]]

    return drawn


@pytest.fixture(scope="session")
def degraded() -> Spoil:
    """As a small diffusion model errs: moved a little, blurred, in colours somewhat off, noisy."""

    def spoil(image: np.ndarray, random: Random) -> np.ndarray:
        numbers = np.random.default_rng(random.getrandbits(32))
        moved = shift(image.astype(float), (*numbers.uniform(-1, 1, 2), 0), order=1, mode="nearest")
        blurred = gaussian_filter(moved, (0.6, 0.6, 0)) + numbers.choice([-8, 8], 3)
        return np.clip(np.rint(blurred + numbers.normal(0, 6, image.shape)), 0, 255).astype(np.uint8)

    return spoil
