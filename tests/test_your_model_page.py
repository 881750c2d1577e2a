"""docs/your_model.md: its commands and its Python file, run as they stand, with tiny checkpoints and few prompts."""

import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.cli.main import main
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs.directory import RunDirectory
from tests.drawbench.models.diffusers import tiny_pipelines
from tests.drawbench.models.diffusers.one_file import save_in_one_file
from tests.drawbench.remote.images_server import ImagesServer, images_server

PAGE = (Path(__file__).parents[1] / "docs/your_model.md").read_text()
COMMANDS = re.findall(r"^    (drawbench .+)$", PAGE, re.MULTILINE)
SERVERS = re.compile(r"http:https?://\S+")
FEW = ["--samples", "1", "--limit", "1", "--device", "cpu"]
STEPS = {"steps": "2", "stage_2_steps": "2", "stage_3_steps": "2"}  # none of the page's is changed by them

CHECKPOINTS: dict[str, Callable[[], object]] = {
    "my_checkpoint": tiny_pipelines.stable_diffusion,
    "stable-diffusion-v1-5/stable-diffusion-v1-5": tiny_pipelines.stable_diffusion,
    "DeepFloyd/IF-I-XL-v1.0": lambda: tiny_pipelines.if_stage_1(checker=0.0, watermark=True),
    "DeepFloyd/IF-II-L-v1.0": tiny_pipelines.if_stage_2,
    "stabilityai/stable-diffusion-x4-upscaler": tiny_pipelines.upscaler,
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory that holds what the page's reader has: a folder comes before a hub id of the same name."""
    root = tmp_path_factory.mktemp("desk")
    for name, build in CHECKPOINTS.items():
        tiny_pipelines.save(build(), root / name)
    save_in_one_file(tiny_pipelines.stable_diffusion(), root / "model.safetensors")
    (root / "my_images").mkdir()
    for number, prompt in enumerate(load_prompt_set("open").limited(1).prompts):
        picture = np.full((64, 64, 3), number, np.uint8)
        Image.fromarray(picture).save(root / f"my_images/{prompt.id}-0.png")
    for name, code in re.findall(r"^    # (my_\w+\.py)\n((?: {4}.*\n|\n)+)", PAGE, re.MULTILINE):
        (root / name).write_text(textwrap.dedent(code))
    return root


@pytest.fixture
def server() -> Iterator[ImagesServer]:
    """What stands behind the page's addresses."""
    with images_server() as state:
        yield state


def quick(words: list[str]) -> list[str]:
    """The command with few prompts, and with two steps for each stage of a diffusers model that it does not set."""
    if "run" not in words:
        return words
    stages = 1 + sum(word.startswith(("stage_2=", "stage_3=")) for word in words)
    given = {word.partition("=")[0] for word in words}
    names = list(STEPS)[:stages] if any(word.startswith("diffusers:") for word in words) else []
    return words + FEW + [part for name in names if name not in given for part in ("--set", f"{name}={STEPS[name]}")]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run_as_shown(
    desk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    server: ImagesServer,
    command: str,
) -> None:
    monkeypatch.chdir(desk)
    command = SERVERS.sub(f"http:{server.url}", command)
    monkeypatch.setattr(sys, "path", [*sys.path, str(desk)])
    words = quick(shlex.split(command, comments=True)[1:])
    out = ["--out", str(tmp_path / "run")] if "run" in words and "--dry-run" not in words else []
    assert main([*words, *out]) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    if out:
        run = RunDirectory.open(tmp_path / "run")
        assert run.require_seal().images == 11
        assert "PARTIAL" in shown
        shutil.rmtree(tmp_path / "run")


def test_the_page_shows_all_ways() -> None:
    for spec in (
        "diffusers:my_checkpoint",
        "folder:my_images",
        "python:my_model:make",
        "python:my_batches:Blend",
        "stage_3=",
        "http:http",
    ):
        assert any(spec in command for command in COMMANDS), spec
