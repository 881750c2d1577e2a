"""Model specs: which adapter they name, and what their settings mean."""

from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from drawbench.errors import UserError
from drawbench.interface import TextToImage
from drawbench.models import registry
from drawbench.models.any_class import as_text_to_image
from drawbench.models.folder.adapter import FolderAdapter
from drawbench.models.registry import (
    choose_device,
    model_specs,
    parse_setting,
    resolve_model,
)
from drawbench.prompts.prompt_set import Prompt, PromptSet


def test_a_folder_with_a_colon_in_its_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "a:b/x.png")
    assert isinstance(resolve_model(f"folder:{tmp_path}/a:b", {}, "auto"), FolderAdapter)


def test_an_unknown_adapter_is_answered_with_the_list() -> None:
    with pytest.raises(UserError, match=r"no model adapter 'dalle'.*reference.*folder:DIR.*python:module:factory"):
        resolve_model("dalle:3", {}, "cpu")


@pytest.mark.parametrize(("spec", "meant"), [("./m.py:make", "./m.py:make"), ("m.py", "m.py:FUNCTION")])
def test_a_python_file_alone_is_answered_with_its_spec(spec: str, meant: str) -> None:
    with pytest.raises(UserError, match=rf"names a Python file: write --model python:{meant}\."):
        resolve_model(spec, {}, "cpu")


def test_a_package_can_bring_an_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    good = EntryPoint("mine", "types:SimpleNamespace", registry.ENTRY_POINT_GROUP)
    bad = EntryPoint("broken", "no_such_package:x", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [good, bad])
    monkeypatch.setattr(EntryPoint, "load", lambda self: _Remembers if self.name == "mine" else _missing())
    found = resolve_model("mine:some:thing", {"steps": "3"}, "cpu")
    asked = {"argument": "some:thing", "settings": {"steps": "3"}, "device": "cpu"}
    assert {name: value for name, value in vars(found).items() if name != "recipe"} == asked
    assert "mine:..." in model_specs()
    with pytest.raises(UserError, match=r"'broken' .* cannot be loaded"):
        resolve_model("broken", {}, "cpu")


@pytest.mark.parametrize("raised", [ValueError("boom"), SystemExit(3), RuntimeError("boom\nand more"), KeyError()])
@pytest.mark.parametrize("when", ["imported", "called"])
def test_whatever_an_adapter_of_a_package_raises_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, raised: BaseException, when: str
) -> None:
    def fails(*_: object) -> None:
        raise raised

    point = EntryPoint("theirs", "theirs:Adapter", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    monkeypatch.setattr(EntryPoint, "load", fails if when == "imported" else lambda self: fails)
    with pytest.raises(UserError, match=rf"'theirs' of theirs:Adapter cannot be loaded \({type(raised).__name__}: "):
        resolve_model("theirs:x", {}, "cpu")


def test_what_an_adapter_of_a_package_refuses_is_said_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise UserError("there is no x: write y.")

    point = EntryPoint("theirs", "theirs:Adapter", registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point])
    monkeypatch.setattr(EntryPoint, "load", lambda self: refuses)
    with pytest.raises(UserError, match=r"^there is no x: write y\.$"):
        resolve_model("theirs:x", {}, "cpu")


class _Remembers(TextToImage):
    def __init__(self, argument: str | None, settings: dict[str, str], device: str) -> None:
        self.argument, self.settings, self.device = argument, settings, device

    card = generate = None  # type: ignore[assignment]


def _missing() -> None:
    raise ImportError("no module named no_such_package")


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()))
def test_settings_are_read_as_what_they_look_like(value: object) -> None:
    read = parse_setting(str(value))
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["ddim", "", "nan", "inf", "1.2.3", "-infinity"])
def test_other_settings_stay_text(text: str) -> None:
    assert parse_setting(text) == text


def test_a_device_that_is_not_here_is_refused() -> None:
    assert choose_device("cpu") == "cpu"
    with pytest.raises(UserError, match="device 'abacus' cannot be used here") as caught:
        choose_device("abacus")
    assert "\n" not in str(caught.value)


def test_a_gpu_of_a_larger_machine_is_refused_with_those_of_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match="there is no cuda:7 on this machine: use --device cuda:0 or cuda:1"):
        choose_device("cuda:7")


def test_defaults_are_the_models_then_the_sets(tmp_path: Path) -> None:
    prompts = PromptSet("mine", (Prompt("a", "Colors", "x"), Prompt("b", "Colors", "y")))
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    folder = resolve_model(f"folder:{tmp_path}", {}, "cpu")
    plain = as_text_to_image(SimpleNamespace(card=None, generate=None), "a test")
    assert (folder.native_size, folder.held_samples(prompts)) == (4, 1)
    assert (plain.native_size, plain.held_samples(prompts)) == (256, prompts.default_samples)
