"""docs/models_by_name.md: its files and commands in their order, with tiny pipelines under the real ids."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from drawbench.cli.main import main
from drawbench.runs.directory import RunDirectory
from tests.drawbench.models.diffusers import tiny_pipelines, tiny_published, tiny_unets
from tests.page_lines import run_other, typed, with_stand_ins

PAGE = Path(__file__).parents[1] / "docs/models_by_name.md"
IDS = ("prompt-00001", "prompt-00002")
CHECKPOINTS: dict[str, Callable[[], Any]] = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": lambda: tiny_pipelines.stable_diffusion(checker=2.0),
    "stabilityai/stable-diffusion-xl-base-1.0": tiny_published.stable_diffusion_xl,
    "stabilityai/stable-diffusion-3.5-medium": tiny_published.stable_diffusion_3,
    "black-forest-labs/FLUX.1-schnell": tiny_published.flux,
    "black-forest-labs/FLUX.1-dev": lambda: tiny_published.flux(guidance_embeds=True),
    "stabilityai/stable-cascade": lambda: tiny_unets.stable_cascade().decoder_pipe,
    "stabilityai/stable-cascade-prior": lambda: tiny_unets.stable_cascade().prior_pipe,
    "CompVis/ldm-text2im-large-256": tiny_published.latent_diffusion,
    "DeepFloyd/IF-I-XL-v1.0": lambda: tiny_pipelines.if_stage_1(checker=0.0),
    "DeepFloyd/IF-II-L-v1.0": tiny_pipelines.if_stage_2,
}
THEIRS = {  # of the repositories that have no pipeline
    "glide_sampling.py": "import torch\n\ndef load(*files): return files\n\n"
    "def sample(stages, prompt, guidance): return torch.rand(3, 256, 256) * 2 - 1\n",
    "vqgan_clip.py": "from PIL import Image\n\ndef optimise(prompt, checkpoint, steps, seed, size):\n"
    "    return Image.new('RGB', (size, size), (seed % 256, steps % 256, 0))\n",
}
STAND_INS = {
    "open": "two.csv",
    "steps=50": "steps=1",
    "steps=4": "steps=1",
    "dtype=bfloat16": "dtype=float32",
    "1024": "128",
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page's reader has: checkpoints (a folder comes before a hub id of its name), files, closed images."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for name, build in CHECKPOINTS.items():
        build().save_pretrained(tmp_path / name, safe_serialization=True, variant="fp16" if "xl-base" in name else None)
    for name, code in THEIRS.items():
        (tmp_path / name).write_text(code)
    for name in ("base.pt", "upsample.pt", "vqgan.ckpt"):
        (tmp_path / name).write_bytes(name.encode())
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_k"
    small = {f"{layer}.lora_A.weight": torch.zeros(2, 16), f"{layer}.lora_B.weight": torch.zeros(16, 2)}
    save_file(small, tmp_path / "lcm.safetensors")
    Path("two.csv").write_text("prompt\na red cup\na blue cat\n")
    (tmp_path / "dalle2").mkdir()
    for number, prompt_id in enumerate(IDS):
        Image.fromarray(np.full((64, 64, 3), number, np.uint8)).save(tmp_path / f"dalle2/{prompt_id}-0.png")
    return tmp_path


def quick(words: list[str]) -> list[str]:
    """With one step for each stage that the page leaves at its default, and one image for each prompt."""
    if words[0] != "run":
        return words
    if any(word.startswith("diffusers:") for word in words):
        stages = ["steps", *(f"{word[:7]}_steps" for word in words if word.startswith("stage_2="))]
        for name in stages:
            words += [] if f"{name}=1" in words else ["--set", f"{name}=1"]
    return [*words, "--samples", "1", "--device", "cpu"]


def test_every_model_is_brought_as_shown(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = []
    for line in typed(PAGE, desk):
        if line == "python convert.py":
            pickled = tiny_published.latent_diffusion()
            pickled.save_pretrained(desk / "CompVis/ldm-text2im-large-256", safe_serialization=False)
        if run_other(line):
            continue
        command, _, file = line.partition(" > ")
        words = quick(with_stand_ins(shlex.split(command)[1:], STAND_INS))
        if "python:closed:Saved" in words:
            (desk / f"dalle2/{IDS[1]}-0.png").unlink()
        words += ["--out", f"runs/{len(runs)}"] if words[0] == "run" else []
        assert main(words) == 0, (line, capsys.readouterr().err)
        said = capsys.readouterr().out
        if file:
            assert all(prompt_id in said for prompt_id in IDS)
        else:
            runs.append(RunDirectory.open(Path(words[-1])))
    assert len(runs) == 14
    seals = {run.plan.model.name: run.require_seal() for run in runs}
    assert all(seal.images + seal.refused == len(IDS) for seal in seals.values())
    assert [seal.refused for name, seal in seals.items() if name == "DALL-E 2"] == [1]
    assert {run.plan.size for run in runs if "glide" in run.plan.model.spec} == {256}


def test_a_pickle_is_refused_before_it_is_converted(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_published.latent_diffusion().save_pretrained(desk / "pickled", safe_serialization=False)
    assert main(["run", "--model", "diffusers:pickled", "--prompts", "two.csv"]) == 2
    assert "safe_serialization=True" in capsys.readouterr().err
