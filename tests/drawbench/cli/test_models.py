"""drawbench models: every kind is listed, and a model is described as a run would load it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from drawbench.cli.main import main
from drawbench.cli.models import SUMMARIES
from drawbench.models.describe import networks
from drawbench.models.registry import BUILT_IN, resolve_model


@pytest.fixture
def described(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def describe(*words: str) -> dict[str, Any]:
        assert main(["models", "describe", *words, "--device", "cpu", "--json"]) == 0, capsys.readouterr().err
        return dict(json.loads(capsys.readouterr().out))

    return describe


def test_all_kinds_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    kinds = json.loads(capsys.readouterr().out)
    assert [kind["name"] for kind in kinds if kind["package"] == "drawbench"] == list(BUILT_IN) == list(SUMMARIES)
    assert main(["models", "list"]) == 0
    assert "http:URL" in capsys.readouterr().out


def test_the_plans_settings_are_shown_with_their_defaults(described: Callable[..., dict[str, Any]]) -> None:
    facts = described("reference", "--set", "steps=3")
    assert facts["settings"] == resolve_model("reference", {"steps": "3"}, "cpu").card().settings
    assert facts["settings"]["steps"] == 3
    assert facts["takes"]["threshold_cap"] == "inf"
    unets = [each for each in facts["networks"] if each["kind"].endswith("UNet")]
    assert len(unets) == 3
    assert all(each["bytes"] == 4 * each["parameters"] > 0 for each in unets)


class Pipeline:
    """As those of diffusers: it can be called, and has networks among its attributes."""

    def __init__(self) -> None:
        self.unet, self.vae = torch.nn.Linear(4, 3), torch.nn.Conv2d(1, 2, 3, dtype=torch.float16)
        self.parts = {"vae": self.vae, "owner": self}

    def __call__(self) -> None: ...


def test_networks_are_found_once_behind_whatever_holds_them() -> None:
    found = {each.name: each for each in networks(SimpleNamespace(_model=SimpleNamespace(stages=[Pipeline()])))}
    assert list(found) == ["model.stages[0].unet", "model.stages[0].vae"]
    unet, vae = found.values()
    assert (unet.kind, unet.parameters, unet.bytes, unet.dtype) == ("Linear", 15, 60, "float32")
    assert (vae.parameters, vae.bytes, vae.dtype) == (20, 40, "float16")


def test_networks_of_a_function_are_found() -> None:
    layer = torch.nn.Linear(2, 2)

    def draw() -> object:
        return layer, later

    [found] = networks(SimpleNamespace(_draw=draw))
    assert (found.name, found.parameters) == ("draw.layer", 6)
    later = 0


def test_other_kinds_say_what_they_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: Callable[..., dict[str, Any]]
) -> None:
    Image.new("RGB", (12, 12)).save(tmp_path / "a.png")
    facts = described(f"folder:{tmp_path}")
    assert (facts["size"], list(facts["takes"]), facts["networks"]) == (12, ["name", "match", "order"], [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    Path("drawn_so.py").write_text("def draw(prompt, seed, size=32, steps=20, style='plain'): ...")
    facts = described("python:drawn_so:draw", "--set", "steps=4")
    assert facts["takes"] == {"steps": "20", "style": "'plain'"}
    assert (facts["size"], facts["settings"], facts["one_at_a_time"]) == (32, {"steps": 4}, True)
    facts = described("http://localhost:1/v1", "--set", "model=m", "--set", "concurrency=7", "--set", "key_env=none")
    assert (facts["at_once"], facts["settings"]) == (7, {"model": "m", "seed": "sent"})


def test_words_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "describe", "world", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert "true renderings" in said
    assert "64 px, unless --size says otherwise" in said
    assert main(["models", "describe", "nothing"]) == 2


def test_a_model_without_networks_has_none() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert networks(loop) == []
