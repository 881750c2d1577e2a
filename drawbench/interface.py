"""What passes between the benchmark and a model: samples with their seeds, a card, and images or refusals."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

Setting = bool | int | float | str | None
DEFAULT_SIZE = 256  # pixels; what the Imagen paper evaluates at
NOT_STATED = "not stated"
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
    """The fields that were added to a record later and are at their default.

    Without them, a hash of the record is what it was before there were such fields. first: fields with a default that
    were there from the start; they are always hashed, and so is a field without a default.
    """
    return {
        name
        for name, field in type(record).model_fields.items()
        if not field.is_required()
        and name not in first
        and getattr(record, name) == field.get_default(call_default_factory=True)
    }


def combined_sha256(digests: Sequence[str]) -> str:
    """One hash of a model's parts, in order: the hash of its only part, or empty where it has none."""
    if len(digests) < 2:
        return "".join(digests)
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


@dataclass(frozen=True)
class Refused:
    """A sample that the model would not draw (a safety filter, a blanked image), with the model's reason."""

    reason: str


class Sources(BaseModel):
    """What must be known of the files that a model reads its images from. lossy: how many are JPEG or lossy WebP.

    notes: in words, for the note of every score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lossy: int = 0
    notes: tuple[str, ...] = ()


class Identified(Protocol):
    """A prompt, as far as a model needs it."""

    @property
    def id(self) -> str: ...

    @property
    def category(self) -> str: ...

    @property
    def text(self) -> str: ...


class Prompts(Protocol):
    """A prompt set, as far as a model needs it. image_ids: of the images that captions are of (COCO), by prompt id."""

    @property
    def prompts(self) -> Sequence[Identified]: ...

    @property
    def image_ids(self) -> Mapping[str, int]: ...

    @property
    def default_samples(self) -> int: ...


class TextToImage(ABC):
    """The one contract of all models. `card` and `generate` are a model's own; all else has a default.

    A model that lacks this base class is completed by `drawbench.models.registry.as_text_to_image`.

    device: recorded with each attempt at a run.
    settings_of_networks: settings for which `with_settings` is None; a sweep changes them as seldom as it can.
    one_at_a_time: `generate` draws its samples one after the other, so that a run asks for one and keeps it before the
    next.
    concurrency: of a model that draws one at a time, how many a run asks for at once, each from a thread of its own.
    price: what an image costs, in whatever currency, where that is known. may_cost: nothing is drawn for an estimate.
    known_settings: what --set takes, each with its default and meaning in a few words, for people.
    threads: of each process that draws, where its images are defined by them; None for as many as torch takes.
    recipe: makes the same model in another process, which it reaches by pickle; None where nothing can.
    """

    device: str = NOT_STATED
    settings_of_networks: Collection[str] = ()
    one_at_a_time: bool = False
    concurrency: int = 1
    price: float | None = None
    may_cost: bool = False
    known_settings: Mapping[str, str] = MappingProxyType({})
    threads: int | None = None
    recipe: "Callable[[], TextToImage] | None" = None

    @abstractmethod
    def card(self) -> ModelCard:
        """What goes into the plan. Cheap: called before any image is made."""

    @abstractmethod
    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One uint8 array (size, size, 3), RGB, or one Refused per sample, in order.

        A sample's image depends on its text and seed only, never on the other samples of the call.
        """

    @cached_property  # which a subclass replaces by an attribute or a property, as it likes
    def native_size(self) -> int:
        """The side of the images in pixels when none is asked for."""
        return DEFAULT_SIZE

    @cached_property
    def workers(self) -> int:
        """The processes that draw a run fastest on this machine, when none are asked for."""
        return 1

    def take_prompt_set(self, prompt_set: Prompts) -> None:
        """Called before `check_plan` with the whole prompt set; a run may draw a part. Nothing is done here."""
        return

    def check_plan(self, samples: Sequence[Sample], size: int) -> None:
        """Called with all samples of a run before `card`, and before anything is written; nothing is checked here.

        Raises UserError that names what is missing (images on disk, say), or what the model cannot draw.
        """
        return

    def sources(self) -> Sources:
        """What a reader of the scores must know of files that the images are read from.

        Called after `check_plan`, and again when all is drawn.
        """
        return Sources()

    def log_requests(self, file: Path) -> None:
        """Called before a run is drawn: a model that asks a server adds every request to this file.

        `drawbench.remote.request_log` has what writes it. Nothing is noted here.
        """
        return

    def held_samples(self, prompt_set: Prompts) -> int:
        """Images per prompt when none are asked for: the set's usual number, or as many as the model holds."""
        return prompt_set.default_samples

    def with_settings(self, settings: Mapping[str, str]) -> "TextToImage | None":
        """The same networks under other settings (all of them, as typed), for the next point of a sweep.

        None, as here, when that takes other networks: they are then loaded in place of these.
        """
        return None

    def keep_texts(self, folder: Path) -> None:
        """Called before a sweep: features of texts may be kept there from one run to the next. None are here."""
        return
