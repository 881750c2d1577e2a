"""Loads a pipeline of diffusers: only classes that draw from text, only safetensors, never code of a model's own."""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from drawbench.errors import UserError, first_line
from drawbench.models.diffusers.libraries import (
    NEWLY_INITIALIZED,
    import_diffusers,
    is_out_of_memory,
    missing_package,
    quiet_libraries,
)
from drawbench.models.diffusers.lora import load_loras, parse_loras
from drawbench.models.diffusers.memory import place, quantization
from drawbench.models.diffusers.settings import LoadSettings
from drawbench.models.diffusers.single_file import SingleFile, from_single_file
from drawbench.models.diffusers.source import Checkpoint, fetch

MOVED = ("PaellaVQModel", "WuerstchenDiffNeXt", "WuerstchenPrior")
CASCADE = "IFPipeline"  # drawn in stages, see diffusers_cascade.py
NO_STILL_IMAGES = {
    "audio_end_in_s",
    "audio_length_in_s",
    "frame_size",  # renderings of a body in space
    "num_frames",
    "num_videos_per_prompt",
    "video",
}
PRIORS = ("KandinskyPriorPipeline", "KandinskyV22PriorPipeline", "WuerstchenPriorPipeline")  # draw no images themselves
FROM_OTHER_IMAGES = {"control_image", "mask_image", "image_embeddings", "image_embeds", "source_prompt"}
# What takes a prompt and does something else with it, which its call does not give away.
OTHER_KINDS = {
    "AceStepPipeline": "makes music",
    "BlipDiffusionPipeline": "takes an image of the subject, too",
    "JoyImageEditPlusPipeline": "edits images",
    "LLaDA2Pipeline": "writes text",
    "LattePipeline": "makes films",
    "LongCatAudioDiTPipeline": "makes sounds",
    "StableAudio3AudioToAudioPipeline": "makes sounds",
    "StableAudio3InpaintPipeline": "makes sounds",
    "StableAudio3Pipeline": "makes sounds",
    "StableDiffusionAttendAndExcitePipeline": "takes the numbers of the words to attend to, too",
    "StableDiffusionGLIGENPipeline": "takes boxes to draw into, too",
    "StableDiffusionGLIGENTextImagePipeline": "takes boxes to draw into, too",
    "StableDiffusionLDM3DPipeline": "draws depth, too",
    "StableDiffusionPix2PixZeroPipeline": "takes the direction of an edit, too",
}
SAFETY = ("safety_checker", "feature_extractor")


def text_to_image_class(checkpoint: Checkpoint) -> type:
    """The class of the checkpoint's pipeline. Raises UserError when it is of another kind, or unknown here."""
    diffusers = import_diffusers()
    from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING

    name = checkpoint.class_name
    found = getattr(diffusers, name, None)
    if found is None:
        raise UserError(
            f"{checkpoint.spec} is a {name}, which diffusers {diffusers.__version__} does not have: upgrade it."
        )
    absent = getattr(found, "_backends", None)  # a placeholder for a class whose packages are not installed
    if absent:
        raise UserError(f"{checkpoint.spec} is a {name}, which needs {', '.join(absent)}: install what is missing.")
    if not draws_from_text(found, listed=found in AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values()):
        why = OTHER_KINDS.get(name, "does not draw images from text alone")
        raise UserError(f"{checkpoint.spec} is a {name}, which {why}: name a text-to-image pipeline.")
    return found


def draws_from_text(pipeline_class: type, listed: bool) -> bool:
    """Whether a class of pipeline draws still images from a prompt alone; `listed`: diffusers lists it as such."""
    call = set(inspect.signature(pipeline_class.__call__).parameters)
    parts = set(inspect.signature(pipeline_class).parameters)
    takes_image = "image" in call and not listed
    other = call & (NO_STILL_IMAGES | FROM_OTHER_IMAGES) or parts & {"controlnet", "vocoder"}
    return "prompt" in call and not (takes_image or other or pipeline_class.__name__ in (*OTHER_KINDS, *PRIORS))


def resolved_dtype(checkpoint: Checkpoint, dtype: str, device: str) -> str:
    """The type of number to compute in; `auto` is float32 on a CPU, and what the weights are stored in elsewhere."""
    if dtype != "auto":
        return dtype
    return "float32" if device == "cpu" else fetch(checkpoint).stored_dtype


def without_checker(found: Checkpoint, settings: LoadSettings) -> Checkpoint:
    """The checkpoint without its safety checker where that is switched off. Raises UserError when it has none."""
    has = "safety_checker" in found.parts
    if settings.safety_checker and not has:
        raise UserError(f"{found.spec} was saved without a safety checker: leave --set safety_checker=true out.")
    return replace(found, skipped=frozenset(SAFETY)) if settings.safety_checker is False else found


