"""Settings without effect: refused where typed, kept out of the plan; what the libraries warn of is told."""

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest
import torch

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.models.diffusers.adapter import DiffusersAdapter
from drawbench.models.diffusers.ignored import effective_values, told_warnings
from drawbench.runs.directory import RunDirectory

Checkpoints = Callable[[str], Path]

SIZE = 32
CUT = "The following part of your input was truncated because CLIP can only handle sequences up to 77 tokens: ['a dog']"


def adapter(folder: Path, **settings: str) -> DiffusersAdapter:
    return DiffusersAdapter(str(folder), {"steps": "2"} | settings, "cpu")


def pixels(model: DiffusersAdapter, samples: list[Sample]) -> np.ndarray:
    return np.stack([np.asarray(image) for image in model.generate(samples[:1], SIZE)])


def told(model: DiffusersAdapter, samples: list[Sample]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.generate(samples[:1], SIZE)
    return [str(one.message) for one in caught]


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("flux-schnell", {"guidance": "3.5"}, r"guidance=3.5 has no effect.*guidance_embeds.*takes .*true_cfg_scale"),
        ("qwen", {"guidance": "3"}, r"guidance=3 has no effect.*QwenImagePipeline takes negative_prompt"),
        ("qwen", {"true_cfg_scale": "4"}, "true_cfg_scale=4 has no effect without a negative prompt: give"),
        ("flux-dev", {"true_cfg_scale": "4"}, "true_cfg_scale=4 has no effect without a negative prompt"),
        ("qwen", {"true_cfg_scale": "1", "negative_prompt": ""}, "negative_prompt=... has no effect at true_cfg_scale"),
        ("sd", {"eta": "1", "scheduler": "EulerDiscreteScheduler"}, "eta=1 has no effect.*EulerDiscreteScheduler"),
        ("IF-I", {"eta": "0.5"}, "eta=0.5 has no effect, because DDPMScheduler takes no eta"),
    ],
)
def test_what_a_pipeline_ignores_is_refused_by_name(
    checkpoint: Checkpoints, name: str, settings: dict[str, str], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        adapter(checkpoint(name), **settings)


@pytest.mark.parametrize(
    ("name", "parameter", "values"),
    [
        ("flux-schnell", "guidance_scale", (1.0, 9.0)),
        ("flux-schnell", "true_cfg_scale", (1.0, 9.0)),
        ("qwen", "guidance_scale", (1.0, 9.0)),
        ("qwen", "true_cfg_scale", (1.0, 9.0)),
        ("IF-I", "eta", (0.0, 1.0)),
    ],
)
def test_what_is_refused_changes_no_pixel_in_the_library_itself(
    checkpoint: Checkpoints, name: str, parameter: str, values: tuple[float, float]
) -> None:
    import diffusers

    pipeline = diffusers.DiffusionPipeline.from_pretrained(checkpoint(name), use_safetensors=True)
    side = {} if name == "IF-I" else {"height": SIZE, "width": SIZE}
    one, other = (
        pipeline(
            prompt=["a red car"],
            num_inference_steps=2,
            generator=[torch.Generator().manual_seed(1)],
            output_type="np",
            **side,
            **{parameter: value},
        ).images
        for value in values
    )
    assert np.array_equal(one, other)


def test_a_point_of_a_sweep_is_refused_as_a_run_is(checkpoint: Checkpoints) -> None:
    with pytest.raises(UserError, match="guidance=2 has no effect"):
        adapter(checkpoint("flux-schnell")).with_settings({"guidance": "2"})


def test_a_default_without_effect_does_not_stand_in_the_plan(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    schnell, dev = adapter(checkpoint("flux-schnell")), adapter(checkpoint("flux-dev"))
    assert "guidance" not in schnell.card().settings
    assert dev.card().settings["guidance"] == 3.5
    assert not np.array_equal(pixels(dev, samples), pixels(adapter(checkpoint("flux-dev"), guidance="9"), samples))
    qwen = adapter(checkpoint("qwen"))
    assert qwen.card().settings["true_cfg_scale"] == 1.0
    assert told(qwen, samples) == []
    guided = [adapter(checkpoint("qwen"), negative_prompt="", true_cfg_scale=scale) for scale in ("4", "40")]
    assert [model.card().settings["true_cfg_scale"] for model in guided] == [4.0, 40.0]
    images = [pixels(model, samples) for model in (qwen, *guided)]
    assert not np.array_equal(images[0], images[1])
    assert not np.array_equal(images[1], images[2])


def test_settings_that_need_not_be_changed_keep_their_place_in_the_plan(checkpoint: Checkpoints) -> None:
    euler = adapter(checkpoint("sd"), scheduler="EulerDiscreteScheduler", eta="0")
    assert euler.card().settings["eta"] == 0.0
    assert adapter(checkpoint("flux-dev")).card().settings["true_cfg_scale"] == 1.0
    assert adapter(checkpoint("qwen"), negative_prompt="dull").card().settings["guidance"] is None


def test_a_distilled_pipeline_draws_at_what_it_says() -> None:
    class Flux2KleinPipeline:
        config = SimpleNamespace(is_distilled=True)
        components = MappingProxyType({})

    assert effective_values({"guidance": 4.0, "steps": 4}, {}, Flux2KleinPipeline()) == {"guidance": 1.0, "steps": 4}
    assert effective_values({"guidance": 1.0}, {"guidance": "1"}, Flux2KleinPipeline()) == {"guidance": 1.0}
    with pytest.raises(UserError, match=r"guidance=3 has no effect.*is_distilled"):
        effective_values({"guidance": 3.0}, {"guidance": "3"}, Flux2KleinPipeline())


def test_guidance_as_an_input_of_the_network_leaves_no_room_for_a_negative_prompt() -> None:
    unet = SimpleNamespace(config=SimpleNamespace(time_cond_proj_dim=256))
    pipeline = SimpleNamespace(components={"unet": unet})
    values = {"guidance": 8.5, "negative_prompt": None}
    assert effective_values(values, {}, pipeline) == values
    with pytest.raises(UserError, match=r"negative_prompt=dull has no effect.*time_cond_proj_dim"):
        effective_values(values | {"negative_prompt": "dull"}, {"negative_prompt": "dull"}, pipeline)


@pytest.mark.parametrize(
    ("warning", "setting"),
    [
        ("guidance_scale is passed as 3, but ignored since the model is not guidance-distilled.", "guidance"),
        ("Guidance scale 3.0 is ignored for step-wise distilled models.", "guidance"),
        ("`guidance_scale` / `image_guidance_scale` are ignored by this pipeline.", "image_guidance_scale"),
        ("true_cfg_scale is passed as 4, but guidance is not enabled.", "stage_2_true_cfg_scale"),
    ],
)
def test_a_warning_that_a_typed_setting_is_ignored_is_an_error(warning: str, setting: str) -> None:
    with pytest.raises(UserError, match=f"--set {setting}=3 has no effect: the pipeline warned '.*'; leave it out"):
        told_warnings(["else", warning], {setting: "3"}, prompts_counted=False)
    assert told_warnings([warning], {"steps": "2", "name": "x"}, prompts_counted=False) == [warning]


def test_each_warning_is_told_once_without_the_prompt_and_unless_the_run_says_it() -> None:
    refusal = "Potential NSFW content was detected in one or more images. A black image will be returned instead."
    messages = ["odd\n  thing", CUT, refusal, "odd thing", CUT.replace("dog", "cat")]
    assert told_warnings(messages, {}, prompts_counted=True) == ["odd thing"]
    assert told_warnings(messages, {}, prompts_counted=False) == ["odd thing", CUT.partition(":")[0]]


@pytest.mark.parametrize("python_is_told_to", ["default", "ignore", "error"])
def test_what_the_libraries_warn_of_stands_in_the_run_and_is_shown_once(
    checkpoint: Checkpoints,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    python_is_told_to: Literal["default", "ignore", "error"],
) -> None:
    import diffusers
    from diffusers.utils import logging

    draw = diffusers.StableDiffusionPipeline.__call__
    logger = logging.get_logger("diffusers.pipelines.stable_diffusion")

    def warning_call(self: Any, *arguments: Any, **options: Any) -> Any:
        logger.warning("the colours are odd")
        warnings.warn("the edges are odd", stacklevel=1)
        return draw(self, *arguments, **options)

    warning_call.__signature__ = inspect.signature(draw)  # type: ignore[attr-defined]
    monkeypatch.setattr(diffusers.StableDiffusionPipeline, "__call__", warning_call)
    prompts = tmp_path / "mine.csv"
    prompts.write_text("text\na red ring\na blue star\n")
    words = ["generate", "--model", f"diffusers:{checkpoint('sd')}", "--prompts", str(prompts), "--samples", "1"]
    words += ["--slice", "1", "--device", "cpu", "--set", "steps=1", "--out", str(tmp_path / "run")]
    with warnings.catch_warnings():
        warnings.simplefilter(python_is_told_to, UserWarning)  # as by `python -W ignore::UserWarning`
        warnings.simplefilter(python_is_told_to, RuntimeWarning)
        assert main(words) == 0
    (attempt,) = RunDirectory.open(tmp_path / "run").attempts
    assert set(attempt.warnings) == {"the colours are odd", "the edges are odd"}
    shown = capfd.readouterr().err
    assert shown.count("the colours are odd") == shown.count("the edges are odd") == 1
