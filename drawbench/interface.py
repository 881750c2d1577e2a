"""What passes between the benchmark and a model: samples with their seeds, a card, and images or refusals."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

Setting = bool | int | float | str | None
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


class ModelCard(BaseModel):
    """Everything about a model that can change its images; it is part of the plan of a run, and so of its hash.

    A field that is added to these needs a default, which is what all older models had: at it, the field is in no hash.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    adapter: str  # registry name: reference, folder, python, ...
    spec: str  # the adapter's argument, without machine paths where avoidable
    name: str  # what tables show
    revision: str = ""
    weights_sha256: str = ""
    settings: dict[str, Setting] = {}

    def unhashed(self) -> set[str]:
        """The fields that no hash covers; see `later_defaults`."""
        return later_defaults(self, first=("revision", "weights_sha256", "settings"))


def later_defaults(record: BaseModel, first: Collection[str] = ()) -> set[str]:
    """The fields that were added to a record later and are at their default: a hash that leaves them out is the one
    that was made before there were such fields.

    first: the fields with a default that were there from the start, and are hashed always. So is one without a default.
    """
    return {
        name
        for name, field in type(record).model_fields.items()
        if not field.is_required()
        and name not in first
        and getattr(record, name) == field.get_default(call_default_factory=True)
    }


def combined_sha256(digests: Sequence[str]) -> str:
    """One hash for several parts of a model, in order; that of a single one is its own, that of none is empty."""
    if len(digests) < 2:
        return "".join(digests)
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


@dataclass(frozen=True)
class Refused:
    """A sample that the model would not draw (a safety filter, a blanked image), with the model's reason."""

    reason: str


class TextToImage(Protocol):
    """The one interface of all adapters."""

    def card(self) -> ModelCard:
        """What goes into the plan. Cheap: called before any image is made."""
        ...

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One uint8 array (size, size, 3), RGB, or one Refused per sample, in order.

        A sample's image depends on its text and seed only, never on the other samples of the call.
        """
        ...
