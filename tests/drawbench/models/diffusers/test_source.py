"""Checkpoints of diffusers: which files they are made of, their hash, and which folders are refused."""

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drawbench.errors import UserError
from drawbench.interface import combined_sha256
from drawbench.models.diffusers.source import Checkpoint, fetch, find_checkpoint

Checkpoints = Callable[[str], Path]


def found(folder: Path, variant: str | None = None) -> Checkpoint:
    return find_checkpoint(str(folder), None, variant)


def test_parts_are_those_that_the_index_names(checkpoint: Checkpoints) -> None:
    plain = found(checkpoint("sd"))
    assert plain.class_name == "StableDiffusionPipeline"
    assert set(plain.parts) == {"vae", "text_encoder", "tokenizer", "unet", "scheduler", "feature_extractor"}
    assert set(plain.weight_files) == {"vae", "text_encoder", "unet"}


def test_the_hash_is_over_the_files_that_are_loaded(own_checkpoint: Checkpoints) -> None:
    folder = own_checkpoint("sd")
    before = found(folder).sha256
    names = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".md")
    lines = [f"{p.relative_to(folder).as_posix()}\t{hashlib.sha256(p.read_bytes()).hexdigest()}\n" for p in names]
    assert before == hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    for name in ("README.md", "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors"):
        (folder / name).write_bytes(b"never loaded")
    os.utime(folder / "unet/diffusion_pytorch_model.safetensors", (1, 1))
    assert found(folder).sha256 == before
    renamed = folder.rename(folder.with_name("elsewhere"))
    assert found(renamed).sha256 == before


@pytest.mark.parametrize("name", ["unet/diffusion_pytorch_model.safetensors", "scheduler/scheduler_config.json"])
def test_other_weights_and_other_configurations_have_other_hashes(own_checkpoint: Checkpoints, name: str) -> None:
    folder = own_checkpoint("sd")
    before = found(folder).sha256
    content = bytearray((folder / name).read_bytes())
    content[-3] ^= 1
    (folder / name).write_bytes(content)
    assert found(folder).sha256 != before


def test_a_variants_files_stand_for_the_plain_ones_where_there_are_any(own_checkpoint: Checkpoints) -> None:
    folder = own_checkpoint("sd")
    plain = folder / "unet/diffusion_pytorch_model.safetensors"
    plain.rename(plain.with_name("diffusion_pytorch_model.fp16.safetensors"))
    files = found(folder, "fp16").weight_files
    assert [path.name for path in files["unet"]] == ["diffusion_pytorch_model.fp16.safetensors"]
    assert [path.name for path in files["vae"]] == ["diffusion_pytorch_model.safetensors"]
    with pytest.raises(UserError, match=r"weights of variant fp16 only: give --set variant=fp16"):
        assert found(folder).weight_files
    with pytest.raises(UserError, match="no weights of variant 'ema'"):
        assert found(own_checkpoint("pixart"), "ema").weight_files


@pytest.mark.parametrize("name", ["model.fp16-00001-of-00002.safetensors", "model-00001-of-00002.fp16.safetensors"])
def test_both_ways_to_name_parts_of_a_variant_are_known(own_checkpoint: Checkpoints, name: str) -> None:
    folder = own_checkpoint("sd")
    (folder / "text_encoder" / name).write_bytes(b"")
    assert [path.name for path in found(folder, "fp16").weight_files["text_encoder"]] == [name]


def test_parts_that_are_switched_off_count_for_nothing(checkpoint: Checkpoints) -> None:
    whole = found(checkpoint("sd-strict"))
    without = Checkpoint(whole.folder, whole.spec, "", None, whole.index, frozenset({"safety_checker"}))
    assert "safety_checker" in whole.weight_files
    assert "safety_checker" not in without.weight_files
    assert without.sha256 != whole.sha256


