"""The settings of a diffusers model: which there are, what they mean to its call, and what stands in the plan."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from drawbench.errors import UserError
from drawbench.interface import Setting
from drawbench.models.registry import parse_setting

OUR_NAMES = {"num_inference_steps": "steps", "guidance_scale": "guidance"}  # parameter -> setting
OF_MEMORY = ("compile", "offload", "quantize", "vae_slicing", "vae_tiling")  # of a pipeline, not of IF's stages
LOADING = ("dtype", "scheduler", "revision", "variant", "safety_checker", "watermark", "config", "lora", *OF_MEMORY)
SWITCHES = ("compile", "safety_checker", "vae_slicing", "vae_tiling", "watermark")
PREFIXES = ("", "stage_2_", "stage_3_")  # of the settings of a cascade's stages
# What decides which networks are in memory: models whose settings differ in others alone can share them. A scheduler
# is no network, and each model has its own.
OTHER_CHECKPOINTS = ("prior", "prior_revision", "prior_variant", "stage_2", "stage_3")
OF_NETWORKS = frozenset(
    {*OTHER_CHECKPOINTS, *(prefix + name for prefix in PREFIXES for name in LOADING if name != "scheduler")}
)
DTYPES = ("auto", "float32", "bfloat16", "float16")

# Parameters of a call that a run fixes, or that say how it returns: no settings.
FIXED = {
    "callback_steps",
    "height",
    "max_area",  # that of the size
    "num_images_per_prompt",
    "output_resolution",  # of images to edit
    "output_type",
    "return_dict",
    "use_resolution_binning",
    "width",
}
# Numbers and texts that are not given by default, and so have no type to know them by.
WITHOUT_DEFAULT = {
    "clip_skip": int,
    "denoising_end": float,
    "guidance_scale": float,
    "max_sequence_length": int,
    "negative_prompt": str,
    "negative_prompt_2": str,
    "negative_prompt_3": str,
    "original_inference_steps": int,
    "system_prompt": str,
    "tokenizer_max_length": int,
}
# Pipelines whose guidance leads away from the negative prompt at every scale above 0; that of others does above 1.
GUIDED_ABOVE_0 = ("Krea2Pipeline", "ZImageOmniPipeline", "ZImagePipeline")
# Settings beside those of the call: their default, and what they are, in a few words.
OF_LOADING = {
    "batch": "images at once: a whole slice, or what fits",
    "compile": "false; torch.compile of the network that draws",
    "config": "of a single file: the pipeline whose configuration it has",
    "dtype": f"{' | '.join(DTYPES)}",
    "lora": "none; FILE.safetensors:SCALE, several with commas between",
    "name": "what tables show",
    "offload": "none; model | group | sequential: parts wait in main memory",
    "prior": "the first half of a pair: a folder or hub id",
    "prior_revision": "main; of the prior's hub id",
    "prior_variant": "none; of the prior's files",
    "quantize": "none; 8bit | 4bit, by bitsandbytes",
    "revision": "main; of the hub id: branch, tag or commit",
    "safety_checker": "as saved; false leaves it out",
    "scheduler": "the checkpoint's; a class of diffusers, with its options as scheduler.OPTION",
    "stage_2": "of IF: the folder or hub id of its second stage",
    "stage_3": "of IF: the folder or hub id of its third stage",
    "vae_slicing": "false; the VAE decodes one image at a time",
    "vae_tiling": "false; the VAE decodes one tile at a time",
    "variant": "none; of the files: fp16, say",
    "watermark": "a visible or invisible mark on the images",
}
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True)
class LoadSettings:
    """How a checkpoint is loaded; None is what the checkpoint has by itself."""

    dtype: str = "auto"
    scheduler: str | None = None
    revision: str | None = None
    variant: str | None = None
    safety_checker: bool | None = None
    watermark: bool | None = None
    config: str | None = None  # of a single file
    lora: str | None = None  # as typed
    compile: bool = False
    offload: str | None = None
    quantize: str | None = None
    vae_slicing: bool = False
    vae_tiling: bool = False
    scheduler_options: Mapping[str, str] = field(default_factory=dict)  # as typed, without `scheduler.`


@dataclass(frozen=True)
class CallParameter:
    """A parameter of a pipeline's call that can be set: a number, text or switch."""

    name: str
    kind: type
    default: Setting

    @property
    def setting(self) -> str:
        """What --set and the plan call it."""
        return OUR_NAMES.get(self.name, self.name)


def call_parameters(call: Callable[..., Any]) -> dict[str, CallParameter]:
    """Setting -> parameter, for all that can be set in a pipeline's `__call__`."""
    found = {}
    for name, parameter in inspect.signature(call).parameters.items():
        default = parameter.default
        kind = WITHOUT_DEFAULT.get(name) if default is None else type(default)
        if name not in FIXED and not name.startswith("_") and kind in KINDS:
            one = CallParameter(name, kind, default)
            found[one.setting] = one
    return found


