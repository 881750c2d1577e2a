"""Two models that differ in their text encoder alone."""

from pathlib import Path

import torch

from experiments.two_encoders import main, read_anew
from reference_model.checkpoint import BUNDLED, load_cascade, load_stage


def test_only_the_layers_that_read_text_are_drawn_anew() -> None:
    whole, anew = (load_stage(BUNDLED, "base_64").unet for _ in range(2))
    read_anew(anew)  # type: ignore[arg-type]
    before, after = whole.state_dict(), anew.state_dict()
    changed = {name for name, weights in before.items() if not torch.equal(weights, after[name])}
    reads = {name for name in before if name.startswith("text.") or ".text_kv." in name}
    constant = {"text.norm.weight", "text.norm.bias"} | {name for name in reads if name.endswith("out.0.bias")}
    assert changed <= reads
    assert reads - changed <= constant | {name for name in reads if name.endswith("out.0.weight")}
    again = load_stage(BUNDLED, "base_64").unet
    read_anew(again)  # type: ignore[arg-type]
    assert all(torch.equal(weights, after[name]) for name, weights in again.state_dict().items())


def test_both_are_trained_alike_and_become_checkpoints(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--steps", "2", "--batch", "1"]) == 0
    t5, clip = (load_cascade(tmp_path / kind) for kind in ("t5", "clip"))
    assert (t5.name, clip.name) == ("Imagen tiny, T5, short training", "Imagen tiny, CLIP text tower, short training")
    assert [stage.config for stage in t5.stages] == [stage.config for stage in clip.stages]
    assert t5.text_encoder.fingerprint != clip.text_encoder.fingerprint
    written = (tmp_path / "t5" / "base_64.safetensors").stat().st_mtime_ns
    assert main(["--out", str(tmp_path), "--steps", "2", "--batch", "1"]) == 0  # what is there stays
    assert (tmp_path / "t5" / "base_64.safetensors").stat().st_mtime_ns == written