@pytest.mark.parametrize(("stored", "dtype"), [("F16", "float16"), ("BF16", "bfloat16"), ("F32", "float32")])
def test_the_type_of_the_drawing_networks_weights_is_read(own_checkpoint: Checkpoints, stored: str, dtype: str) -> None:
    folder = own_checkpoint("sd")
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "norm": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "weight": {"dtype": stored, "shape": [8], "data_offsets": [8, 24]},
        }
    ).encode()
    path = folder / "unet/diffusion_pytorch_model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(24))
    assert found(folder).stored_dtype == dtype
    path.write_bytes(b"short")
    with pytest.raises(UserError, match="is damaged"):
        assert found(folder).stored_dtype


def test_one_checkpoint_keeps_its_hash_and_stages_have_one_together() -> None:
    assert combined_sha256(["a"]) == "a"
    assert combined_sha256(["a", "b"]) == hashlib.sha256(b"a\nb\n").hexdigest()
    assert combined_sha256(["a", "b"]) != combined_sha256(["b", "a"])


def _without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def _index(**entries: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "model_index.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | entries))

    return change


def _pickled(folder: Path) -> None:
    path = folder / "unet/diffusion_pytorch_model.safetensors"
    path.rename(path.with_suffix(".bin"))


def _with_code(folder: Path) -> None:
    _index(unet=["my_unet", "MyUNet"])(folder)
    (folder / "unet/my_unet.py").write_text("raise SystemExit('this ran')")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_without("model_index.json"), r"is no diffusers pipeline \(it has no model_index.json\)"),
        (lambda folder: (folder / "model_index.json").write_text("{"), r"model_index.json cannot be read"),
        (lambda folder: (folder / "model_index.json").write_text("[]"), "names no pipeline class"),
        (_index(_class_name=["my_pipeline", "Mine"]), r"needs Python code of its own \(my_pipeline.py\)"),
        (_with_code, r"'unet' of sd needs Python code of its own"),
        (_index(image_encoder=["transformers", "CLIPVisionModel"]), "lacks the part 'image_encoder'"),
        (_pickled, "as a pickle only, which can run code"),
    ],
)
def test_folders_that_are_no_safe_pipeline_are_refused(
    own_checkpoint: Checkpoints, change: Callable[[Path], object], sentence: str
) -> None:
    folder = own_checkpoint("sd")
    change(folder)
    with pytest.raises(UserError, match=sentence):
        assert found(folder).weight_files


def test_a_file_is_no_pipeline(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=r"is a file: name the folder that save_pretrained"):
        found(tmp_path / "model.safetensors")


@pytest.mark.parametrize("argument", ["nowhere", "no/such/folder", "./sd", "a b/c"])
def test_what_is_neither_a_folder_nor_an_id_is_refused_without_the_network(argument: str) -> None:
    with pytest.raises(UserError, match=r"there is no folder .* or a hub id such as owner/name"):
        find_checkpoint(argument, None, None)


def test_a_local_folder_has_no_revision_and_nothing_to_fetch(checkpoint: Checkpoints) -> None:
    local = found(checkpoint("sd"))
    assert fetch(local) is local
    assert local.revision == ""
    with pytest.raises(UserError, match="has no revisions"):
        find_checkpoint(str(checkpoint("sd")), "main", None)


def test_a_hub_checkpoint_is_known_by_its_commit(checkpoint: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from diffusers import DiffusionPipeline

    snapshot = checkpoint("sd")
    asked: dict[str, Any] = {}
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: str(snapshot / "model_index.json"))
    monkeypatch.setattr(DiffusionPipeline, "download", lambda spec, **options: asked.update(options, spec=spec))
    hub = find_checkpoint("somebody/sd", "v1", None)
    assert (hub.spec, hub.revision) == ("somebody/sd", snapshot.name)  # the hub's cache names folders by their commit
    fetch(hub)
    assert asked == {"spec": "somebody/sd", "revision": snapshot.name, "variant": None, "use_safetensors": True}
