"""docs/real_score.md: its commands in their order, with a tiny checkpoint, four prompts and six photographs."""

import json
import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from drawbench.cli.main import main, parse
from drawbench.runs.directory import RunDirectory
from metrics.features.weights import PUBLISHED
from tests.drawbench.models.diffusers import tiny_pipelines
from tests.drawbench.prompts import coco_files
from tests.metrics.photographs import crops
from tests.page_lines import run_other, typed, with_stand_ins

PAGE = Path(__file__).parents[1] / "docs/real_score.md"
PHOTOGRAPHS = 6
STAND_INS = {  # what a bare machine has in place of what the page's reader has
    "drawbench": "few.csv",
    "cuda:0": "cpu",
    "cuda:1": "cpu",
    "imagen": "bundled",
    "offline": "bundled",
    "30000": str(PHOTOGRAPHS),
}
FEW = ("--samples", "1", "--set", "steps=2")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the reader has: a checkpoint, prompts, COCO's files of 2014, and the page's Python file."""
    monkeypatch.chdir(tmp_path)
    tiny_pipelines.save(tiny_pipelines.stable_diffusion(), tmp_path / "my_checkpoint")
    Path("few.csv").write_text("prompt\na red cup\na blue cat\ntwo green birds\na yellow star\n")
    captions = [(10 * number, number, f"photograph {number}") for number in range(1, PHOTOGRAPHS + 1)]
    text = re.sub(
        r'"(\d+)\.jpg"',
        lambda name: f'"COCO_val2014_{int(name[1]):012d}.jpg"',
        coco_files.content(range(1, PHOTOGRAPHS + 1), captions),
    )
    photographs = coco_files.write(tmp_path / "coco_root", text) / "val2014"
    photographs.mkdir()
    for number, crop in enumerate(crops(PHOTOGRAPHS, 96), 1):
        Image.fromarray(crop[:80]).save(photographs / f"COCO_val2014_{number:012d}.jpg")
    return tmp_path


def run_line(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line of the page, as far as a bare machine can do it."""
    if run_other(line):
        return
    command, _, file = line.partition(" > ")
    first, *words = shlex.split(command)
    assert first == "drawbench"
    assert parse(words)
    if words[:2] == ["weights", "fetch"]:
        assert set(words[2:]) <= {weights.name for weights in PUBLISHED}
        return
    words = with_stand_ins(words, STAND_INS)
    if any(word.startswith("diffusers:") for word in words):
        words += FEW
    code = main(words)
    said = capsys.readouterr()
    if words[:2] == ["coco", "check"]:
        assert code == 2
        assert "coco:coco_root: CLIP scores of 6 captions" in said.out
    else:
        assert code == 0, (line, said.err)
    if file:
        Path(file).write_text(said.out)


def test_the_page_leads_from_a_checkpoint_to_scores(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = 0
    for line in typed(PAGE, desk):
        run_line(line, capsys)
        lines += 1
    assert lines >= 9
    runs = [RunDirectory.open(path) for path in sorted(Path("runs").iterdir())]
    scored = {
        run.plan.model.name: json.loads((run.path / "scores/bundled.json").read_text())
        for run in runs
        if "--coco" in run.path.name
    }
    assert len(scored) == 2
    assert {each["reference"]["n"] for each in scored.values()} == {PHOTOGRAPHS}
    distances = {
        name: score["value"]
        for name, each in scored.items()
        for score in each["scores"]
        if score["metric"] == "frechet_distance"
    }
    assert distances["photographs"] < min(other for name, other in distances.items() if name != "photographs")
