"""Checkpoints of one file: as the pipeline that they were made from, with a configuration that is named or detected."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.models.diffusers import single_file
from drawbench.models.diffusers.adapter import DiffusersAdapter
from tests.drawbench.models.diffusers.one_file import save_in_one_file
from tests.drawbench.models.diffusers.tiny_pipelines import edit_json, stable_diffusion

Checkpoints = Callable[[str], Path]
OF_SD = "stable-diffusion-v1-5/stable-diffusion-v1-5"


def adapter(path: Path | str, **settings: str) -> DiffusersAdapter:
    return DiffusersAdapter(str(path), {"steps": "2"} | settings, "cpu")


def image(model: DiffusersAdapter, samples: list[Sample]) -> np.ndarray:
    return np.asarray(model.generate(samples[:1], 32)[0])


@pytest.fixture(scope="session")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_in_one_file(stable_diffusion(), tmp_path_factory.mktemp("one") / "model.safetensors")


@pytest.fixture
def configuration(checkpoint: Checkpoints, tmp_path: Path) -> Path:
    """A pipeline's folder without weights."""
    leave_out = shutil.ignore_patterns("*.safetensors")
    return Path(shutil.copytree(checkpoint("sd"), tmp_path / "configuration", ignore=leave_out))


def test_a_file_draws_what_its_pipeline_draws(
    checkpoint: Checkpoints, one_file: Path, configuration: Path, samples: list[Sample]
) -> None:
    theirs = image(adapter(checkpoint("sd")), samples)
    assert np.array_equal(image(adapter(one_file, config=str(configuration)), samples), theirs)


def test_weights_and_configuration_stand_in_the_plan(one_file: Path, configuration: Path, tmp_path: Path) -> None:
    card = adapter(one_file, config=str(configuration)).card()
    assert (card.spec, card.name) == ("diffusers:model.safetensors", "model.safetensors, steps 2")
    assert card.settings["config"] == "configuration"
    other = tmp_path / "other.safetensors"
    save_file({name: value * 1.01 for name, value in load_file(one_file).items()}, other)
    changed = adapter(other, config=str(configuration)).card()
    edit_json(configuration / "scheduler/scheduler_config.json", prediction_type="v_prediction")
    retold = adapter(one_file, config=str(configuration)).card()
    assert len({one.weights_sha256 for one in (card, changed, retold)}) == 3
    assert str(tmp_path) not in card.model_dump_json()


def test_the_configuration_of_its_kind_is_found(
    one_file: Path, configuration: Path, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def downloaded(repository: str, *file: str, **options: Any) -> str:
        asked.append((repository, file or options["allow_patterns"]))
        return str(configuration / file[0]) if file else str(configuration)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", downloaded)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", downloaded)
    model = adapter(one_file)
    assert image(model, samples).any()
    assert model.card().settings["config"] == OF_SD
    assert asked[0] == (OF_SD, ("model_index.json",))
    assert not any(pattern.endswith(("*", "safetensors", "bin")) for pattern in asked[1][1])


def test_without_a_network_it_is_said_what_to_bring(one_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise huggingface_hub.errors.OfflineModeIsEnabled("offline")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    with pytest.raises(
        UserError, match=f"looks like one of the kind of {OF_SD}, which is not.*give --set config=FOLDER"
    ):
        adapter(one_file)
    with pytest.raises(UserError, match=r"--set config=nowhere is no folder with model_index.json: give --set config"):
        adapter(one_file, config="nowhere")


def test_a_file_of_no_known_kind_is_not_guessed_at(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "odd.safetensors")
    with pytest.raises(UserError, match=r"odd.safetensors is of no kind that diffusers tells .*give --set config="):
        adapter(tmp_path / "odd.safetensors")


Tensors = dict[str, torch.Tensor]


def _without_one(tensors: Tensors) -> Tensors:
    return {name: one for name, one in tensors.items() if not name.endswith("input_blocks.1.0.in_layers.2.weight")}


def _without_a_network(tensors: Tensors) -> Tensors:
    return {name: one for name, one in tensors.items() if "first_stage" not in name}


def _of_another_shape(tensors: Tensors) -> Tensors:
    return {name: one[:2].clone() if name.endswith(".out.2.weight") else one for name, one in tensors.items()}


@pytest.mark.parametrize("change", [_without_one, _without_a_network, _of_another_shape])
def test_a_file_that_lacks_weights_is_refused(
    one_file: Path, configuration: Path, tmp_path: Path, change: Callable[[Tensors], Tensors]
) -> None:
    save_file(change(load_file(one_file)), tmp_path / "part.safetensors")
    with pytest.raises(UserError, match=r"part\.safetensors (cannot be loaded|lacks weights)") as caught:
        adapter(tmp_path / "part.safetensors", config=str(configuration))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("model.ckpt", {}, "is a pickle, which can run code when it is read: name a .safetensors file"),
        ("absent.safetensors", {}, r"there is no file .*absent.safetensors: name a .safetensors file"),
        ("model.safetensors", {}, "is damaged"),
        ("notes.txt", {}, "is no .safetensors file"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, settings: dict[str, str], sentence: str) -> None:
    if "absent" not in name:
        (tmp_path / name).write_bytes(b"\x00\x01")
    with pytest.raises(UserError, match=sentence):
        adapter(tmp_path / name, **settings)


def test_settings_of_a_folder_are_not_those_of_a_file(
    checkpoint: Checkpoints, one_file: Path, configuration: Path
) -> None:
    with pytest.raises(UserError, match="has no setting 'revision'"):
        adapter(one_file, config=str(configuration), revision="main")
    with pytest.raises(UserError, match="has no setting 'config'"):
        adapter(checkpoint("sd"), config=str(configuration))
    with pytest.raises(UserError, match="was saved without a safety checker"):
        adapter(one_file, config=str(configuration), safety_checker="true")
    assert single_file.is_file("a/b.safetensors")
    assert not single_file.is_file("owner/name")