def load_settings(settings: Mapping[str, str], prefix: str = "") -> LoadSettings:
    """The settings of loading among all that were typed; a later stage's begin with `prefix`. Raises UserError."""
    typed = {name: settings[prefix + name] for name in LOADING if prefix + name in settings}
    values: dict[str, Any] = dict(typed)
    for name in SWITCHES:
        if name in typed:
            values[name] = _typed(prefix + name, typed[name], bool)
    begin = f"{prefix}scheduler."
    options = {name.removeprefix(begin): text for name, text in settings.items() if name.startswith(begin)}
    found = LoadSettings(**values, scheduler_options=options)
    if found.dtype not in DTYPES:
        raise UserError(f"--set {prefix}dtype={found.dtype} is no type of number: use one of {', '.join(DTYPES)}.")
    return found


def same_networks(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two sets of settings ask for the same networks of one pipeline."""
    return all(one.get(name) == other.get(name) for name in OF_NETWORKS)


def call_values(
    settings: Mapping[str, str], parameters: Mapping[str, CallParameter], prefix: str = "", unguided: int = 1
) -> dict[str, Setting]:
    """Setting -> value for each parameter of a call: as typed, else its default. Raises UserError for a wrong value.

    unguided: up to this scale, guidance does not lead away from a negative prompt.
    """
    values = {
        name: _typed(prefix + name, settings[prefix + name], parameter.kind)
        if prefix + name in settings
        else parameter.default
        for name, parameter in parameters.items()
    }
    steps = values.get("steps")
    if isinstance(steps, int) and steps < 1:
        raise UserError(f"--set {prefix}steps={steps} draws nothing: give a whole number of at least 1.")
    _check_negative_prompt(values, prefix, unguided)
    _check_true_guidance(values, settings, prefix)
    if values.get("clean_caption"):
        _check_cleaning(prefix)
    return values


def call_arguments(values: Mapping[str, Setting], parameters: Mapping[str, CallParameter]) -> dict[str, Setting]:
    """What the call is given: every value under its parameter's name, but those that are not set at all."""
    return {parameters[name].name: value for name, value in values.items() if value is not None}


def batch_size(settings: Mapping[str, str]) -> int | None:
    """How many images are drawn at once; None is a whole slice. Raises UserError when it is not at least 1."""
    if "batch" not in settings:
        return None
    batch = _typed("batch", settings["batch"], int)
    if not isinstance(batch, int) or batch < 1:
        raise UserError(f"--set batch={batch} draws nothing: give a whole number of at least 1.")
    return batch


def refuse_unknown(settings: Mapping[str, str], known: Iterable[str], what: str) -> None:
    """Raises UserError that names the first setting that `what` does not have, and those that it has.

    A scheduler's options (`scheduler.NAME`) are its own matter, where there is a scheduler.
    """
    have = list(dict.fromkeys(known))
    optional = tuple(f"{name}." for name in have if name.endswith("scheduler"))
    unknown = sorted(name for name in settings if name not in have and not name.startswith(optional))
    if unknown:
        raise UserError(f"{what} has no setting '{unknown[0]}': its settings are {', '.join(have)}.")


def _typed(name: str, text: str, kind: type) -> Setting:
    if kind is str:
        return text
    value = parse_setting(text)
    whole = isinstance(value, int) and not isinstance(value, bool)
    fits = {bool: isinstance(value, bool), int: whole, float: whole or isinstance(value, float)}[kind]
    if not fits:
        raise UserError(f"--set {name}={text} is not {KINDS[kind]}: {name} takes {KINDS[kind]}.")
    return float(text) if kind is float else value


def _check_negative_prompt(values: Mapping[str, Setting], prefix: str, unguided: int) -> None:
    """A negative prompt takes part in classifier-free guidance alone: without it, pipelines drop it silently."""
    true = "true_cfg_scale" in values
    scale = "true_cfg_scale" if true else "guidance"
    weight, negative = values.get(scale), values.get("negative_prompt")
    unguided = 1 if true else unguided
    if (negative or (true and negative is not None)) and isinstance(weight, int | float) and weight <= unguided:
        raise UserError(
            f"--set {prefix}negative_prompt=... has no effect at {prefix}{scale}={weight:g}: give more than {unguided} "
            "there, or no negative prompt."
        )


def _check_true_guidance(values: dict[str, Setting], settings: Mapping[str, str], prefix: str) -> None:
    """True guidance leads away from a negative prompt: without one there is none, whatever the scale, which is then 1.

    An empty negative prompt is one. Raises UserError for a scale that was typed and has no effect.
    """
    scale = values.get("true_cfg_scale")
    if not isinstance(scale, float) or scale <= 1 or values.get("negative_prompt", "") is not None:
        return
    if prefix + "true_cfg_scale" in settings:
        raise UserError(
            f"--set {prefix}true_cfg_scale={scale:g} has no effect without a negative prompt: give --set "
            f"{prefix}negative_prompt=..., too, which may be empty, or leave it out."
        )
    values["true_cfg_scale"] = 1.0


def _check_cleaning(prefix: str) -> None:
    """Without these packages pipelines skip the cleaning that they were asked for, and draw other images."""
    absent = [package for module, package in (("bs4", "beautifulsoup4"), ("ftfy", "ftfy")) if find_spec(module) is None]
    if absent:
        raise UserError(
            f"{prefix}clean_caption, which this pipeline has on, needs {' and '.join(absent)}: pip install "
            f"{' '.join(absent)}, or give --set {prefix}clean_caption=false to draw from the prompts as they are."
        )
