"""A text-to-image pipeline of diffusers with the values of its call: how samples become images."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from drawbench.errors import UserError, first_line
from drawbench.interface import Refused, Sample, Setting, sample_seed
from drawbench.models.diffusers.ignored import effective_values
from drawbench.models.diffusers.loading import (
    load_pipeline,
    resolved_dtype,
    text_to_image_class,
    without_checker,
)
from drawbench.models.diffusers.lora import lora_facts, parse_loras
from drawbench.models.diffusers.memory import check_memory, memory_facts
from drawbench.models.diffusers.pairs import PAIRS, load_pair, prior_of, refuse_prior
from drawbench.models.diffusers.pairs import SETTINGS as OF_THE_PRIOR
from drawbench.models.diffusers.schedulers import scheduler_facts, with_scheduler
from drawbench.models.diffusers.settings import (
    GUIDED_ABOVE_0,
    OF_MEMORY,
    CallParameter,
    LoadSettings,
    call_arguments,
    call_parameters,
    call_values,
    load_settings,
    refuse_unknown,
)
from drawbench.models.diffusers.single_file import SingleFile, config_facts
from drawbench.models.diffusers.source import CORES, Checkpoint

CLIP_TOKENS_ALWAYS = "CLIP"  # tokenizers of this kind cut at their own limit, those of T5 at the call's

ONE_BY_ONE = (
    "AmusedPipeline",  # takes no generator of each image's own
    "OmniGenPipeline",  # its images change with the others of a batch; so do the panorama's
    "PRXPipeline",  # fails at more than one prompt, for it counts on one; so do the two below
    "PRXPixelPipeline",
    "StableDiffusionPanoramaPipeline",
    "WuerstchenCombinedPipeline",
)
UNSTATED_SIZES = {"ZImageOmniPipeline": 1024, "ZImagePipeline": 1024}  # which only the code of their calls says
OF_ONE_SIZE = ("HiDreamImagePipeline", "Kandinsky5T2IPipeline")  # they draw it whatever they are asked for

NSFW = "blanked by the safety checker: taken for unsafe content"
WATERMARKED = "blanked by the safety checker: taken for a watermarked image"
BLACK = "all black behind a safety checker: taken for blanked"


def generators(samples: Sequence[Sample], stage: int) -> Any:
    """A CPU generator per sample, so that no sample depends on its neighbours; the stages of one draw other noise."""
    import torch

    seeds = [sample.seed if stage == 1 else sample_seed(sample.seed, "stage", stage) for sample in samples]
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


@dataclass(frozen=True)
class PipelineModel:
    """A pipeline with the values of its call. dtype: what it computes in. loaded: as the checkpoint has it."""

    checkpoints: tuple[Checkpoint, ...]
    dtype: str
    loaded: Any
    pipeline: Any
    parameters: Mapping[str, CallParameter]
    values: Mapping[str, Setting]
    watermark: bool | None  # None where it puts none on
    loading: Mapping[str, Setting] = field(default_factory=dict)  # what else stands in the plan of how it was loaded

    def with_settings(self, settings: Mapping[str, str]) -> "PipelineModel":
        """The same networks under other settings, which must be `same_networks`. Raises UserError as loading does."""
        values = _checked_values(settings, type(self.loaded), self.parameters, self.checkpoints[0])
        load = load_settings(settings)
        pipeline = with_scheduler(self.loaded, load.scheduler, load.scheduler_options)
        return replace(self, pipeline=pipeline, values=effective_values(values, settings, pipeline))

    @property
    def settings(self) -> dict[str, Setting]:
        """What stands in the plan beside how it was loaded."""
        facts: dict[str, Setting] = {"pipeline": type(self.pipeline).__name__}
        facts |= scheduler_facts(self.pipeline, self.loaded)
        if "safety_checker" in inspect.signature(type(self.pipeline)).parameters:
            facts["safety_checker"] = self._checked
        if self.watermark is not None:
            facts["watermark"] = self.watermark
        for prior in self.checkpoints[1:]:
            facts |= {"prior": prior.spec, "prior_variant": prior.variant}
            facts |= {"prior_revision": prior.revision} if prior.revision else {}
        return {**facts, **self.loading, **self.values}

    @property
    def takes(self) -> list[str]:
        """The names of its settings."""
        return known_settings(type(self.loaded), self.parameters, self.checkpoints[0])

    @property
    def native_size(self) -> int | None:
        """The side in pixels that it draws by itself; None when it does not say."""
        own = getattr(self.pipeline, "default_sample_size", None)
        core = next((part for name in CORES if (part := self.pipeline.components.get(name)) is not None), None)
        cells = own if own is not None else getattr(getattr(core, "config", None), "sample_size", None)
        scale = getattr(self.pipeline, "vae_scale_factor", None)
        if isinstance(cells, list | tuple) and len(set(cells)) == 1:
            cells = cells[0]
        if isinstance(cells, int) and isinstance(scale, int):
            return cells * scale
        stated = [self._call[name].default for name in ("height", "output_resolution") if name in self._call]
        own = UNSTATED_SIZES.get(type(self.pipeline).__name__)
        return next((size for size in stated if isinstance(size, int)), own)

    @property
    def one_by_one(self) -> bool:
        """Whether its code fails at more than one image at a time."""
        return type(self.pipeline).__name__ in ONE_BY_ONE

    def check_size(self, size: int) -> None:
        """Raises UserError for a size that it surely does not draw; others show with the first image."""
        if "height" not in self._call or type(self.pipeline).__name__ in OF_ONE_SIZE:
            if self.native_size not in (None, size):
                raise UserError(f"this pipeline draws {self.native_size} px, and {size} px are asked for: use --size.")
            return
        scale = getattr(self.pipeline, "vae_scale_factor", 1)
        if size % scale:
            raise UserError(
                f"this pipeline draws sizes that are multiples of {scale} px, and {size} is none: use --size."
            )

    def prompts_cut(self, texts: Sequence[str]) -> dict[str, int]:
        """Setting -> how many prompts an encoder cuts, for encoders whose limit is known."""
        return prompts_cut(self.pipeline, texts, self.values.get("max_sequence_length"))

    def draw(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One image, or one refusal, per sample."""
        arguments: dict[str, Any] = dict(call_arguments(self.values, self.parameters))
        for name, value in arguments.items():
            if name.startswith("negative_prompt"):
                arguments[name] = [value] * len(samples)
        if "height" in self._call:
            arguments |= {"height": size, "width": size}
        if "max_area" in self._call:
            arguments["max_area"] = size * size  # to which it scales the size that it is asked for
        if "use_resolution_binning" in self._call:
            arguments["use_resolution_binning"] = False  # it draws at another size and resizes, silently
        if arguments.get("guidance_scale") is not None and "guidance_schedule" in self._call:
            arguments["guidance_schedule"] = None  # a constant scale in its place
        if "generator" in self._call:
            each = generators(samples, 1)
            arguments["generator"] = each[0] if self.one_by_one else each
        try:
            output = self.pipeline(prompt=[sample.text for sample in samples], output_type="np", **arguments)
        except ValueError as error:
            if "height" in str(error) and "width" in str(error):  # only the call itself knows all of its sizes
                raise UserError(
                    f"--size {size} does not fit this pipeline ({first_line(error)}): give another."
                ) from error
            raise
        images = getattr(output, "images", getattr(output, "image", None))  # Kandinsky 5 calls them one image
        if images is None:
            raise UserError(f"a {type(self.pipeline).__name__} returns no images: name a text-to-image pipeline.")
        unsafe = getattr(output, "nsfw_content_detected", None)
        return finished_images(images, samples, size, unsafe=unsafe, checked=self._checked)

    @property
    def _call(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(type(self.pipeline).__call__).parameters

    @property
    def _checked(self) -> bool:
        return self.pipeline.components.get("safety_checker") is not None


def build_pipeline(found: Checkpoint, settings: Mapping[str, str], load: LoadSettings, device: str) -> PipelineModel:
    """The model that the settings ask for. Raises UserError for those that this pipeline does not have."""
    refuse_prior(found)
    check_memory(load, device)
    parse_loras(load.lora)
    pair = PAIRS.get(found.class_name)
    pipeline_class = text_to_image_class(replace(found, index={"_class_name": pair.joined}) if pair else found)
    parameters = call_parameters(pipeline_class.__call__)
    values = _checked_values(settings, pipeline_class, parameters, found)
    checkpoint = without_checker(found, load)
    dtype = resolved_dtype(checkpoint, load.dtype, device)
    checkpoints: tuple[Checkpoint, ...] = (checkpoint,)
    if pair:
        checkpoints = checkpoint, prior = checkpoint, prior_of(found, pair, settings)
        loaded = load_pair((checkpoint, prior), pair, load, dtype, device)
    else:
        loaded = load_pipeline(checkpoint, pipeline_class, load, dtype, device)
    pipeline = with_scheduler(loaded, load.scheduler, load.scheduler_options)
    values = effective_values(values, settings, pipeline)
    markable = "add_watermarker" in inspect.signature(pipeline_class).parameters
    watermark = bool(load.watermark) if markable else None
    return PipelineModel(
        checkpoints,
        dtype,
        loaded,
        pipeline,
        parameters,
        values,
        watermark,
        config_facts(found) | memory_facts(checkpoint, load) | lora_facts(load.lora),
    )


def _checked_values(
    settings: Mapping[str, str],
    pipeline_class: type,
    parameters: Mapping[str, CallParameter],
    found: Checkpoint,
) -> dict[str, Setting]:
    """The values of its call, once no setting is unknown."""
    refuse_unknown(settings, known_settings(pipeline_class, parameters, found), f"a {pipeline_class.__name__}")
    return call_values(settings, parameters, unguided=0 if pipeline_class.__name__ in GUIDED_ABOVE_0 else 1)


def known_settings(pipeline_class: type, parameters: Mapping[str, CallParameter], found: Checkpoint) -> list[str]:
    """The names of all settings that such a pipeline takes; a scheduler's options beside."""
    made_of = inspect.signature(pipeline_class).parameters
    own = {"scheduler": "scheduler", "safety_checker": "safety_checker", "watermark": "add_watermarker"}
    known = ["dtype", *(("config",) if isinstance(found, SingleFile) else ("revision", "variant")), "batch", "name"]
    known += ["lora", *OF_MEMORY, *(OF_THE_PRIOR if found.class_name in PAIRS else ())]
    known += [setting for setting, argument in own.items() if argument in made_of]
    return [*known, *parameters]


def prompts_cut(pipeline: Any, texts: Sequence[str], limit_of_call: Setting) -> dict[str, int]:
    """prompts_cut_by_<tokenizer> -> how many texts are longer than what its encoder reads; none where none is."""
    cut = {}
    for name, tokenizer in pipeline.components.items():
        if tokenizer is None or "tokenizer" not in name:
            continue
        limit = tokenizer.model_max_length if CLIP_TOKENS_ALWAYS in type(tokenizer).__name__ else limit_of_call
        if isinstance(limit, int) and (count := sum(len(tokenizer(text).input_ids) > limit for text in texts)):
            cut[f"prompts_cut_by_{name}"] = count
    return cut


def finished_images(
    images: Any,
    samples: Sequence[Sample],
    size: int,
    *,
    unsafe: Sequence[bool] | None,
    watermarked: Sequence[bool] | None = None,
    checked: bool,
) -> list[np.ndarray | Refused]:
    """Images as uint8, those that a safety checker blanked as refusals.

    images: floats in 0..1 (N, H, W, 3), or PIL images. Raises UserError for what is no number, and for another size.
    """
    if len(images) != len(samples):
        raise UserError(f"the pipeline drew {len(images)} images for {len(samples)} prompts: give --set batch=1.")
    outputs: list[np.ndarray | Refused] = []
    for number, image in enumerate(images):
        pixels = _pixels(np.asarray(image))
        height, width = pixels.shape[:2]
        if (height, width) != (size, size):
            advice = f"give --size {height}" if height == width else "it draws no squares"
            raise UserError(f"the pipeline draws {width}x{height} px, and {size} px are asked for: {advice}.")
        if unsafe is not None and unsafe[number]:
            outputs.append(Refused(NSFW))
        elif watermarked is not None and watermarked[number]:
            outputs.append(Refused(WATERMARKED))
        elif checked and not pixels.any():
            outputs.append(Refused(BLACK))
        else:
            outputs.append(pixels)
    return outputs


def _pixels(image: np.ndarray) -> np.ndarray:
    if image.ndim == 3 and image.shape[2] == 4:
        if image[..., 3].min() < (255 if image.dtype == np.uint8 else 1):
            raise UserError(
                "the pipeline draws transparent images, and on which background they stand is not agreed: put them on "
                "one, and evaluate them with folder:DIR."
            )
        image = image[..., :3]
    if image.dtype == np.uint8:
        return image
    if not np.isfinite(image).all():
        raise UserError(
            "the pipeline made values that are no numbers, which would show as black: "
            "give --set dtype=float32 or bfloat16."
        )
    return (image.clip(0, 1) * 255).round().astype(np.uint8)
