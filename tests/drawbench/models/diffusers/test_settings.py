"""Settings of diffusers models: what can be set, of which type, and what is refused rather than dropped."""

from importlib.machinery import ModuleSpec

import pytest

from drawbench.errors import UserError
from drawbench.models.diffusers import settings as diffusers_settings
from drawbench.models.diffusers.settings import (
    LOADING,
    OF_LOADING,
    OTHER_CHECKPOINTS,
    batch_size,
    call_arguments,
    call_parameters,
    call_values,
    load_settings,
    refuse_unknown,
)


def call(
    prompt: str,
    height: int | None = None,
    num_inference_steps: int = 50,
    guidance_scale: float = 7.5,
    negative_prompt: str | None = None,
    clean: bool = True,
    mode: str = "fast",
    latents: list | None = None,
    output_type: str = "pil",
    callback_on_step_end_tensor_inputs: tuple = ("latents",),
) -> None:
    """Stands for a pipeline's call."""


PARAMETERS = call_parameters(call)
DEFAULTS = {"steps": 50, "guidance": 7.5, "negative_prompt": None, "clean": True, "mode": "fast"}


def test_numbers_texts_and_switches_can_be_set_and_what_the_run_fixes_cannot() -> None:
    assert call_values({}, PARAMETERS) == DEFAULTS


def test_values_have_the_type_of_their_default() -> None:
    typed = {"steps": "20", "guidance": "3", "negative_prompt": "7", "clean": "false", "mode": "none"}
    values = call_values(typed, PARAMETERS)
    assert values == {"steps": 20, "guidance": 3.0, "negative_prompt": "7", "clean": False, "mode": "none"}
    assert isinstance(values["guidance"], float)


def test_a_later_stages_settings_have_its_prefix() -> None:
    assert call_values({"steps": "2", "stage_2_steps": "3"}, PARAMETERS, "stage_2_")["steps"] == 3


def test_the_call_is_given_everything_that_has_a_value() -> None:
    arguments = call_arguments(call_values({"steps": "20"}, PARAMETERS), PARAMETERS)
    assert arguments == {"num_inference_steps": 20, "guidance_scale": 7.5, "clean": True, "mode": "fast"}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("steps", "2.5", "steps takes a whole number"),
        ("steps", "true", "steps takes a whole number"),
        ("steps", "0", "steps=0 draws nothing"),
        ("guidance", "much", "guidance takes a number"),
        ("guidance", "nan", "guidance takes a number"),
        ("clean", "1", "clean takes true or false"),
    ],
)
def test_a_value_of_another_type_is_refused(name: str, value: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        call_values({name: value}, PARAMETERS)


def test_a_negative_prompt_that_would_be_dropped_is_refused() -> None:
    assert call_values({"negative_prompt": "dull", "guidance": "1.5"}, PARAMETERS)["negative_prompt"] == "dull"
    with pytest.raises(UserError, match="no effect at guidance=1: give more than 1"):
        call_values({"negative_prompt": "dull", "guidance": "1"}, PARAMETERS)


def test_a_pipeline_that_guides_at_every_scale_above_0_takes_one_there() -> None:
    small = {"negative_prompt": "dull", "guidance": "0.5"}
    assert call_values(small, PARAMETERS, unguided=0)["negative_prompt"] == "dull"
    with pytest.raises(UserError, match="no effect at guidance=0: give more than 0"):
        call_values(small | {"guidance": "0"}, PARAMETERS, unguided=0)


def test_cleaning_without_its_packages_is_refused_rather_than_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    def cleaning_call(prompt: str, clean_caption: bool = True) -> None: ...

    parameters = call_parameters(cleaning_call)
    there = {"ftfy": ModuleSpec("ftfy", None)}
    monkeypatch.setattr(diffusers_settings, "find_spec", there.get)
    with pytest.raises(
        UserError, match="needs beautifulsoup4: pip install beautifulsoup4, or give --set clean_caption"
    ):
        call_values({}, parameters)
    assert call_values({"clean_caption": "false"}, parameters) == {"clean_caption": False}
    there["bs4"] = ModuleSpec("bs4", None)
    assert call_values({}, parameters) == {"clean_caption": True}


def test_loading_is_as_the_checkpoint_has_it_unless_set() -> None:
    plain = load_settings({"steps": "3"})
    assert (plain.dtype, plain.scheduler, plain.safety_checker, plain.watermark) == ("auto", None, None, None)
    given = load_settings({"stage_2_variant": "fp16", "variant": "ema"}, "stage_2_")
    assert given.variant == "fp16"
    assert load_settings({"safety_checker": "FALSE"}).safety_checker is False


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [("dtype", "int8", "use one of auto, float32, bfloat16, float16"), ("safety_checker", "off", "true or false")],
)
def test_loading_in_a_way_that_is_none_is_refused(name: str, value: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        load_settings({name: value})


def test_every_setting_of_loading_says_what_it_is() -> None:
    assert set(LOADING) | {"batch", "name", "stage_2", "stage_3"} <= set(OF_LOADING)
    assert set(OF_LOADING) <= {*LOADING, *OTHER_CHECKPOINTS, "batch", "name"}


def test_a_batch_is_the_slice_unless_set() -> None:
    assert batch_size({}) is None
    assert batch_size({"batch": "3"}) == 3
    for wrong in ("0", "-1", "all"):
        with pytest.raises(UserError, match="batch"):
            batch_size({"batch": wrong})


def test_an_unknown_setting_is_answered_with_the_known_ones() -> None:
    refuse_unknown({"steps": "1"}, ["dtype", "steps"], "a thing")
    with pytest.raises(UserError, match="a thing has no setting 'cfg': its settings are dtype, steps"):
        refuse_unknown({"cfg": "1", "steps": "1"}, ["dtype", "steps", "dtype"], "a thing")
