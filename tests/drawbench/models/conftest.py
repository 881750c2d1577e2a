"""Checkpoints on disk, made once for all tests of diffusers models."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from drawbench.interface import Sample
from drawbench.prompts.prompt_set import Prompt
from drawbench.runs.plan import plan_samples
from tests.drawbench.models.diffusers import tiny_pipelines, tiny_published

BUILDERS: dict[str, Callable[[], object]] = {
    "sd": tiny_pipelines.stable_diffusion,
    "sd-strict": lambda: tiny_pipelines.stable_diffusion(checker=-2.0),
    "sd-lenient": lambda: tiny_pipelines.stable_diffusion(checker=2.0),
    "pixart": tiny_pipelines.pixart,
    "IF-I": tiny_pipelines.if_stage_1,
    "IF-I-strict": lambda: tiny_pipelines.if_stage_1(checker=1.0, watermark=True),
    "IF-I-lenient": lambda: tiny_pipelines.if_stage_1(checker=0.0, watermark=True),
    "IF-II": tiny_pipelines.if_stage_2,
    "upscaler": tiny_pipelines.upscaler,
    "flux-schnell": tiny_published.flux,
    "flux-dev": lambda: tiny_published.flux(guidance_embeds=True),
    "qwen": tiny_published.qwen_image,
}
WORDS = ("a red car", "two dogs on a green hill", "x", "a very long train of many small words and other things")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny pipeline by its name in BUILDERS; read only."""
    root = tmp_path_factory.mktemp("checkpoints")

    def folder(name: str) -> Path:
        if not (root / name).exists():
            tiny_pipelines.save(BUILDERS[name](), root / name)
        return root / name

    return folder


@pytest.fixture
def own_checkpoint(checkpoint: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of such a folder, to be changed."""
    return lambda name: Path(shutil.copytree(checkpoint(name), tmp_path / name))


@pytest.fixture
def samples() -> list[Sample]:
    """Four samples of texts of different lengths."""
    return plan_samples([Prompt(f"w-{n:03d}", "W", text) for n, text in enumerate(WORDS, start=1)], 1, seed=0)
