"""Runs of that day: they open, verify, resume and are scored, and a run of the same options is written alike."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from drawbench.runs.directory import RunDirectory
from drawbench.runs.journal import Attempt
from drawbench.runs.schema_1 import write_journals_of
from tests.golden.commands import FOLDER_RUN, PYTHON_RUN
from tests.golden.comparing import files_of, lost, lost_keys, read_json, read_lines
from tests.golden.conftest import DATA, Workplace

SCHEMA_2 = {"schema_2/runs/python": PYTHON_RUN, "schema_2/runs/folder": FOLDER_RUN}
RUNS = {"runs/python": PYTHON_RUN, "runs/folder": FOLDER_RUN, **SCHEMA_2}
# Where a run of these options goes when no place is named.
PLACES = {
    "schema_2/runs/python": "runs/golden-model-make--prompts--32de8bf2",
    "schema_2/runs/folder": "runs/pictures--prompts--d874d20d",
}
OF_THE_DAY = ("schema_version", "attempts", "versions", "start", "end", "environment", "date")
MANIFEST_OF_OLD = read_json(DATA / "runs/python/manifest.json")
FIRST_SLICE = ["3 a red cube, on grass", "3 ein blauer Würfel vor einer „weißen“ Wand"]
FIRST_IMAGES = ["images/colors/colors-001-0.png", "images/colors/colors-002-0.png"]


@pytest.mark.parametrize("run", RUNS)
def test_a_finished_run_is_verified_and_left_as_it_is(run: str, workplace: Workplace) -> None:
    before = files_of(run)
    facts = workplace.json(*RUNS[run], "--out", run)
    manifest = read_json(f"{run}/manifest.json")
    assert facts["plan_sha256"] == manifest["plan_sha256"]
    assert (facts["images"], facts["refused"]) == (manifest["seal"]["images"], 0)
    assert facts["pixels_sha256"] == manifest["seal"]["pixels_sha256"]
    assert workplace.drawn() == []
    assert files_of(run) == before


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("run", ["runs/python", "schema_2/runs/python"])
def test_a_missing_image_is_drawn_again_with_its_slice(run: str, sealed: bool, workplace: Workplace) -> None:
    manifest = read_json(f"{run}/manifest.json")
    if not sealed:
        path = Path(f"{run}/manifest.json")
        path.write_text(
            re.sub(r' "seal": \{.*?\n \}', ' "seal": null', path.read_text(encoding="utf-8"), flags=re.DOTALL),
            encoding="utf-8",
        )
        assert read_json(path)["seal"] is None
    Path(run, FIRST_IMAGES[1]).unlink()
    workplace.run(*PYTHON_RUN, "--out", run)
    assert workplace.drawn() == FIRST_SLICE
    again = read_json(f"{run}/manifest.json")
    assert again["seal"] == manifest["seal"], "the same pixels, to the last bit"
    assert lost(manifest["plan"], again["plan"]) == []
    old, new = (read_lines(f"{run}/journals/{attempt}.jsonl") for attempt in ("0001", "0002"))
    assert [line["slice"] for line in old if "slice" in line] == [0, 1, 2, 3], "of schema version 1, too"
    assert lost(old[1], new[1]) == [], "beside what was spent"
    names = sorted(files_of(DATA / "schema_2/runs/python"))
    assert sorted(name for name in files_of(run) if not name.startswith(("scores/", "journals/0002"))) == names


def test_the_attempts_of_an_old_run_stay(workplace: Workplace) -> None:
    before = RunDirectory.open("runs/python").attempts
    Path("runs/python", FIRST_IMAGES[1]).unlink()
    workplace.run(*PYTHON_RUN, "--out", "runs/python")
    again = RunDirectory.open("runs/python")
    assert again.attempts[:1] == before == tuple(map(Attempt.model_validate, MANIFEST_OF_OLD["attempts"]))
    assert (again.manifest.schema_version, len(again.attempts), again.attempts[1].slices_done) == (2, 2, 1)
    assert not Path("runs/python/slices.jsonl").exists()


@pytest.mark.parametrize("left", ["the first journal", "all journals"])
def test_an_old_run_that_was_killed_while_it_became_a_new_one_is_whole(left: str, workplace: Workplace) -> None:
    write_journals_of(Path("runs/python"), RunDirectory.open("runs/python").manifest.attempts)
    if left == "the first journal":
        journal = Path("runs/python/journals/0001.jsonl")
        journal.write_bytes(journal.read_bytes()[:-300])
    RunDirectory.open("runs/python").require_seal()
    Path("runs/python", FIRST_IMAGES[1]).unlink()
    workplace.run(*PYTHON_RUN, "--out", "runs/python")
    assert workplace.drawn() == FIRST_SLICE


@pytest.mark.parametrize("run", ["runs/python", "schema_2/runs/python"])
def test_more_samples_are_added_to_an_old_run(run: str, workplace: Workplace) -> None:
    before = files_of(f"{run}/images")
    more = [*PYTHON_RUN, "--samples", "3", "--out", run]
    assert workplace.json(*more)["images"] == 12
    assert len(workplace.drawn()) == 4
    after = files_of(f"{run}/images")
    assert {name: after[name] for name in before if name.endswith(".png")} == {
        name: content for name, content in before.items() if name.endswith(".png")
    }


def test_another_plan_is_refused_in_an_old_run(workplace: Workplace) -> None:
    said = workplace.run(*PYTHON_RUN, "--seed", "6", "--out", "runs/python", code=2)
    assert "(seed: 5 -> 6)" in said
    assert workplace.drawn() == []


@pytest.mark.parametrize("run", SCHEMA_2)
def test_the_same_options_write_the_same_run(run: str, workplace: Workplace) -> None:
    facts = workplace.json(*RUNS[run])
    assert facts["run"] == PLACES[run]
    old, new = files_of(run), files_of(facts["run"])
    assert {name for name in old if not name.startswith("scores/")} <= set(new)
    assert new["images/metadata.jsonl"] == old["images/metadata.jsonl"], "seeds and names"
    for path in ("manifest.json", "journals/0001.jsonl"):
        read = read_json if path == "manifest.json" else read_lines
        then, now = (read(f"{place}/{path}") for place in (run, facts["run"]))
        assert lost(then, now, free=OF_THE_DAY) == [], "plan, pixels and seal"
    assert set(then[0]["attempt"]["versions"]) <= set(now[0]["attempt"]["versions"])


def test_a_run_with_a_refusal_serves_as_a_folder(workplace: Workplace) -> None:
    words = ("--model", "folder:runs/refusing", "--prompts", "prompts.csv", "--slice", "2", "--out", "runs/again")
    workplace.run("generate", *words)
    old, new = (read_json(f"{run}/manifest.json") for run in ("runs/refusing", "runs/again"))
    assert new["seal"] == old["seal"], "pixels, and the refusal with its reason"
    assert (new["plan"]["size"], new["plan"]["samples"]) == (32, 1)
    for name in ("images/metadata.jsonl", "refused.jsonl"):
        assert Path("runs/again", name).read_bytes() == Path("runs/refusing", name).read_bytes()


def test_old_runs_are_scored(workplace: Workplace) -> None:
    """Numbers are not compared: the bundled scorer may be trained anew. What is said of them is."""
    runs = ("runs/python", "runs/refusing")
    scored = workplace.json("score", *runs, "--device", "cpu", "--json")
    for run, new in zip(runs, scored, strict=True):
        old = read_json(DATA / run / "scores/bundled.json")
        assert lost_keys(old, new) == set()
        assert lost(old, new, free=(*OF_THE_DAY, "protocol", "scores")) == []
        assert set(_measured(old)) <= set(_measured(new))
        assert read_json(f"{run}/scores/bundled.json") == new
        then, now = (pyarrow.parquet.read_schema(root / run / "scores/bundled.parquet") for root in (DATA, Path()))
        assert [(field.name, field.type) for field in then if now.field(field.name).type != field.type] == []


def test_old_scores_are_read_without_scoring_again(workplace: Workplace) -> None:
    tables = workplace.json("leaderboard", "runs/python", "runs/refusing", "--format", "json")
    shown = list(_results(tables))
    for run in ("runs/python", "runs/refusing"):
        old = read_json(DATA / run / "scores/bundled.json")
        (new,) = [result for result in shown if result["run"]["plan_sha256"] == old["plan_sha256"]]
        assert lost(old["scores"], new["scores"]) == []
        assert lost(read_json(DATA / run / "manifest.json")["plan"]["model"], new["model"]) == []
    assert files_of("runs") == files_of(DATA / "runs")


def test_old_runs_are_compared_and_reported(workplace: Workplace) -> None:
    (point,) = Path("sweep/runs").glob("hue-0--*")
    compared = workplace.json("compare", "runs/folder", str(point), "--device", "cpu", "--json")
    plans = [read_json(Path(path, "manifest.json"))["plan_sha256"] for path in ("runs/folder", point)]
    assert [compared[side]["plan_sha256"] for side in ("a", "b")] == plans
    assert [row["n"] for row in compared["differences"] if row["scope"] == "overall"] != []
    workplace.run("report", "runs/python", "runs/refusing", "--out", "page")
    page = Path("page/provenance.html").read_text(encoding="utf-8")
    assert "golden_model:make" in page
    assert "not this one: „nein“" in page
    shutil.rmtree("page")
    assert files_of("runs") == files_of(DATA / "runs")


def _measured(scores: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    for score in scores["scores"]:
        yield score["metric"], score["scope"], score["n"]


def _results(tree: Any) -> Iterator[dict[str, Any]]:
    """Every result that stands anywhere in what the leaderboard prints."""
    if isinstance(tree, dict):
        if "prompt_set" in tree and "scores" in tree:
            yield tree
        for part in tree.values():
            yield from _results(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _results(part)
