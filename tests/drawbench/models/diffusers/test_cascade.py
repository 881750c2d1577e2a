"""DeepFloyd IF's stages as one model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from drawbench.errors import UserError
from drawbench.interface import Refused, Sample
from drawbench.models.diffusers.adapter import DiffusersAdapter
from drawbench.models.diffusers.pipeline import NSFW, generators

Checkpoints = Callable[[str], Path]

GREY_LEVEL = 1


@pytest.fixture
def cascade(checkpoint: Checkpoints) -> Callable[..., DiffusersAdapter]:
    """Stages by number: cascade(2) is I and II, cascade(3, first="IF-I-strict", guidance="2") three of them."""

    def build(stages: int = 2, first: str = "IF-I", **settings: str) -> DiffusersAdapter:
        given = {"steps": "2"}
        for number, name in ((2, "IF-II"), (3, "upscaler")):
            if stages >= number:
                given |= {f"stage_{number}": str(checkpoint(name)), f"stage_{number}_steps": "2"}
        return DiffusersAdapter(str(checkpoint(first)), given | settings, "cpu")

    return build


def drawn(model: DiffusersAdapter, samples: list[Sample]) -> list[np.ndarray]:
    images = model.generate(samples, model.native_size)
    assert all(isinstance(image, np.ndarray) for image in images)
    return [image.astype(int) for image in images if isinstance(image, np.ndarray)]


def test_two_stages_draw_what_the_pipelines_draw_one_after_the_other(
    cascade: Callable[..., DiffusersAdapter], checkpoint: Checkpoints, samples: list[Sample]
) -> None:
    ours = drawn(cascade(2, negative_prompt="dull"), samples[:1])[0]
    first = diffusers.IFPipeline.from_pretrained(checkpoint("IF-I"))
    second = diffusers.IFSuperResolutionPipeline.from_pretrained(checkpoint("IF-II"))
    positive, negative = first.encode_prompt(samples[0].text, negative_prompt="dull")
    text = {"prompt_embeds": positive, "negative_prompt_embeds": negative, "num_inference_steps": 2}
    small = first(**text, generator=generators(samples[:1], 1), output_type="pt").images
    large = second(image=small, **text, generator=generators(samples[:1], 2)).images[0]
    assert abs(ours - np.asarray(large).astype(int)).max() <= GREY_LEVEL


def test_a_sample_does_not_depend_on_its_neighbours(
    cascade: Callable[..., DiffusersAdapter], samples: list[Sample]
) -> None:
    model = cascade(3)
    together, alone = drawn(model, samples), [drawn(model, [sample])[0] for sample in samples]
    assert max(abs(one - other).max() for one, other in zip(together, alone, strict=True)) <= GREY_LEVEL
    assert abs(together[0] - together[1]).max() > 10 * GREY_LEVEL


def test_texts_are_encoded_once_for_all_stages(
    cascade: Callable[..., DiffusersAdapter], samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cascade(2)
    first, second = (stage.pipeline for stage in model._model.stages)
    assert second.text_encoder is None
    encode, calls = first.encode_prompt, []

    def counted(prompt: Any, *args: Any, **options: Any) -> Any:
        calls.append(prompt)
        return encode(prompt, *args, **options)

    monkeypatch.setattr(first, "encode_prompt", counted)
    drawn(model, samples)
    assert [call for call in calls if call is not None] == [[sample.text for sample in samples]]


@pytest.mark.parametrize(("stages", "size"), [(1, 16), (2, 32), (3, 64)])
def test_the_size_is_that_of_the_last_stage(
    cascade: Callable[..., DiffusersAdapter], samples: list[Sample], stages: int, size: int
) -> None:
    model = cascade(stages)
    assert model.native_size == size
    assert drawn(model, samples[:1])[0].shape == (size, size, 3)
    with pytest.raises(UserError, match=f"draw {size} px, and 20 px are asked for: give --size {size}"):
        model.check_plan(samples, 20)


def test_the_card_holds_the_settings_of_every_stage(cascade: Callable[..., DiffusersAdapter]) -> None:
    card = cascade(3, guidance="5", stage_2_guidance="3", stage_2_noise_level="200").card()
    expected = {
        "clean_caption": False,
        "guidance": 5.0,
        "pipeline": "IFPipeline + IFSuperResolutionPipeline + StableDiffusionUpscalePipeline",
        "safety_checker": False,
        "scheduler": "DDPMScheduler",
        "stage_2": "IF-II",
        "stage_2_guidance": 3.0,
        "stage_2_noise_level": 200,
        "stage_2_scheduler": "DDPMScheduler",
        "stage_2_steps": 2,
        "stage_3": "upscaler",
        "stage_3_guidance": 9.0,
        "stage_3_noise_level": 100,
        "stage_3_scheduler": "DDIMScheduler",
        "watermark": False,
    }
    assert expected.items() <= card.settings.items()
    stages, *changed = card.name.split(", ")
    assert stages == "IF-I + IF-II + upscaler"
    assert changed[-3:] == ["guidance 5", "stage_2_guidance 3", "stage_2_noise_level 200"]
    hashes = {cascade(stages).card().weights_sha256 for stages in (1, 2, 3)}
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guidance", "2"),
        ("negative_prompt", "dull"),
        ("stage_2_guidance", "1.5"),
        ("stage_2_noise_level", "10"),
        ("stage_2_scheduler", "DPMSolverSinglestepScheduler"),
        ("stage_3_guidance", "2"),
        ("stage_3_noise_level", "300"),
    ],
)
def test_settings_of_every_stage_reach_the_images(
    cascade: Callable[..., DiffusersAdapter], samples: list[Sample], name: str, value: str
) -> None:
    one, other = (drawn(cascade(3, **given), samples[:1])[0] for given in ({}, {name: value}))
    assert abs(one - other).max() > GREY_LEVEL


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_the_safety_checker_of_stage_1_looks_at_the_last_stages_images(
    cascade: Callable[..., DiffusersAdapter], samples: list[Sample], stages: int
) -> None:
    model = cascade(stages, first="IF-I-strict")
    assert model.card().settings["safety_checker"] is True
    assert model.generate(samples, model.native_size) == [Refused(NSFW)] * len(samples)
    off = cascade(stages, first="IF-I-strict", safety_checker="false", watermark="false")
    plain = drawn(cascade(stages), samples)
    assert all(np.array_equal(one, other) for one, other in zip(drawn(off, samples), plain, strict=True))


def test_the_watermark_of_stage_1_is_on_the_last_stages_images(
    cascade: Callable[..., DiffusersAdapter], samples: list[Sample]
) -> None:
    marked, plain = (cascade(2, first="IF-I-lenient", **given) for given in ({}, {"watermark": "false"}))
    assert (marked.card().settings["watermark"], plain.card().settings["watermark"]) == (True, False)
    changed = (drawn(marked, samples[:1])[0] != drawn(plain, samples[:1])[0]).any(axis=2)
    assert changed.any()
    assert not changed[: 32 // 2].any()  # it is in the corner at the bottom
    with pytest.raises(UserError, match="has no watermark to put on"):
        cascade(2, watermark="true")


def test_prompts_that_t5_does_not_read_whole_are_counted(
    cascade: Callable[..., DiffusersAdapter], samples: list[Sample]
) -> None:
    model = cascade(1)
    model.check_plan([*samples, Sample("l", "L", "many words " * 10, 0, 0)], 16)
    assert model.card().settings["prompts_cut_by_tokenizer"] == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"stage_2": "sd"}, "sd is a StableDiffusionPipeline, and stage_2 of IF is a IFSuperResolutionPipeline"),
        ({"stage_3": "upscaler"}, r"stage_3=... needs a stage below it"),
        ({"stage_2": "upscaler"}, "upscaler is a StableDiffusionUpscalePipeline, and stage_2"),
        ({"stage_2": "IF-II", "stage_3_steps": "2"}, "of 2 stages has no setting 'stage_3_steps'"),
        ({"stage_2": "IF-II", "stage_2_negative_prompt": "x"}, "has no setting 'stage_2_negative_prompt'"),
        ({"stage_2_steps": "2"}, "of stage I has no setting 'stage_2_steps'"),
        ({"stage_2": "IF-II", "stage_2_steps": "0"}, "stage_2_steps=0 draws nothing"),
        ({"stage_2": "IF-II", "stage_2_scheduler": "Nobody"}, "scheduler=Nobody does not fit"),
    ],
)
def test_stages_and_settings_that_do_not_fit_are_refused(
    checkpoint: Checkpoints, given: dict[str, str], sentence: str
) -> None:
    paths = {name: str(checkpoint(value)) if name in ("stage_2", "stage_3") else value for name, value in given.items()}
    with pytest.raises(UserError, match=sentence):
        DiffusersAdapter(str(checkpoint("IF-I")), paths, "cpu")


def test_a_pipeline_that_is_no_cascade_takes_no_stages(checkpoint: Checkpoints) -> None:
    with pytest.raises(UserError, match="a StableDiffusionPipeline has no setting 'stage_2'"):
        DiffusersAdapter(str(checkpoint("sd")), {"stage_2": str(checkpoint("IF-II"))}, "cpu")


def test_stages_compute_in_one_type(cascade: Callable[..., DiffusersAdapter]) -> None:
    model = cascade(3, dtype="bfloat16")
    assert {stage.pipeline.unet.dtype for stage in model._model.stages} == {torch.bfloat16}
    assert model.card().settings["dtype"] == "bfloat16"