def load_pipeline(checkpoint: Checkpoint, pipeline_class: type, settings: LoadSettings, dtype: str, device: str) -> Any:
    """The pipeline on its device, downloaded where that is needed. Raises UserError for whatever prevents it.

    Its scheduler is the checkpoint's; another comes with `schedulers.with_scheduler`.
    """
    import torch

    fetch(checkpoint)
    checkpoint.weight_files  # noqa: B018  refuses pickles and absent variants in our words, before the library looks
    given: dict[str, Any] = dict.fromkeys(checkpoint.skipped)
    if settings.quantize:
        given["quantization_config"] = quantization(checkpoint, settings.quantize, dtype)
    if "add_watermarker" in inspect.signature(pipeline_class).parameters:
        given["add_watermarker"] = bool(settings.watermark)  # else it depends on the packages that are installed
    with quiet_libraries() as warnings:
        try:
            if pipeline_class.__name__ == CASCADE and "safety_checker" in checkpoint.parts:
                given["safety_checker"] = _if_safety_checker(checkpoint, dtype)
            if any(kind in MOVED for _, kind in checkpoint.parts.values()):
                _find_moved_parts()
            if isinstance(checkpoint, SingleFile):
                pipeline = from_single_file(pipeline_class, checkpoint, getattr(torch, dtype), given)
            else:
                pipeline = pipeline_class.from_pretrained(  # type: ignore[attr-defined]
                    checkpoint.folder,
                    dtype=getattr(torch, dtype),
                    variant=checkpoint.variant,
                    use_safetensors=True,
                    trust_remote_code=False,
                    local_files_only=True,
                    **given,
                )
            _refuse_absent_weights(pipeline, checkpoint)
            load_loras(pipeline, parse_loras(settings.lora))
            place(pipeline, settings, device)
        except UserError:
            raise
        except ImportError as error:
            raise missing_package(error, checkpoint.spec) from error
        except Exception as error:  # whatever the files of somebody else's model do to the libraries
            if is_out_of_memory(error):
                raise UserError(
                    f"{checkpoint.spec} does not fit into the memory of {device} as {dtype}: "
                    "give --set offload=model, --set quantize=8bit, another dtype, or another --device."
                ) from error
            raise UserError(
                f"{checkpoint.spec} cannot be loaded ({type(error).__name__}: {first_line(error)}): "
                "copy or download it again, or save it again with this version of diffusers."
            ) from error
    _refuse_random_weights(warnings, checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _find_moved_parts() -> None:
    """Put the parts of Wuerstchen and Stable Cascade where diffusers looks for them when it loads a pipeline.

    It moved their code, and finds them neither under the name that published checkpoints have nor under its own.
    """
    import diffusers
    from diffusers.pipelines.deprecated import wuerstchen

    diffusers.pipelines.wuerstchen = wuerstchen
    for name in MOVED:
        setattr(diffusers, name, getattr(wuerstchen, name))


def _if_safety_checker(checkpoint: Checkpoint, dtype: str) -> Any:
    """IF's safety checker. Its class misses a step of construction that transformers 5 cannot load it without."""
    import torch
    from diffusers.pipelines.deepfloyd_if import IFSafetyChecker

    class Loadable(IFSafetyChecker):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.post_init()

    return Loadable.from_pretrained(
        checkpoint.folder / "safety_checker",
        dtype=getattr(torch, dtype),
        variant=checkpoint.variant,
        use_safetensors=True,
        local_files_only=True,
    )


def _refuse_absent_weights(pipeline: Any, checkpoint: Checkpoint) -> None:
    """With accelerate installed, what a file lacks stays a tensor without memory until it is first needed."""
    for part, component in pipeline.components.items():
        names = getattr(component, "named_parameters", None)
        absent = [name for name, tensor in names() if tensor.is_meta] if names is not None else []
        if absent:
            raise UserError(
                f"{checkpoint.spec} lacks weights that its configuration asks for ({part}: {', '.join(absent)[:150]}): "
                "copy or download it again."
            )


def _refuse_random_weights(warnings: Sequence[str], checkpoint: Checkpoint) -> None:
    """The libraries fill in what a file lacks with random numbers, and only warn: its images would be of no model."""
    for warning in warnings:
        if NEWLY_INITIALIZED in warning:
            raise UserError(
                f"{checkpoint.spec} lacks weights that its configuration asks for ({' '.join(warning.split())[:200]}): "
                "copy or download it again."
            )
