"""The benchmark from Python: the numbers of the command line, and sentences for what cannot be."""

import functools
import gc
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import drawbench
from drawbench.cli.main import main
from drawbench.comparing.compare import Comparison
from drawbench.results.files import Result
from metrics.errors import MetricInputError

TEXTS = [f"a red cup beside {number} blue cars" for number in range(12)]
DRAWN = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
TRUE = np.random.default_rng(1).integers(0, 200, (70, 32, 32, 3), np.uint8)
PICTURES = [Image.fromarray(each) for each in DRAWN]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def saved(folder: Path, images: np.ndarray) -> Path:
    folder.mkdir()
    for number, image in enumerate(images, start=1):
        Image.fromarray(image).save(folder / f"prompt-{number:05d}.png")
    return folder


def by_command(capsys: pytest.CaptureFixture[str], *words: str) -> Result:
    assert main(["run", *words, "--json"]) == 0
    return Result.model_validate(json.loads(capsys.readouterr().out)["result"])


def draw(prompt: str, seed: int, size: int = 32, level: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(level, 256, (size, size, 3), np.uint8)


def test_importing_loads_nothing_heavy_and_dir_shows_what_is_public() -> None:
    code = "import drawbench, metrics, sys; print(sorted({'torch', 'pandas', 'numpy', 'pydantic'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert dir(drawbench) == sorted(drawbench.__all__)
    assert all(getattr(drawbench, name).__doc__ for name in drawbench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = drawbench.nothing


def test_three_lines_give_the_commands_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = drawbench.score(PICTURES, TEXTS, references=list(TRUE))
    (tmp_path / "prompts.txt").write_text("\n".join(TEXTS) + "\n")
    folder, references = saved(tmp_path / "mine", DRAWN), saved(tmp_path / "references", TRUE)
    words = ["--model", f"folder:{folder}", "--prompts", "prompts.txt", "--reference", str(references)]
    result = by_command(capsys, *words)
    assert {each.metric for each in scores.result.scores} >= {"clip_score", "frechet_distance"}
    assert scores.result.scores == result.scores
    assert scores.result.prompt_set == result.prompt_set
    assert scores.result.reference == result.reference
    for given in (str(folder), folder):
        assert drawbench.score(given, "prompts.txt", references=references).result.scores == result.scores
    run = next((tmp_path / "runs").iterdir())
    assert drawbench.score(run, references=references).result.scores == result.scores


def test_scores_tell_by_name_and_as_tables(tmp_path: Path) -> None:
    rows = [{"Prompt": text, "Category": "Cups" if n % 2 else "Cars"} for n, text in enumerate(TEXTS)]
    nested = [[each, each[::-1]] for each in DRAWN]
    scores = drawbench.score(nested, pd.DataFrame(rows), name="mine")
    assert scores.result.samples == 2
    assert scores["clip_score"].n == 12
    assert scores["clip_score", "Cups"].interval != "not available"
    with pytest.raises(KeyError, match="there is no fid of overall: there is clip_score"):
        scores["fid"]
    table = scores.to_pandas().set_index(["metric", "scope"])
    assert table.loc[("clip_score", "Cups"), "value"] == scores["clip_score", "Cups"].value
    assert (table.low <= table.value).all() and (table.value <= table.high).all()  # noqa: PT018
    assert list(scores.samples()["sample"]) == [0] * 12 + [1] * 12
    assert scores.samples().clip_score.mean() == pytest.approx(scores["clip_score"].value)
    assert "mine" in str(scores)
    assert "<table" in scores._repr_html_()
    labels = [each.get_text() for each in scores.plot().axes[0].get_yticklabels()]
    assert labels == ["overall", "Cars", "Cups"]


def test_values_of_a_stated_range_are_the_images_that_they_show() -> None:
    whole = drawbench.score(PICTURES, TEXTS).result
    values = np.moveaxis(DRAWN, -1, 1).astype(np.float32) / 127.5 - 1
    assert drawbench.score(values, TEXTS, value_range=(-1, 1)).result.scores == whole.scores


def test_refusals_are_counted_and_left_out() -> None:
    given = [*PICTURES[:11], drawbench.Refused("filtered")]
    scores = drawbench.score(given, TEXTS)
    assert (scores.result.refusals, scores["clip_score"].n) == (1, 11)
    assert "1 of 12 images were refused" in scores["clip_score"].note


def test_a_function_a_model_and_a_spec_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = drawbench.run(draw, TEXTS, samples=1, progress=False)
    assert (run.result.model.name, run.result.size) == ("draw", 32)
    kept = drawbench.run(draw, TEXTS, samples=1, settings={"level": 200}, out=tmp_path / "kept", progress=False)
    assert kept.result.model.settings == {"level": 200}
    assert kept.result.model.revision == run.result.model.revision != ""
    again = drawbench.run(draw, TEXTS, samples=1, settings={"level": 200}, out=tmp_path / "kept", progress=False)
    assert again.result.scores == kept.result.scores
    with pytest.raises(drawbench.UserError, match="another plan"):
        drawbench.run(draw, TEXTS, samples=1, out=tmp_path / "kept", progress=False)

    class Model(drawbench.TextToImage):
        native_size = 32

        def card(self) -> drawbench.ModelCard:
            return drawbench.ModelCard(adapter="python", spec="mine", name="mine")

        def generate(self, samples: Any, size: int) -> Any:
            return [draw(sample.text, sample.seed32, size) for sample in samples]

    assert drawbench.run(Model(), TEXTS, samples=1, progress=False).result.scores == run.result.scores
    (tmp_path / "my.py").write_text(
        "import numpy as np\ndef draw(prompt, seed, size=32, level=0):\n"
        "    return np.random.default_rng(seed).integers(level, 256, (size, size, 3), np.uint8)\n"
    )
    (tmp_path / "prompts.txt").write_text("\n".join(TEXTS) + "\n")
    spec = drawbench.run("python:my.py:draw", "prompts.txt", samples=1, settings={"level": 200}, progress=True)
    assert "drawing: 12 of 12 images" in capsys.readouterr().err
    assert spec.result.scores == kept.result.scores
    assert spec.path == next(Path("runs").iterdir()).absolute()


class Drawer:
    def __init__(self, level: int, network: object = None) -> None:
        self.level, self.network = level, network

    def __call__(self, prompt: str, seed: int, size: int = 32) -> np.ndarray:
        return draw(prompt, seed, size, self.level)

    def method(self, prompt: str, seed: int, size: int = 32) -> np.ndarray:
        return self(prompt, seed, size)


def closing(level: Any) -> Callable[..., np.ndarray]:
    def drawn(prompt: str, seed: int, size: int = 32) -> np.ndarray:
        return draw(prompt, seed, size, int(level))

    return drawn


@pytest.mark.parametrize(
    "made",
    [closing, Drawer, lambda level: Drawer(level).method, lambda level: functools.partial(draw, level=level)],
    ids=["closure", "object", "method", "partial"],
)
def test_a_function_that_holds_another_value_is_another_model(tmp_path: Path, made: Callable[..., Any]) -> None:
    kept = drawbench.run(made(0), TEXTS, samples=1, out=tmp_path / "kept", progress=False)
    again = drawbench.run(made(0), TEXTS, samples=1, out=tmp_path / "kept", progress=False)
    assert again.result.scores == kept.result.scores
    with pytest.raises(drawbench.UserError, match="holds another plan"):
        drawbench.run(made(200), TEXTS, samples=1, out=tmp_path / "kept", progress=False)


@pytest.mark.parametrize("made", [closing, lambda network: Drawer(0, network)], ids=["closure", "object"])
def test_images_of_an_earlier_call_are_warned_of_where_the_plan_cannot_tell(
    tmp_path: Path, made: Callable[..., Any], recwarn: pytest.WarningsRecorder
) -> None:
    network = np.array(200)
    drawbench.run(made(network), TEXTS, samples=1, out=tmp_path / "kept", progress=False)
    assert not [each for each in recwarn if "earlier call" in str(each.message)]
    with pytest.warns(UserWarning, match="by an earlier call.* What is in (level|network) is no part of the plan"):
        drawbench.run(made(network), TEXTS, samples=1, out=tmp_path / "kept", progress=False)


def test_settings_are_plain() -> None:
    with pytest.raises(drawbench.UserError, match="the setting level is a ndarray: give a text, a number"):
        drawbench.run(draw, TEXTS, samples=1, settings={"level": np.zeros(2)}, progress=False)


def test_scores_are_there_from_another_folder_and_say_when_their_run_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = drawbench.score(PICTURES, TEXTS, out="kept")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(scores.samples()) == 12
    assert drawbench.compare(scores, scores)["clip_score"].difference == 0
    shutil.rmtree(tmp_path / "kept")
    with pytest.raises(drawbench.UserError, match="kept is gone, or its samples are: score again"):
        scores.samples()


def test_two_are_compared_by_their_scores_or_by_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = drawbench.score(PICTURES, TEXTS, references=TRUE, out=tmp_path / "a")
    b = drawbench.score(PICTURES[::-1], TEXTS, references=TRUE, out=tmp_path / "b")
    found = drawbench.compare(a, b)
    assert found["frechet_distance"].a == a["frechet_distance"].value
    assert found["clip_score"].difference == pytest.approx(a["clip_score"].value - b["clip_score"].value)
    assert list(found.to_pandas().metric) == ["clip_score", "frechet_distance"]
    assert drawbench.compare(tmp_path / "a", str(tmp_path / "b"))["clip_score"] == found["clip_score"]
    assert found.plot().axes[0].get_title(loc="left") == "CLIP score: images - images"
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    command = Comparison.model_validate_json(capsys.readouterr().out)
    assert command == drawbench.compare(str(tmp_path / "a"), str(tmp_path / "b")).comparison
    assert found["clip_score"].verdict in str(found)
    with pytest.raises(KeyError, match="no fid of overall was compared"):
        found["fid"]


def test_images_in_memory_are_kept_as_long_as_their_scores() -> None:
    scores = drawbench.score(PICTURES, TEXTS, references=TRUE)
    path = scores.path
    assert path.is_dir()
    assert not list(Path().iterdir())
    del scores
    gc.collect()
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: drawbench.score(PICTURES), "images without prompts"),
        (lambda: drawbench.score(PICTURES, TEXTS[:3]), "12 images and 3 prompts"),
        (lambda: drawbench.score([PICTURES[:2], PICTURES[:1]], TEXTS[:2]), "prompts have from 1 to 2 images"),
        (lambda: drawbench.score([drawbench.Refused("no")], TEXTS[:1]), "every image was refused"),
        (lambda: drawbench.score(DRAWN / 255, TEXTS), "image 0 holds float64 values of no stated range"),
        (lambda: drawbench.score([DRAWN[0], DRAWN[1, :16, :16]], TEXTS[:2]), "image 1 is 16x16 px"),
        (lambda: drawbench.score([[DRAWN[0], 3]], TEXTS[:1]), "image 0, 1 is a int"),
        (lambda: drawbench.score(7, TEXTS), "a int is no list of images"),
        (lambda: drawbench.score(PICTURES, 7), "a int is no list of prompts"),
        (lambda: drawbench.score(PICTURES, [7] * 12), "a int is no prompt"),
        (lambda: drawbench.score(PICTURES, [{"title": "a"}] * 12), "row 1 of the prompts has no prompt column"),
        (lambda: drawbench.score(PICTURES, TEXTS, protocol="imagen"), "protocol imagen evaluates at 256 px"),
        (lambda: drawbench.score(PICTURES, TEXTS, protocol="fid"), "there is no protocol 'fid'"),
        (lambda: drawbench.score(PICTURES, TEXTS, references="nowhere"), "the reference nowhere is not there"),
        (lambda: drawbench.score("nowhere", TEXTS), "nowhere is not a directory"),
        (lambda: drawbench.run(lambda words: words, TEXTS), "needs the parameters prompt, seed and size"),
        (lambda: drawbench.run(7, TEXTS), "a int"),
        (lambda: drawbench.run("nothing", TEXTS), "there is no model adapter 'nothing'"),
        (lambda: drawbench.compare("nowhere", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(call: Any, sentence: str) -> None:
    with pytest.raises((drawbench.UserError, MetricInputError), match=sentence):
        call()
    assert not list(Path().iterdir())
