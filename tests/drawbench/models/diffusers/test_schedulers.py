"""Schedulers of another class and with other options: they reach images and plan, or are refused by name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.models.diffusers.adapter import DiffusersAdapter

Checkpoints = Callable[[str], Path]

SPACING = "scheduler.timestep_spacing"


def adapter(folder: Path, **settings: str) -> DiffusersAdapter:
    return DiffusersAdapter(str(folder), {"steps": "2"} | settings, "cpu")


def pixels(model: DiffusersAdapter, samples: list[Sample]) -> np.ndarray:
    return np.asarray(model.generate(samples[:1], model.native_size)[0])


def test_options_draw_what_the_library_draws_with_them(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    import diffusers

    pipeline = diffusers.DiffusionPipeline.from_pretrained(checkpoint("sd"), use_safetensors=True)
    pipeline.scheduler = diffusers.LCMScheduler.from_config(pipeline.scheduler.config, timestep_spacing="trailing")
    seed = torch.Generator().manual_seed(samples[0].seed)
    theirs = pipeline(samples[0].text, num_inference_steps=2, generator=seed).images[0]
    model = adapter(checkpoint("sd"), **{"scheduler": "LCMScheduler", SPACING: "trailing"})
    assert np.array_equal(pixels(model, samples), np.asarray(theirs))
    assert model.card().settings["scheduler"] == "LCMScheduler"
    assert model.card().settings[SPACING] == "trailing"
    assert model.card().name == f"sd, steps 2, scheduler LCMScheduler, {SPACING} trailing"


def test_an_option_is_in_the_plan_only_where_it_changes_something(
    checkpoint: Checkpoints, samples: list[Sample]
) -> None:
    plain = adapter(checkpoint("sd"))
    assert not any("scheduler." in name for name in plain.card().settings)
    assert adapter(checkpoint("sd"), **{SPACING: "leading"}).card().settings == plain.card().settings
    shared = plain.with_settings({"steps": "2", SPACING: "trailing"})
    assert shared is not None
    assert shared.card().settings == plain.card().settings | {SPACING: "trailing"}
    before = pixels(plain, samples)
    assert not np.array_equal(pixels(shared, samples), before)
    assert np.array_equal(pixels(plain, samples), before)


def test_a_later_stage_has_options_of_its_own(checkpoint: Checkpoints) -> None:
    above = {"stage_2": str(checkpoint("IF-II")), f"stage_2_{SPACING}": "trailing"}
    settings = adapter(checkpoint("IF-I"), **above).card().settings
    assert settings[f"stage_2_{SPACING}"] == "trailing"
    assert SPACING not in settings


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"scheduler.spacing": "trailing"}, "DDIMScheduler has no option 'spacing': its options are .*timestep_spac"),
        ({SPACING: "trialing"}, f"--set {SPACING}=trialing cannot be used with DDIMScheduler"),
        ({"scheduler.prediction_type": "noise"}, r"--set scheduler.prediction_type=noise cannot be used"),
        ({"scheduler.beta_schedule": "round"}, r"--set scheduler.beta_schedule=round cannot be used"),
        ({"scheduler.clip_sample": "1"}, r"clip_sample=1 is not true or false"),
        ({"scheduler.num_train_timesteps": "2.5"}, r"num_train_timesteps=2.5 is not a whole number"),
        ({"schedule.x": "1"}, "has no setting 'schedule.x'"),
    ],
)
def test_an_option_that_is_none_is_refused(checkpoint: Checkpoints, settings: dict[str, str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        adapter(checkpoint("sd"), **settings)


def test_networks_that_predict_a_variance_take_no_scheduler_of_distilled_ones(checkpoint: Checkpoints) -> None:
    with pytest.raises(UserError, match="scheduler=LCMScheduler does not fit"):
        adapter(checkpoint("IF-I"), scheduler="LCMScheduler")
