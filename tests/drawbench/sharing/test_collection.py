"""A folder of results: what may enter it, and what is said of each file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drawbench
from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.results.files import Result, read_result, write_result
from drawbench.scoring.protocols import get_protocol
from drawbench.sharing.collection import add_results, check_results, problems
from tests.drawbench import synthetic

CURRENT = get_protocol("bundled").ref
COMMITTED = Path(__file__).parents[3] / "results"


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> drawbench.Scores:
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    path = tmp_path_factory.mktemp("runs") / "run"
    return drawbench.score(images, [f"a cup and {n} cars" for n in range(6)], name="mine", out=path)


def changed(result: Result, **fields: Any) -> Result:
    return Result.model_validate(result.model_dump() | fields)


def test_a_scored_run_becomes_a_row_of_the_tables(measured: drawbench.Scores, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    written = add_results([measured.path], folder)
    assert next(path.name for path in written) == "mine--prompts--bundled.json"
    assert "| mine |" in (folder / "README.md").read_text()
    assert not any(check_results(folder).values())
    assert read_result(written[0]) == measured.result
    assert [path.name for path in add_results([folder], folder)] == ["mine--prompts--bundled.json"]


def test_the_committed_results_are_good() -> None:
    assert not any(check_results(COMMITTED).values())


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"protocol": CURRENT.model_copy(update={"version": 2}).model_dump()}, "version 2, stale, current is"),
        ({"protocol": CURRENT.model_copy(update={"version": 99}).model_dump()}, "newer than this drawbench: upgrade"),
        ({"protocol": CURRENT.model_copy(update={"fingerprint": "0" * 64}).model_dump()}, "under another definition"),
        ({"prompt_set": {"name": "drawbench", "sha256": "0" * 64, "n": 200}}, "of the set drawbench and is of other"),
        ({"prompt_set": {"name": "open", "sha256": "0" * 64, "n": 200}}, "of the set open and is of other prompts"),
        ({"prompt_set": {"name": "prompts", "sha256": "0" * 64, "n": 2}}, "counts 6 prompts in a set of 2"),
        ({"size": -1}, "is of -1 px, which cannot be"),
        ({"refusals": 6}, "counts 6 refusals among 6 images"),
        ({"date": "<b>soon"}, "is of the day '<b>soon', which cannot be"),
    ],
)
def test_what_cannot_be_believed_is_not_added(
    measured: drawbench.Scores, tmp_path: Path, fields: dict[str, Any], sentence: str
) -> None:
    wrong = changed(measured.result, **fields)
    assert sentence in problems(wrong)[0]
    path = write_result(wrong, tmp_path)
    with pytest.raises(UserError, match=f"is not added: .*{sentence}"):
        add_results([path], tmp_path / "results")
    assert not (tmp_path / "results").exists()
    assert sentence in check_results(tmp_path)[path][0]


def test_a_number_that_cannot_be_is_named(measured: drawbench.Scores) -> None:
    scores = [each.model_dump() | {"value": 1.5, "interval": "not available"} for each in measured.result.scores]
    assert "holds clip_score of overall = 1.5, which it cannot be" in problems(changed(measured.result, scores=scores))


@pytest.mark.parametrize(
    ("score", "sentence"),
    [
        ({"n": 0}, "counts 0 for clip_score of overall in 6 images"),
        (
            {"interval": {"low": -9e999, "high": 1.0, "method": "t", "level": 0.95}},
            "an interval of clip_score of overall",
        ),
        ({"interval": {"low": -1.0, "high": 1.0, "method": "t", "level": 95}}, "an interval of clip_score of overall"),
        (
            {"interval": {"low": -1.0, "high": 4.0, "method": "t", "level": 0.95}},
            "an interval of clip_score of overall",
        ),
    ],
)
def test_counts_and_intervals_that_cannot_be_are_named(
    measured: drawbench.Scores, score: dict[str, Any], sentence: str
) -> None:
    first, *others = (each.model_dump() for each in measured.result.scores)
    [wrong] = problems(changed(measured.result, scores=[first | score, *others]))
    assert sentence in wrong


def test_a_cost_that_cannot_be_is_named(measured: drawbench.Scores) -> None:
    cost = {"seconds_per_image": -1.0, "images": 5, "warm_up_seconds": 1.0, "warm_up_images": 1}
    wrong = changed(measured.result, cost=cost | {"peak_memory_bytes": 9, "devices": ("cpu",)})
    assert problems(wrong) == ["states a cost that is none, which cannot be"]


def test_every_file_is_checked_and_the_command_says_which_is_wrong(
    measured: drawbench.Scores, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_result(measured.result, tmp_path)
    assert main(["results", "check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{path}: good\n"
    text = path.read_text()
    (tmp_path / "copy.json").write_text(text)
    (tmp_path / "future.json").write_text(text.replace('"schema_version": 1', '"schema_version": 9'))
    (tmp_path / "nan.json").write_text(text.replace(f'"value": {measured["clip_score"].value!r}', '"value": NaN'))
    (tmp_path / "cut.json").write_text(text[:100])
    (tmp_path / "deep.json").write_text("[" * 200_000)
    assert main(["results", "check", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert f"5 of 6 files in {tmp_path} are not as they should be" in told.err
    lines = dict(line.rpartition("/")[2].split(": ", 1) for line in told.out.splitlines())
    assert "schema 9 is of a newer drawbench" in lines["future.json"]
    assert "is not a finite number" in lines["nan.json"]
    assert "not a valid result file" in lines["cut.json"]
    assert "not a valid result file" in lines["deep.json"]
    assert "is the same measurement as copy.json" in lines[path.name]
    assert main(["results", "check", str(tmp_path / "nothing")]) == 2


def test_stale_tables_are_told(measured: drawbench.Scores, tmp_path: Path) -> None:
    add_results([measured.path], tmp_path)
    page = tmp_path / "README.md"
    page.write_text(page.read_text().replace("| mine |", "| yours |"))
    assert "drawbench leaderboard --write" in check_results(tmp_path)[page][0]


def test_what_changed_between_two_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = synthetic.result("old", 0.2), synthetic.result("new", 0.25, size=64)
    paths = [write_result(each, tmp_path) for each in (old, new)]
    assert main(["results", "diff", *map(str, paths), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["differs"] == ["model (old against new)", "evaluated size (256 px against 64 px)"]
    row = next(each for each in facts["changes"] if (each["metric"], each["scope"]) == ("clip_score", "overall"))
    assert row["change"] == pytest.approx(0.05)
    assert main(["results", "diff", *map(str, paths)]) == 0
    shown = capsys.readouterr().out
    assert "+0.0500" in shown
    assert "drawbench compare" in shown
