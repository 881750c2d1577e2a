"""Samples: the unit of a run, and the seeds that make each one reproducible on its own."""

import hashlib
from dataclasses import dataclass

SEED_BITS = 53  # fits a double exactly, so that a seed survives JSON in any language


@dataclass(frozen=True)
class Sample:
    """One image of a run: the `index`-th image of one prompt, and the seed of its noise."""

    prompt_id: str
    category: str
    text: str
    index: int
    seed: int

    @property
    def seed32(self) -> int:
        """The seed as an unsigned 32-bit number, for interfaces that take no larger one."""
        return self.seed >> (SEED_BITS - 32)


def sample_seed(run_seed: int, prompt_id: str, index: int) -> int:
    """The first 53 bits of SHA-256 over run seed, prompt id and sample index: no sample depends on its neighbours."""
    digest = hashlib.sha256(f"{run_seed}\t{prompt_id}\t{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - SEED_BITS)
