"""LoRA files: they change images by their scale, stand in the plan by their hash, and fit whole or not at all."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.models.diffusers import lora
from drawbench.models.diffusers.adapter import DiffusersAdapter
from drawbench.models.diffusers.lora import parse_loras

Checkpoints = Callable[[str], Path]


def adapter(folder: Path, **settings: str) -> DiffusersAdapter:
    return DiffusersAdapter(str(folder), {"steps": "2"} | settings, "cpu")


def image(model: DiffusersAdapter, samples: list[Sample]) -> np.ndarray:
    return np.asarray(model.generate(samples[:1], 32)[0]).astype(int)


@pytest.fixture
def style(checkpoint: Checkpoints, tmp_path: Path) -> Path:
    """A LoRA of Stable Diffusion's cross-attention, as trainings save them."""
    unet = load_file(checkpoint("sd") / "unet/diffusion_pytorch_model.safetensors")
    noise = torch.Generator().manual_seed(0)
    tensors: dict[str, torch.Tensor] = {}
    for name, weight in unet.items():
        if "attn2.to_k.weight" in name or "attn2.to_q.weight" in name:
            out, into = weight.shape
            layer = f"unet.{name.removesuffix('.weight')}"
            tensors[f"{layer}.lora_A.weight"] = torch.randn(2, into, generator=noise)
            tensors[f"{layer}.lora_B.weight"] = torch.randn(out, 2, generator=noise)
    save_file(tensors, tmp_path / "style.safetensors")
    return tmp_path / "style.safetensors"


def changed(file: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Path:
    other = file.with_name("other.safetensors")
    save_file(change(load_file(file)), other)
    return other


def test_a_lora_changes_images_by_its_scale(checkpoint: Checkpoints, samples: list[Sample], style: Path) -> None:
    plain = image(adapter(checkpoint("sd")), samples)
    none, half, whole, implied = (
        image(adapter(checkpoint("sd"), lora=f"{style}{scale}"), samples) for scale in (":0", ":0.5", ":1", "")
    )
    assert np.array_equal(none, plain)
    assert np.array_equal(whole, implied)
    assert 0 < abs(half - plain).mean() < abs(whole - plain).mean()


def test_several_add_up(checkpoint: Checkpoints, samples: list[Sample], style: Path) -> None:
    def in_two(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return tensors

    again = changed(style, in_two)
    twice = image(adapter(checkpoint("sd"), lora=f"{style}:0.5, {again}:0.5"), samples)
    assert abs(twice - image(adapter(checkpoint("sd"), lora=f"{style}:1"), samples)).max() <= 1


def test_its_name_scale_and_hash_stand_in_the_plan(checkpoint: Checkpoints, style: Path) -> None:
    card = adapter(checkpoint("sd"), lora=f"{style}:0.8").card()
    assert card.settings["lora"] == "style.safetensors:0.8"
    assert card.settings["lora_sha256"] == hashlib.sha256(style.read_bytes()).hexdigest()
    assert card.name == "sd, steps 2, lora style.safetensors:0.8"
    assert str(style.parent) not in card.model_dump_json()
    assert "lora" not in adapter(checkpoint("sd")).card().settings
    model = adapter(checkpoint("sd"), lora=f"{style}:0.8")
    assert model.with_settings({"lora": f"{style}:0.9", "steps": "2"}) is None  # it is loaded anew
    same = model.with_settings({"lora": f"{style}:0.8", "steps": "3"})
    assert same is not None
    assert same.card().settings["lora"] == "style.safetensors:0.8"


def _of_nothing(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.replace("unet.", "somewhere."): tensor for name, tensor in tensors.items()}


def _one_more(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return tensors | {"else.lora_A.weight": torch.zeros(2, 8), "else.lora_B.weight": torch.zeros(8, 2)}


def _other_layers(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.replace("attentions.0", "attentions.7"): tensor for name, tensor in tensors.items()}


def _another_shape(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.cat([tensor, tensor], 1) if "lora_A" in name else tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("change", [_of_nothing, _one_more, _other_layers, _another_shape])
def test_a_file_that_fits_not_whole_is_refused(checkpoint: Checkpoints, style: Path, change: Any) -> None:
    other = changed(style, change)
    with pytest.raises(UserError, match=r"other\.safetensors does not fit this StableDiffusionPipeline") as caught:
        adapter(checkpoint("sd"), lora=f"{other}:0.5")
    assert "\n" not in str(caught.value)


def test_paths_and_scales_are_read(style: Path) -> None:
    assert [(one.file, one.scale) for one in parse_loras(f"{style}:0.8,{style}:-1,{style}")] == [
        (style, 0.8),
        (style, -1.0),
        (style, 1.0),
    ]
    assert parse_loras(None) == ()


@pytest.mark.parametrize("text", ["nowhere.safetensors:1", "style.bin:1", "", "{style}:much", "{style}:inf"])
def test_what_names_no_file_is_refused_before_anything_is_loaded(
    checkpoint: Checkpoints, style: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("drawbench.models.diffusers.pipeline.load_pipeline", lambda *_: pytest.fail("loaded"))
    with pytest.raises(UserError, match=r"names no \.safetensors file: give one, and its scale"):
        adapter(checkpoint("sd"), lora=text.format(style=style))


def test_what_is_missing_is_named(checkpoint: Checkpoints, style: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="a PixArtAlphaPipeline takes no LoRA"):
        adapter(checkpoint("pixart"), lora=str(style), clean_caption="false")
    with pytest.raises(UserError, match="has no setting 'lora'"):
        adapter(checkpoint("IF-I"), lora=str(style))
    monkeypatch.setattr(lora, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs the package peft: pip install 'drawbench\[diffusers\]'"):
        adapter(checkpoint("sd"), lora=str(style))


def test_a_damaged_file_is_one_sentence(checkpoint: Checkpoints, style: Path) -> None:
    style.write_bytes(style.read_bytes()[:100])
    with pytest.raises(UserError, match=r"style\.safetensors (is damaged|does not fit)") as caught:
        adapter(checkpoint("sd"), lora=str(style))
    assert "\n" not in str(caught.value)
