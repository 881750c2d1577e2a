"""A run on a stand-in of the hub: what goes up is a run again when it comes back, without what is not ours to give."""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import drawbench
from drawbench.cli.main import main
from drawbench.prompts.registry import load_prompt_set
from tests.drawbench.sharing.hub_server import Hub, hub_server

READ_BACK = """
import sys
from huggingface_hub import snapshot_download
print(snapshot_download("me/x", repo_type="dataset", local_dir=sys.argv[1]))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as server:
        yield server


@pytest.fixture
def run(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    given = [*images[:5], drawbench.Refused("filtered")]
    return drawbench.score(given, [f"a cup and {n} cars" for n in range(6)], name="mine", out=tmp_path / "run").path


def python(hub: Hub, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the hub's address is read once."""
    kept = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    own = {"HF_ENDPOINT": hub.address, "HF_TOKEN": "hf_standin", "HF_HOME": str(tmp_path / "hf")}
    own |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return subprocess.run([sys.executable, *words], env=kept | own, capture_output=True, text=True)


def pushed(hub: Hub, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return python(hub, tmp_path, "-m", "drawbench", "push", *words)


def test_a_run_goes_up_in_one_commit_and_comes_back_a_run(
    hub: Hub, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = pushed(hub, tmp_path, str(run), "--to", "me/x")
    assert (done.returncode, done.stdout) == (0, f"{hub.address}/datasets/me/x\n"), done.stderr
    assert hub.commits == 1
    page = hub.files["README.md"].decode()
    assert "| mine |" in page
    assert not any(name.startswith((".", "report")) for name in hub.files)
    back = tmp_path / "back"
    assert python(hub, tmp_path, "-c", READ_BACK, str(back)).returncode == 0
    assert main(["score", str(back), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)[0]
    assert again["scores"] == json.loads((run / "scores/bundled.json").read_text())["scores"]
    assert main(["leaderboard", str(back / "results")]) == 0


@pytest.mark.skipif("DRAWBENCH_PROMPTS" not in os.environ, reason="DRAWBENCH_PROMPTS names no copy of DrawBench")
def test_drawbenchs_text_stays_here(hub: Hub, tmp_path: Path) -> None:
    def draw(prompt: str, seed: int, size: int = 16) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)

    path = drawbench.run(draw, "drawbench", samples=1, limit=1, out=tmp_path / "run", progress=False).path
    texts = [json.loads(line)["text"].encode() for line in (path / "images/metadata.jsonl").read_text().splitlines()]
    assert pushed(hub, tmp_path, str(path), "--to", "me/x").returncode == 0
    assert len(hub.files) > 11
    assert not any(text in content for content in hub.files.values() for text in texts)
    assert b"not in it" in hub.files["README.md"]
    assert pushed(hub, tmp_path, str(path), "--to", "me/x", "--with-prompt-text").returncode == 0
    assert all(text in hub.files["images/metadata.jsonl"] for text in texts if b'"' not in text)


@pytest.mark.skipif("DRAWBENCH_PROMPTS" not in os.environ, reason="DRAWBENCH_PROMPTS names no copy of DrawBench")
def test_its_text_stays_here_in_any_set_and_in_what_models_say(hub: Hub, tmp_path: Path) -> None:
    texts = [prompt.text for prompt in load_prompt_set("drawbench").prompts[:3]]

    def draw(prompt: str, seed: int, size: int = 16) -> np.ndarray | drawbench.Refused:
        warnings.warn(f"thinking of {prompt}", stacklevel=1)
        if prompt == texts[1]:
            return drawbench.Refused(f"filtered: {prompt}")
        return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)

    path = drawbench.run(draw, [*texts, "a prompt of my own"], samples=1, out=tmp_path / "run", progress=False).path
    said = [(path / name).read_text() for name in ("manifest.json", "journals/0001.jsonl", "refused.jsonl")]
    assert all(texts[1] in text for text in said)
    assert pushed(hub, tmp_path, str(path), "--to", "me/x").returncode == 0
    assert not any(text.encode() in content for content in hub.files.values() for text in texts)
    assert b"filtered: [prompt]" in hub.files["refused.jsonl"]
    assert [(path / name).read_text() for name in ("manifest.json", "journals/0001.jsonl", "refused.jsonl")] == said


def test_what_cannot_be_pushed_is_said(hub: Hub, run: Path, tmp_path: Path) -> None:
    for words, code, sentence in (
        ((str(tmp_path), "--to", "me/x"), 2, "manifest.json"),
        ((str(run), "--to", "a/b/c"), 2, "a/b/c is no data set's name"),
    ):
        done = pushed(hub, tmp_path, *words)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
        assert sentence in done.stderr
    hub.down = True
    done = pushed(hub, tmp_path, str(run), "--to", "me/x")
    assert done.returncode == 1
    assert "the hub did not take" in done.stderr
    assert not hub.files
