"""DeepFloyd IF: stage I alone, or with its super-resolution stages, as one model."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import Refused, Sample, Setting
from drawbench.models.diffusers.ignored import effective_values
from drawbench.models.diffusers.libraries import import_diffusers
from drawbench.models.diffusers.loading import (
    load_pipeline,
    resolved_dtype,
    text_to_image_class,
    without_checker,
)
from drawbench.models.diffusers.pipeline import finished_images, generators, prompts_cut
from drawbench.models.diffusers.schedulers import scheduler_facts, with_scheduler
from drawbench.models.diffusers.settings import (
    PREFIXES,
    CallParameter,
    LoadSettings,
    call_arguments,
    call_parameters,
    call_values,
    load_settings,
    refuse_unknown,
)
from drawbench.models.diffusers.source import Checkpoint, find_checkpoint

UPSCALER = "StableDiffusionUpscalePipeline"
ABOVE = {2: ("IFSuperResolutionPipeline",), 3: ("IFSuperResolutionPipeline", UPSCALER)}
MAX_TOKENS = 77  # of T5, fixed in every stage's code
UPSCALER_NOISE_LEVEL = 100  # above IF; the pipeline's own default, 20, is for images that were not drawn by a model

# Not loaded above stage I: the texts are encoded once, and what is done to finished images is done once. The upscaler
# reads the text by itself, with CLIP.
DONE_TO_FINISHED_IMAGES = ("safety_checker", "feature_extractor", "watermarker")
DONE_BY_STAGE_1 = ("text_encoder", "tokenizer", *DONE_TO_FINISHED_IMAGES)
# Settings of stage I's encoding, which the stages above do not take again.
OF_THE_TEXT = ("clean_caption", "negative_prompt")


@dataclass(frozen=True)
class Stage:
    """One pipeline of the cascade, and the values of its call. number: 1 to 3. loaded: as the checkpoint has it."""

    number: int
    loaded: Any
    pipeline: Any
    parameters: Mapping[str, CallParameter]
    values: Mapping[str, Setting]

    @property
    def prefix(self) -> str:
        """What its settings begin with."""
        return PREFIXES[self.number - 1]


@dataclass(frozen=True)
class IFCascade:
    """The stages, lowest first. Each sample's noise is another one in each stage. dtype: what they compute in."""

    checkpoints: tuple[Checkpoint, ...]
    dtype: str
    stages: tuple[Stage, ...]
    watermark: bool
    one_by_one: bool = False

    def with_settings(self, settings: Mapping[str, str]) -> "IFCascade":
        """The same networks under other settings, which must be `same_networks`. Raises UserError as loading does."""
        values = _checked_values(settings, [stage.parameters for stage in self.stages])
        pipelines = _scheduled([stage.loaded for stage in self.stages], settings)
        stages = zip(self.stages, pipelines, _effective(values, settings, pipelines), strict=True)
        return replace(self, stages=tuple(replace(stage, pipeline=one, values=its) for stage, one, its in stages))

    @property
    def settings(self) -> dict[str, Setting]:
        """What stands in the plan beside how it was loaded."""
        facts: dict[str, Setting] = {
            "pipeline": " + ".join(type(stage.pipeline).__name__ for stage in self.stages),
            "safety_checker": self._first.safety_checker is not None,
            "watermark": self.watermark,
        }
        for stage in self.stages:
            facts |= scheduler_facts(stage.pipeline, stage.loaded, stage.prefix)
            facts |= {f"{stage.prefix}{name}": value for name, value in stage.values.items()}
        for prefix, checkpoint in list(zip(PREFIXES, self.checkpoints, strict=False))[1:]:
            facts |= {prefix.rstrip("_"): checkpoint.spec, f"{prefix}variant": checkpoint.variant}
            facts |= {f"{prefix}revision": checkpoint.revision} if checkpoint.revision else {}
        return facts

    @property
    def takes(self) -> list[str]:
        """The names of its settings."""
        return _known_settings([stage.parameters for stage in self.stages])

    @property
    def native_size(self) -> int:
        """The side of the last stage's images in pixels."""
        side = 0
        for stage in self.stages:
            if type(stage.pipeline).__name__ == UPSCALER:
                side *= stage.pipeline.vae_scale_factor  # its latents have the size of the image below
            else:
                side = int(stage.pipeline.unet.config.sample_size)
        return side

    def check_size(self, size: int) -> None:
        """Raises UserError for every size but that of the last stage."""
        if size != self.native_size:
            raise UserError(
                f"these {len(self.stages)} stages of IF draw {self.native_size} px, and {size} px are asked for: give "
                f"--size {self.native_size}, or other stages with --set stage_2=... and stage_3=...."
            )

    def prompts_cut(self, texts: Sequence[str]) -> dict[str, int]:
        """Setting -> prompts that T5 does not read to their end."""
        clean = self.stages[0].values["clean_caption"]
        return prompts_cut(self._first, self._first._text_preprocessing(texts, clean_caption=clean), MAX_TOKENS)

    def draw(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One image, or one refusal, per sample."""
        texts = [sample.text for sample in samples]
        embeddings = self._encoded(texts)
        image: Any = None
        for stage in self.stages:
            arguments: dict[str, Any] = dict(call_arguments(stage.values, stage.parameters))
            for name in OF_THE_TEXT:
                arguments.pop(name, None)
            if type(stage.pipeline).__name__ == UPSCALER:  # CLIP's text, and images in 0..1
                negative = self.stages[0].values["negative_prompt"]
                arguments |= {"prompt": texts, "image": (image / 2 + 0.5).clamp(0, 1)}
                arguments |= {} if negative is None else {"negative_prompt": [negative] * len(texts)}
            else:
                arguments |= embeddings | ({} if image is None else {"image": image})
            last = stage is self.stages[-1]
            output = stage.pipeline(
                **arguments, generator=generators(samples, stage.number), output_type="np" if last else "pt"
            )
            image = output.images
        return self._finished(image, samples, size, embeddings["prompt_embeds"].dtype)

    def _encoded(self, texts: list[str]) -> dict[str, Any]:
        """T5's hidden states of prompts and negative prompts, each (N, 77, width), for all of IF's own stages."""
        values = self.stages[0].values
        negative = values["negative_prompt"]
        positive, unconditional = self._first.encode_prompt(
            texts,
            do_classifier_free_guidance=True,
            negative_prompt=None if negative is None else [negative] * len(texts),
            clean_caption=values["clean_caption"],
        )
        return {"prompt_embeds": positive, "negative_prompt_embeds": unconditional}

    def _finished(
        self, image: np.ndarray, samples: Sequence[Sample], size: int, dtype: Any
    ) -> list[np.ndarray | Refused]:
        """Stage I's safety checker and watermark, on the last stage's images, as IF's own stages do."""
        first = self._first
        image, unsafe, watermarked = first.run_safety_checker(image, first._execution_device, dtype)
        outputs = finished_images(
            image, samples, size, unsafe=unsafe, watermarked=watermarked, checked=first.safety_checker is not None
        )
        return [self._marked(output) if isinstance(output, np.ndarray) else output for output in outputs]

    def _marked(self, pixels: np.ndarray) -> np.ndarray:
        if not self.watermark:
            return pixels
        from PIL import Image

        picture = Image.fromarray(pixels)
        self._first.watermarker.apply_watermark([picture], pixels.shape[0])
        return np.asarray(picture)

    @property
    def _first(self) -> Any:
        return self.stages[0].pipeline


def build_cascade(found: Checkpoint, settings: Mapping[str, str], load: LoadSettings, device: str) -> IFCascade:
    """Stage I, and those above it that the settings name. Raises UserError for settings that no stage has."""
    checkpoints = [without_checker(found, load), *_checkpoints_above(settings)]
    classes = [text_to_image_class(found), *(getattr(import_diffusers(), one.class_name) for one in checkpoints[1:])]
    parameters = [_stage_parameters(one) for one in classes]
    values = _checked_values(settings, parameters)
    dtype = resolved_dtype(checkpoints[0], load.dtype, device)
    loads = [load, *(load_settings(settings, prefix) for prefix in PREFIXES[1:])]
    loaded = [load_pipeline(*one, dtype, device) for one in zip(checkpoints, classes, loads, strict=False)]
    pipelines = _scheduled(loaded, settings)
    values = _effective(values, settings, pipelines)
    markable = loaded[0].watermarker is not None
    if load.watermark and not markable:
        raise UserError(f"{found.spec} has no watermark to put on: leave --set watermark=true out.")
    stages = [Stage(n, *one) for n, one in enumerate(zip(loaded, pipelines, parameters, values, strict=True), start=1)]
    return IFCascade(tuple(checkpoints), dtype, tuple(stages), markable if load.watermark is None else load.watermark)


def _checkpoints_above(settings: Mapping[str, str]) -> list[Checkpoint]:
    if "stage_3" in settings and "stage_2" not in settings:
        raise UserError("--set stage_3=... needs a stage below it: give --set stage_2=..., too.")
    return [_checkpoint_above(number, settings) for number in ABOVE if f"stage_{number}" in settings]


def _checkpoint_above(number: int, settings: Mapping[str, str]) -> Checkpoint:
    load = load_settings(settings, f"stage_{number}_")
    found = find_checkpoint(settings[f"stage_{number}"], load.revision, load.variant)
    if found.class_name not in ABOVE[number]:
        raise UserError(
            f"{found.spec} is a {found.class_name}, and stage_{number} of IF is a {' or a '.join(ABOVE[number])}: "
            "name another."
        )
    parts = inspect.signature(getattr(import_diffusers(), found.class_name)).parameters
    done = DONE_BY_STAGE_1 if found.class_name != UPSCALER else DONE_TO_FINISHED_IMAGES
    return replace(found, skipped=frozenset(parts).intersection(done))


def _stage_parameters(pipeline_class: type) -> dict[str, CallParameter]:
    """What can be set of a stage's call, with the defaults that a cascade has."""
    parameters = call_parameters(pipeline_class.__call__)
    if pipeline_class.__name__ in ABOVE[3]:
        parameters = {name: one for name, one in parameters.items() if name not in OF_THE_TEXT}
    else:  # as in its encode_prompt, by which a cascade encodes
        parameters["clean_caption"] = replace(parameters["clean_caption"], default=False)
    if pipeline_class.__name__ == UPSCALER:
        parameters["noise_level"] = replace(parameters["noise_level"], default=UPSCALER_NOISE_LEVEL)
    return parameters


def _checked_values(
    settings: Mapping[str, str], parameters: Sequence[Mapping[str, CallParameter]]
) -> list[dict[str, Setting]]:
    """The values of each stage's call, once no setting is unknown."""
    stages = "stage I" if len(parameters) == 1 else f"{len(parameters)} stages"
    refuse_unknown(settings, _known_settings(parameters), f"this cascade of {stages}")
    return [call_values(settings, one, prefix) for one, prefix in zip(parameters, PREFIXES, strict=False)]


def _known_settings(parameters: Sequence[Mapping[str, CallParameter]]) -> list[str]:
    known = ["dtype", "scheduler", "revision", "variant", "safety_checker", "watermark", "batch", "name"]
    known += [*parameters[0], "stage_2", "stage_3"]
    for prefix, of_stage in list(zip(PREFIXES, parameters, strict=False))[1:]:
        known += [f"{prefix}{name}" for name in ("scheduler", "revision", "variant", *of_stage)]
    return known


def _scheduled(loaded: Sequence[Any], settings: Mapping[str, str]) -> list[Any]:
    """Each stage behind the scheduler that the settings ask for."""
    stages = [(one, load_settings(settings, prefix), prefix) for one, prefix in zip(loaded, PREFIXES, strict=False)]
    return [with_scheduler(one, load.scheduler, load.scheduler_options, prefix) for one, load, prefix in stages]


def _effective(
    values: Sequence[Mapping[str, Setting]], settings: Mapping[str, str], pipelines: Sequence[Any]
) -> list[dict[str, Setting]]:
    """Each stage's values that have an effect."""
    stages = zip(values, pipelines, PREFIXES, strict=False)
    return [effective_values(its, settings, pipeline, prefix) for its, pipeline, prefix in stages]
