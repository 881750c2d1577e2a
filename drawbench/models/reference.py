"""The bundled Imagen cascade, or another checkpoint of it, as a model to benchmark."""

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from drawbench.cores import processes_for
from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from reference_model.errors import ReferenceModelError

if TYPE_CHECKING:
    from reference_model.cascade import SamplingSettings
    from reference_model.text.encoder import LongTexts

UNTRAINED = "untrained"
WORKER_MEMORY = 10**9  # bytes of a process that draws 16 images of 256 pixels at once, torch included

# In the card, and so in the plan, only where they are not at their default: older runs have plans without them.
IN_CARD_WHEN_SET = (
    "guidance_low",
    "guidance_high",
    "guidance_rescale",
    "threshold_cap",
    "dynamic_low",
    "long_prompts",
    "text_dtype",
)


@dataclass(frozen=True)
class ReferenceSettings:
    """What `--set` can change; `sr_` settings are those of both super-resolution stages.

    guidance_low, guidance_high: the times, from 0 (data) to 1 (noise), between which any stage's guidance is applied.
    guidance_rescale, threshold_cap, dynamic_low: see `SamplingSettings`.
    long_prompts: `refuse` or `cut` those of more tokens than the text encoder takes. text_dtype: float32 or bfloat16.
    """

    guidance: float = 2.0
    steps: int = 16
    sampler: str = "dpmpp_2m"
    thresholding: str = "static"
    percentile: float = 0.995
    sr_guidance: float = 1.0
    sr_steps: int = 6
    aug_level: float = 0.0
    guidance_low: float = 0.0
    guidance_high: float = 1.0
    guidance_rescale: float = 0.0
    threshold_cap: float = math.inf
    dynamic_low: float = 0.0
    long_prompts: str = "refuse"
    text_dtype: str = "float32"

    def per_stage(self, stages: int) -> "list[SamplingSettings]":
        """One sampling setting per stage of the cascade. Raises ReferenceModelError for values that no stage takes."""
        from reference_model.cascade import SamplingSettings

        own = {each.name: getattr(self, each.name) for each in fields(SamplingSettings) if each.name != "aug_level"}
        base = SamplingSettings(**own)
        above = replace(base, steps=self.sr_steps, guidance=self.sr_guidance, aug_level=self.aug_level)
        return [base, *[above] * (stages - 1)]


class ReferenceAdapter(TextToImage):
    """`reference`, `reference:untrained` (the same networks with random weights), or `reference:FOLDER`."""

    settings_of_networks = ("long_prompts", "text_dtype")  # the text encoder is loaded with them

    def __init__(self, argument: str | None, settings: Mapping[str, str], device: str) -> None:
        import torch

        from reference_model.checkpoint import BUNDLED, load_cascade, untrained_cascade, weights_sha256
        from reference_model.networks.presets import TINY

        self.settings = parse_settings(settings)
        self.device = device
        text = (self.settings.text_dtype, cast("LongTexts", self.settings.long_prompts))
        if argument == UNTRAINED:
            self.cascade, self._weights, self._name = untrained_cascade(TINY, 0, *text), "", "Imagen tiny, untrained"
        else:
            folder = Path(argument) if argument else BUNDLED
            self.cascade, self._weights = load_cascade(folder, *text), weights_sha256(folder)
            self._name = self.cascade.name
        self.cascade.to(torch.device(device))
        self.threads = 1 if torch.device(device).type == "cpu" else None
        self._argument = argument
        self._per_stage = self.settings.per_stage(len(self.cascade.stages))
        self._prompts_cut = 0

    @property
    def known_settings(self) -> Mapping[str, str]:  # type: ignore[override]
        """Every setting, those too that are in the card only where they are set."""
        return {name: str(value) for name, value in asdict(ReferenceSettings()).items()}

    @cached_property
    def workers(self) -> int:
        """On a CPU, one a core."""
        return processes_for(WORKER_MEMORY) if self.threads == 1 else 1

    def with_settings(self, settings: Mapping[str, str]) -> "ReferenceAdapter | None":
        """The same networks under other settings; None where the text encoder's differ, and it must be loaded anew."""
        other = copy(self)
        other.settings = parse_settings(settings)
        if any(getattr(other.settings, name) != getattr(self.settings, name) for name in self.settings_of_networks):
            return None
        other._per_stage = other.settings.per_stage(len(other.cascade.stages))
        other._prompts_cut = 0
        return other

    def keep_texts(self, folder: Path) -> None:
        """Keep the features of texts in a folder, so that another run of the same prompts need not encode them."""
        from reference_model.text.embedding_cache import EmbeddingCache

        self.cascade.text_cache = EmbeddingCache(folder, self.cascade.text_encoder)

    def card(self) -> ModelCard:
        spec = "reference" if self._argument is None else f"reference:{Path(self._argument).name}"
        defaults = asdict(ReferenceSettings())
        values = {
            name: value
            for name, value in asdict(self.settings).items()
            if name not in IN_CARD_WHEN_SET or value != defaults[name]
        }
        values["dtype"] = "float32"
        if self._prompts_cut:
            values["prompts_cut"] = self._prompts_cut
        name = self._name
        if self._argument is None and self.settings.guidance != ReferenceSettings.guidance:
            name = f"{name}, guidance {self.settings.guidance:g}"
        return ModelCard(adapter="reference", spec=spec, name=name, weights_sha256=self._weights, settings=values)

    def check_plan(self, samples: Sequence[Sample], size: int) -> None:
        """Refuse, before anything is written, a size it does not make and prompts its encoder cannot read whole.

        Prompts that are to be cut instead are counted; the card, called for next, says how many.
        """
        if size not in self.cascade.sizes:
            sizes = " or ".join(str(size) for size in self.cascade.sizes)
            raise UserError(f"the reference model makes images of {sizes} pixels, not of {size}: use --size")
        encoder = self.cascade.text_encoder
        prompts = {sample.prompt_id: sample.text for sample in samples}
        for prompt_id, text in prompts.items():
            try:
                encoder.tokens(text)
            except ReferenceModelError as error:
                raise UserError(f"prompt {prompt_id}: {error}, or use --set long_prompts=cut") from error
        self._prompts_cut = sum(encoder.is_too_long(text) for text in prompts.values())

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        texts, seeds = [sample.text for sample in samples], [sample.seed for sample in samples]
        return list(self.cascade.generate(texts, seeds, size, self._per_stage))

    def generate_stages(
        self, samples: Sequence[Sample], size: int, low: np.ndarray | None = None
    ) -> dict[int, np.ndarray]:
        """Images (B, s, s, 3) of every stage up to `size`, by size s. low: uint8 (s, s, 3), for all to start from."""
        texts, seeds = [sample.text for sample in samples], [sample.seed for sample in samples]
        lows = None if low is None else np.stack([low] * len(samples))
        return self.cascade.generate_stages(texts, seeds, size, self._per_stage, lows)


def parse_settings(settings: Mapping[str, str]) -> ReferenceSettings:
    """Typed settings. Raises UserError for a name it does not have and a value of another type."""
    types: dict[str, type] = {name: type(value) for name, value in asdict(ReferenceSettings()).items()}
    values: dict[str, Any] = {}
    for name, text in settings.items():
        if name not in types:
            raise UserError(f"the reference model has no setting {name!r}: it takes {', '.join(types)}")
        try:
            values[name] = types[name](text)
        except ValueError as error:
            kind = "a whole number" if types[name] is int else "a number"
            raise UserError(f"--set {name}={text}: {name} takes {kind}") from error
    return ReferenceSettings(**values)
