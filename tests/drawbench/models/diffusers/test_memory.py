"""Big models on small devices: what does not fit is drawn in smaller batches, waits in main memory, has fewer bits."""

import inspect
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from drawbench.cli.main import main
from drawbench.errors import StageError, UserError
from drawbench.interface import Sample
from drawbench.models.diffusers import memory
from drawbench.models.diffusers.adapter import DiffusersAdapter
from drawbench.models.diffusers.memory import place, quantization, quantized_parts
from drawbench.models.diffusers.settings import LoadSettings
from drawbench.models.diffusers.source import find_checkpoint
from drawbench.runs.directory import RunDirectory

Checkpoints = Callable[[str], Path]
GREY_LEVEL = 1  # of 255: batches of another size may round differently, and by no more


def adapter(folder: Path, **settings: str) -> DiffusersAdapter:
    return DiffusersAdapter(str(folder), {"steps": "2"} | settings, "cpu")


def fits(most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has the device hold so many prompts at once; the list of what was tried."""
    draw = diffusers.StableDiffusionPipeline.__call__
    tried: list[int] = []

    def limited(self: Any, prompt: list[str], **options: Any) -> Any:
        tried.append(len(prompt))
        if len(prompt) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 TB")
        return draw(self, prompt=prompt, **options)

    limited.__signature__ = inspect.signature(draw)  # type: ignore[attr-defined]
    monkeypatch.setattr(diffusers.StableDiffusionPipeline, "__call__", limited)
    return tried


def test_what_does_not_fit_is_drawn_in_smaller_batches_and_is_the_same(
    checkpoint: Checkpoints, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [np.asarray(image).astype(int) for image in adapter(checkpoint("sd")).generate(samples, 32)]
    tried = fits(2, monkeypatch)
    model = adapter(checkpoint("sd"))
    with pytest.warns(RuntimeWarning, match="cpu is too small for 4 images of 32 px at once: 2 are drawn at once"):
        parts = [np.asarray(image).astype(int) for image in model.generate(samples, 32)]
    assert max(abs(one - other).max() for one, other in zip(whole, parts, strict=True)) <= GREY_LEVEL
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.generate(samples, 32)  # it remembers what fits
    assert tried == [4, 2, 2, 2, 2]


def test_a_batch_that_was_set_is_kept_to(
    checkpoint: Checkpoints, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = fits(2, monkeypatch)
    with pytest.raises(StageError, match=r"too small to draw 3 images.*a smaller --set batch=\.\.\., --set vae_tiling"):
        adapter(checkpoint("sd"), batch="3").generate(samples, 32)
    assert tried == [3]


def test_slices_stay_as_planned_and_the_fallback_stands_in_the_run(
    checkpoint: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prompts = tmp_path / "mine.csv"
    prompts.write_text("text\na red ring\na blue star\na tree\n")
    words = ["generate", "--model", f"diffusers:{checkpoint('sd')}", "--prompts", str(prompts), "--samples", "1"]
    words += ["--slice", "3", "--device", "cpu", "--set", "steps=1"]
    assert main([*words, "--out", str(tmp_path / "roomy")]) == 0
    fits(1, monkeypatch)
    assert main([*words, "--out", str(tmp_path / "narrow")]) == 0
    roomy, narrow = (RunDirectory.open(tmp_path / name) for name in ("roomy", "narrow"))
    assert roomy.plan.sha256 == narrow.plan.sha256
    assert "3 images of 32 px at once: 1 are drawn" in narrow.attempts[0].warnings[0]
    assert narrow.attempts[0].slices_done == 1
    assert narrow.require_seal().images == 3
    assert capfd.readouterr().err.count("too small for 3 images") == 1


def test_a_vae_that_works_piece_by_piece_stands_in_the_plan(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    plain, tiled = adapter(checkpoint("sd")), adapter(checkpoint("sd"), vae_tiling="true", vae_slicing="true")
    assert {"vae_tiling", "vae_slicing"} <= set(tiled.card().settings)
    assert not {"vae_tiling", "vae_slicing", "compile", "quantize", "offload"} & set(plain.card().settings)
    assert adapter(checkpoint("sd"), vae_tiling="false").card().settings == plain.card().settings
    vae = tiled._model.pipeline.vae
    assert vae.use_tiling
    assert vae.use_slicing
    vae.tile_latent_min_size, vae.tile_sample_min_size = 8, 16  # of 16, and of 32
    assert not np.array_equal(plain.generate(samples[:1], 32), tiled.generate(samples[:1], 32))
    with pytest.raises(UserError, match="compile=perhaps is not true or false"):
        adapter(checkpoint("sd"), compile="perhaps")


class Noted:
    """A pipeline as far as it is brought to a device."""

    def __init__(self, **parts: Any) -> None:
        self.components = parts
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *words, **options: self.calls.append((name, {"to": words[0]} if words else options))


@pytest.mark.parametrize(
    ("offload", "call"),
    [
        (None, ("to", {"to": "cuda:1"})),
        ("model", ("enable_model_cpu_offload", {"device": "cuda:1"})),
        ("sequential", ("enable_sequential_cpu_offload", {"device": "cuda:1"})),
        ("group", ("enable_group_offload", {"onload_device": torch.device("cuda:1"), "offload_type": "leaf_level"})),
    ],
)
def test_offloading_is_the_pipelines_own(offload: str | None, call: Any) -> None:
    pipeline = Noted()
    place(pipeline, LoadSettings(offload=offload), "cuda:1")
    assert pipeline.calls == [call]
    if offload:  # and the pipeline has it, with these options
        inspect.signature(getattr(diffusers.DiffusionPipeline, call[0])).bind(None, **call[1])


def test_a_decoder_in_one_piece_is_not_tiled() -> None:
    with pytest.raises(UserError, match="vae_tiling=true has no effect on a Noted"):
        place(Noted(movq=object()), LoadSettings(vae_tiling=True), "cpu")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"offload": "disk"}, "offload=disk is not known: use one of model, sequential, group"),
        ({"offload": "model"}, "this device is cpu: leave it out"),
        ({"quantize": "2bit"}, "quantize=2bit is not known: use one of 8bit, 4bit"),
        ({"quantize": "4bit"}, "quantize=4bit needs the package bitsandbytes: pip install bitsandbytes"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    checkpoint: Checkpoints, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], sentence: str
) -> None:
    monkeypatch.setattr(memory, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=sentence):
        adapter(checkpoint("sd"), **settings)


def test_fewer_bits_are_of_what_draws_and_of_large_encoders(checkpoint: Checkpoints) -> None:
    flux = find_checkpoint(str(checkpoint("flux-dev")), None, None)
    assert quantized_parts(flux) == ["transformer", "text_encoder_2"]
    eight, four = (quantization(flux, bits, "bfloat16") for bits in ("8bit", "4bit"))
    assert (eight.quant_backend, eight.quant_kwargs) == ("bitsandbytes_8bit", {"load_in_8bit": True})
    assert four.quant_kwargs["bnb_4bit_compute_dtype"] == torch.bfloat16
    assert four.components_to_quantize == ["transformer", "text_encoder_2"]


def test_the_configuration_of_bits_is_passed_and_planned(
    checkpoint: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    load = diffusers.FluxPipeline.from_pretrained

    def watched(*words: Any, quantization_config: Any = None, **options: Any) -> Any:
        given.append(quantization_config)
        return load(*words, **options)

    monkeypatch.setattr(diffusers.FluxPipeline, "from_pretrained", watched)
    monkeypatch.setattr(memory, "find_spec", lambda name: name)
    monkeypatch.setattr("drawbench.models.diffusers.loading.quantization", lambda *words: words[1])
    card = adapter(checkpoint("flux-dev"), quantize="8bit").card()
    assert given == ["8bit"]
    assert card.settings["quantized"] == "transformer, text_encoder_2"
    assert "quantize 8bit" in card.name


def test_stages_of_a_cascade_have_none_of_it(checkpoint: Checkpoints) -> None:
    with pytest.raises(UserError, match="has no setting 'vae_tiling'"):
        adapter(checkpoint("IF-I"), vae_tiling="true")


def test_the_network_that_draws_is_compiled(checkpoint: Checkpoints) -> None:
    for value, compiled in (("true", True), ("false", False)):
        model = adapter(checkpoint("sd"), compile=value)
        assert (model._model.pipeline.unet._compiled_call_impl is not None) is compiled
        assert ("compile" in model.card().settings) is compiled


@pytest.mark.proof
@pytest.mark.skipif(shutil.which("gcc") is None, reason="compiling needs gcc")
def test_a_compiled_network_draws_the_same(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    compiled = adapter(checkpoint("sd"), compile="true")
    assert compiled.card().settings["compile"] is True
    pair = [np.asarray(model.generate(samples[:1], 32)[0]) for model in (adapter(checkpoint("sd")), compiled)]
    assert abs(pair[0].astype(int) - pair[1]).max() <= GREY_LEVEL
