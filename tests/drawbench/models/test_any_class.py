"""Models without the base class: their own contract, completed; and what is no model."""

from types import SimpleNamespace
from typing import Any

import pytest

from drawbench.errors import UserError
from drawbench.interface import NOT_STATED, ModelCard, Refused, Sample
from drawbench.models.any_class import as_text_to_image

CARD = ModelCard(adapter="x", spec="y", name="Mine")
SAMPLE = Sample("a", "", "text", 0, 1)


def model(**more: Any) -> SimpleNamespace:
    return SimpleNamespace(card=lambda: CARD, generate=lambda samples, size: [Refused("no")] * len(samples), **more)


def test_what_a_model_lacks_is_as_in_the_base_class() -> None:
    found = as_text_to_image(model(), "a test")
    assert (found.card(), found.generate([SAMPLE], 4)) == (CARD, [Refused("no")])
    assert (found.device, found.native_size, found.settings_of_networks) == (NOT_STATED, 256, ())
    assert found.with_settings({}) is None
    found.check_plan([SAMPLE], 4)


def test_what_a_model_has_is_its_own(tmp_path: Any) -> None:
    calls: list[object] = []
    own = model(device="mine", native_size=32, settings_of_networks=["a"], held_samples=lambda prompt_set: 3)
    own.check_plan = lambda samples, size: calls.append(size)
    own.keep_texts = calls.append
    own.with_settings = lambda settings: model(native_size=64) if settings else None
    found = as_text_to_image(own, "a test")
    found.check_plan([SAMPLE], 4)
    found.keep_texts(tmp_path)
    assert calls == [4, tmp_path]
    assert (found.device, found.native_size, found.settings_of_networks) == ("mine", 32, ["a"])
    other = found.with_settings({"a": "1"})
    assert other is not None
    assert (found.with_settings({}), other.native_size, other.device, found.native_size) == (None, 64, NOT_STATED, 32)


def test_nothing_of_a_model_is_asked_for_before_it_is_needed() -> None:
    class Folder:
        card = generate = None

        @property
        def native_size(self) -> int:
            raise UserError("not square")

    found = as_text_to_image(Folder(), "a test")
    with pytest.raises(UserError, match="not square"):
        _ = found.native_size


def test_what_is_no_model_is_refused_with_its_origin() -> None:
    with pytest.raises(UserError, match=r"the adapter x returned a int: .*TextToImage"):
        as_text_to_image(3, "the adapter x")
