"""Which pipelines are text-to-image, and what is refused when one is loaded."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
import torch
from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING
from safetensors.torch import load_file, save_file

from drawbench.errors import UserError
from drawbench.models.diffusers.loading import (
    draws_from_text,
    load_pipeline,
    resolved_dtype,
    text_to_image_class,
    without_checker,
)
from drawbench.models.diffusers.schedulers import with_scheduler
from drawbench.models.diffusers.settings import LoadSettings
from drawbench.models.diffusers.source import Checkpoint, find_checkpoint
from tests.drawbench.models.diffusers.tiny_pipelines import edit_json

Checkpoints = Callable[[str], Path]


def load(folder: Path, **settings: Any) -> Any:
    found = find_checkpoint(str(folder), None, None)
    given = LoadSettings(**settings)
    return with_scheduler(load_pipeline(found, text_to_image_class(found), given, "float32", "cpu"), given.scheduler)


def of_class(name: str) -> Checkpoint:
    return Checkpoint(Path("absent"), "somebody/theirs", "", None, {"_class_name": name})


@pytest.mark.parametrize(
    "name",
    [
        "StableDiffusionPipeline",
        "StableDiffusionXLPipeline",
        "StableDiffusion3Pipeline",
        "PixArtAlphaPipeline",
        "PixArtSigmaPipeline",
        "FluxPipeline",
        "Flux2Pipeline",
        "SanaPipeline",
        "SanaSprintPipeline",
        "WuerstchenCombinedPipeline",
        "StableCascadeCombinedPipeline",
        "KandinskyV22CombinedPipeline",
        "Kandinsky3Pipeline",
        "HunyuanDiTPipeline",
        "AuraFlowPipeline",
        "QwenImagePipeline",
        "LatentConsistencyModelPipeline",
        "IFPipeline",
        "KolorsPipeline",
        "LDMTextToImagePipeline",
    ],
)
def test_text_to_image_pipelines_are_known(name: str) -> None:
    assert text_to_image_class(of_class(name)) is getattr(diffusers, name)


@pytest.mark.parametrize(
    "name",
    [
        "StableDiffusionXLImg2ImgPipeline",  # the refiner
        "StableDiffusionInpaintPipeline",
        "StableDiffusionControlNetPipeline",
        "FluxControlPipeline",
        "FluxFillPipeline",
        "StableDiffusionUpscalePipeline",
        "StableDiffusionInstructPix2PixPipeline",
        "IFSuperResolutionPipeline",
        "StableVideoDiffusionPipeline",
        "WanPipeline",
        "CogVideoXPipeline",
        "HeliosPipeline",
        "AudioLDM2Pipeline",
        "StableAudioPipeline",
        "DDPMPipeline",
        "MarigoldDepthPipeline",
        "ShapEPipeline",
    ],
)
def test_pipelines_of_another_kind_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"somebody/theirs is a {name}, which does not draw images from text alone"):
        text_to_image_class(of_class(name))


def test_what_diffusers_lists_draws_unless_it_needs_an_image_or_draws_a_film() -> None:
    refused = {
        one.__name__ for one in AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values() if not draws_from_text(one, listed=True)
    }
    assert all("Control" in name or "Helios" in name for name in refused)


def test_a_class_that_is_not_here_is_told_apart_from_one_whose_packages_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UserError, match=r"TomorrowPipeline, which diffusers .* does not have: upgrade it"):
        text_to_image_class(of_class("TomorrowPipeline"))
    placeholder = SimpleNamespace(_backends=["torch", "sentencepiece"])
    monkeypatch.setattr(diffusers, "TomorrowPipeline", placeholder, raising=False)
    with pytest.raises(UserError, match="which needs torch, sentencepiece: install what is missing"):
        text_to_image_class(of_class("TomorrowPipeline"))


def test_numbers_are_as_stored_but_on_a_cpu(own_checkpoint: Checkpoints) -> None:
    folder = own_checkpoint("sd")
    path = folder / "unet/diffusion_pytorch_model.safetensors"
    save_file({name: value.half() for name, value in load_file(path).items()}, path, {"format": "pt"})
    found = find_checkpoint(str(folder), None, None)
    assert resolved_dtype(found, "auto", "cpu") == "float32"
    assert resolved_dtype(found, "auto", "cuda:1") == "float16"
    assert resolved_dtype(found, "bfloat16", "cuda") == "bfloat16"


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"])
def test_weights_that_a_file_lacks_are_not_made_up(own_checkpoint: Checkpoints, name: str) -> None:
    path = own_checkpoint("sd") / name
    tensors = load_file(path)
    tensors.pop(sorted(tensors)[-1])
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(UserError, match="lacks weights that its configuration asks for"):
        load(path.parents[1])


def _cut(folder: Path) -> None:
    path = folder / "vae/diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def _another_shape(folder: Path) -> None:
    edit_json(folder / "unet/config.json", block_out_channels=[16, 32])


@pytest.mark.parametrize("damage", [_cut, _another_shape, lambda folder: (folder / "vae/config.json").write_text("{")])
def test_a_damaged_checkpoint_is_one_sentence(own_checkpoint: Checkpoints, damage: Callable[[Path], object]) -> None:
    folder = own_checkpoint("sd")
    damage(folder)
    with pytest.raises(UserError) as caught:
        load(folder)
    assert str(caught.value).startswith("sd cannot be loaded (")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            ImportError("T5Tokenizer requires the SentencePiece library"),
            r"needs a package .*SentencePiece.*drawbench\[",
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory"),
            r"does not fit into the memory of cpu as float32: give --set offload",
        ),
    ],
)
def test_what_this_machine_lacks_is_named(
    checkpoint: Checkpoints, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(diffusers.StableDiffusionPipeline, "from_pretrained", fail)
    with pytest.raises(UserError, match=sentence):
        load(checkpoint("sd"))


def test_nothing_is_printed(checkpoint: Checkpoints, capfd: pytest.CaptureFixture[str]) -> None:
    folder = checkpoint("sd-lenient")  # saving it is not quiet
    capfd.readouterr()
    load(folder)
    assert capfd.readouterr() == ("", "")


def test_a_scheduler_takes_over_the_configuration(checkpoint: Checkpoints) -> None:
    scheduler = load(checkpoint("sd"), scheduler="DPMSolverMultistepScheduler").scheduler
    assert isinstance(scheduler, diffusers.DPMSolverMultistepScheduler)
    assert scheduler.config.num_train_timesteps == 100
    with pytest.raises(UserError, match=r"--set scheduler=ddim does not fit this pipeline: use one of .*DDIMScheduler"):
        load(checkpoint("sd"), scheduler="ddim")


def test_a_safety_checker_is_left_out_or_asked_for(checkpoint: Checkpoints) -> None:
    strict = find_checkpoint(str(checkpoint("sd-strict")), None, None)
    assert without_checker(strict, LoadSettings()) == strict
    off = without_checker(strict, LoadSettings(safety_checker=False))
    assert "safety_checker" not in off.parts
    assert (
        load_pipeline(off, diffusers.StableDiffusionPipeline, LoadSettings(), "float32", "cpu").safety_checker is None
    )
    plain = find_checkpoint(str(checkpoint("sd")), None, None)
    with pytest.raises(UserError, match="was saved without a safety checker"):
        without_checker(plain, LoadSettings(safety_checker=True))


def test_a_watermark_of_the_library_is_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stable Diffusion XL marks its images wherever a certain package is installed."""
    asked: list[bool] = []

    class Marking(diffusers.StableDiffusionXLPipeline):
        @classmethod
        def from_pretrained(cls, *_: Any, add_watermarker: bool, **__: Any) -> Any:
            asked.append(add_watermarker)
            idle = {"to": lambda device: None, "set_progress_bar_config": lambda disable: None}
            return SimpleNamespace(components={}, **idle)

    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLPipeline"}))
    found = find_checkpoint(str(tmp_path), None, None)
    for settings in (LoadSettings(), replace(LoadSettings(), watermark=True)):
        load_pipeline(found, Marking, settings, "float32", "cpu")
    assert asked == [False, True]
