"""Pipelines in two halves: a prior that makes features of the text, and a decoder that draws from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drawbench.errors import UserError
from drawbench.models.diffusers.libraries import import_diffusers
from drawbench.models.diffusers.loading import load_pipeline
from drawbench.models.diffusers.lora import load_loras, parse_loras
from drawbench.models.diffusers.memory import place
from drawbench.models.diffusers.settings import LoadSettings, load_settings
from drawbench.models.diffusers.source import Checkpoint, find_checkpoint

PREFIX = "prior_"  # of the settings of how the prior is loaded
SETTINGS = ("prior", "prior_revision", "prior_variant")


@dataclass(frozen=True)
class Pair:
    """Classes of diffusers: of the first half, and of both together."""

    prior: str
    joined: str


PAIRS = {  # by the class of the decoder
    "KandinskyPipeline": Pair("KandinskyPriorPipeline", "KandinskyCombinedPipeline"),
    "KandinskyV22Pipeline": Pair("KandinskyV22PriorPipeline", "KandinskyV22CombinedPipeline"),
    "StableCascadeDecoderPipeline": Pair("StableCascadePriorPipeline", "StableCascadeCombinedPipeline"),
    "WuerstchenDecoderPipeline": Pair("WuerstchenPriorPipeline", "WuerstchenCombinedPipeline"),
}


def refuse_prior(found: Checkpoint) -> None:
    """Raises UserError for a prior alone, which says how it is brought."""
    decoder = next((name for name, pair in PAIRS.items() if pair.prior == found.class_name), None)
    if decoder is not None:
        raise UserError(
            f"{found.spec} is a {found.class_name}, the first half of a pair: name the second, a {decoder}, as the "
            f"model, and this one with --set prior={found.spec}."
        )


def prior_of(found: Checkpoint, pair: Pair, settings: Mapping[str, str]) -> Checkpoint:
    """The first half that the settings name. Raises UserError when they name none, or it fits not."""
    if "prior" not in settings:
        raise UserError(
            f"{found.spec} is a {found.class_name}, the second half of a pair: give the first, a {pair.prior}, with "
            "--set prior=FOLDER or --set prior=OWNER/NAME."
        )
    load = load_settings(settings, PREFIX)
    prior = find_checkpoint(settings["prior"], load.revision, load.variant)
    if prior.class_name != pair.prior:
        raise UserError(f"{prior.spec} is a {prior.class_name}, and the prior here is a {pair.prior}: name another.")
    return prior


def load_pair(
    checkpoints: tuple[Checkpoint, Checkpoint], pair: Pair, load: LoadSettings, dtype: str, device: str
) -> Any:
    """Decoder and prior as one pipeline."""
    decoder, prior = checkpoints
    diffusers = import_diffusers()
    bare = LoadSettings(quantize=load.quantize)
    second = load_pipeline(decoder, getattr(diffusers, decoder.class_name), bare, dtype, "cpu")
    first = load_pipeline(prior, getattr(diffusers, pair.prior), bare, dtype, "cpu")
    named = {f"{PREFIX}{name}": part for name, part in first.components.items()}
    joined = getattr(diffusers, pair.joined)(**second.components, **named)
    load_loras(joined, parse_loras(load.lora))
    place(joined, load, device)
    joined.set_progress_bar_config(disable=True)
    return joined
