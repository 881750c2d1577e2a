"""What a run will be: the plan of every image, its hash, and how two plans differ."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import field_validator

from drawbench.interface import ModelCard, Sample, later_defaults, sample_seed
from drawbench.prompts.prompt_set import Prompt
from drawbench.records import Record

DEFAULT_SLICE_SIZE = 8


class Plan(Record):
    """Everything that decides the pixels of a run, complete before the first image and never changed after.

    `prompt_set_sha256` names the whole set, `prompts_sha256` the prompts of this run (they differ under a limit);
    both are SHA-256 over `category\\ttext\\n` rows. Nothing here depends on the clock or on the machine.
    """

    prompt_set_name: str
    prompt_set_sha256: str
    prompt_set_n: int
    prompts_sha256: str
    prompt_ids: tuple[str, ...]
    model: ModelCard
    size: int  # pixels, square
    samples: int  # per prompt
    limit: int | None  # first prompts of each category
    seed: int
    slice_size: int
    dtype: str

    @field_validator("size", "samples", "slice_size")
    @classmethod
    def _positive(cls, value: int) -> int:
        if value < 1:
            raise ValueError("must be at least 1")
        return value

    @property
    def n_prompts(self) -> int:
        """How many prompts are drawn."""
        return len(self.prompt_ids)

    @property
    def complete(self) -> bool:
        """False when only a part of the prompt set is drawn."""
        return self.n_prompts == self.prompt_set_n

    @property
    def sha256(self) -> str:
        """SHA-256 of the plan as canonical JSON (sorted keys, no blanks, UTF-8).

        Fields that were added to plan or model card later are left out while they are at their default.
        """
        content = self.model_dump(exclude={"model": self.model.unhashed(), **dict.fromkeys(later_defaults(self), True)})
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def extends(self, older: "Plan") -> bool:
        """True when this plan is the older one with more samples per prompt, and nothing else."""
        return self.samples > older.samples and self.model_copy(update={"samples": older.samples}) == older

    def differences(self, older: "Plan") -> list[str]:
        """One `field: old -> new` per field that differs, with dotted names inside the model card."""
        old, new = _flat(older.model_dump(mode="json")), _flat(self.model_dump(mode="json"))
        return [
            f"{name}: {_shown(old.get(name, 'none'))} -> {_shown(new.get(name, 'none'))}"
            for name in [*old, *(name for name in new if name not in old)]
            if old.get(name, "none") != new.get(name, "none")
        ]


@dataclass(frozen=True)
class Slice:
    """A fixed run of consecutive samples of the plan, made as one batch: the unit of resuming."""

    index: int
    samples: tuple[Sample, ...]


def plan_samples(prompts: Sequence[Prompt], samples: int, seed: int) -> list[Sample]:
    """All samples in plan order: sample 0 of every prompt, then sample 1 of every prompt, and so on."""
    return [
        Sample(prompt.id, prompt.category, prompt.text, index, sample_seed(seed, prompt.id, index))
        for index in range(samples)
        for prompt in prompts
    ]


def plan_slices(samples: Sequence[Sample], slice_size: int) -> list[Slice]:
    """Cut samples in plan order into slices. A slice never crosses from one sample index to the next,
    so that more samples per prompt append slices and leave the earlier ones as they are."""
    return [Slice(number, part) for number, part in enumerate(_cut(samples, slice_size))]


def _cut(samples: Sequence[Sample], slice_size: int) -> Iterator[tuple[Sample, ...]]:
    part: list[Sample] = []
    for sample in samples:
        if part and (len(part) == slice_size or part[-1].index != sample.index):
            yield tuple(part)
            part = []
        part.append(sample)
    if part:
        yield tuple(part)


def _flat(tree: dict[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} prompts"
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
        return value[:12]
    return "none" if value is None or value == "" else str(value)
