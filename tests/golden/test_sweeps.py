"""A sweep and a result file of that day: finished points are not drawn again, and results stand in tables."""

import csv
import shutil
from pathlib import Path
from typing import Any

from drawbench.results.files import read_result, write_result
from drawbench.scoring.protocols import get_protocol
from tests.golden.commands import SWEEP
from tests.golden.comparing import files_of, lost, lost_keys, read_json
from tests.golden.conftest import DATA, Workplace

OF_THE_DAY = ("environment", "date", "protocol", "scores")
PROMPTS = (
    "a red cube, on grass",
    "ein blauer Würfel vor einer „weißen“ Wand",
    "three owls 🦉",
    "no cups, and ten plates",
)


def is_today(protocol: dict[str, Any]) -> bool:
    """Whether a protocol is still the one that old scores are of; where not, points are scored again, not drawn."""
    ref = get_protocol(protocol["name"]).ref
    return (ref.version, ref.fingerprint) == (protocol["version"], protocol["fingerprint"])


def test_finished_points_of_an_old_sweep_are_not_drawn_again(workplace: Workplace) -> None:
    before, pictures = read_json("sweep/sweep.json")["points"], files_of("sweep/runs")
    points = workplace.json(*SWEEP, "--out", "sweep", "--json")["points"]
    assert workplace.drawn() == []
    unchanged = all(is_today(point["result"]["protocol"]) for point in before)
    assert lost(before, points, free=() if unchanged else OF_THE_DAY) == []
    assert lost(before, read_json("sweep/sweep.json")["points"], free=() if unchanged else OF_THE_DAY) == []
    after = files_of("sweep/runs")
    kept = pictures if unchanged else [name for name in pictures if name.endswith(".png")]
    assert {name: after[name] for name in kept} == {name: pictures[name] for name in kept}


def test_one_more_value_and_another_scorer_draw_one_more_point(workplace: Workplace) -> None:
    """What the old scorer measured is measured anew, on the pictures that are there."""
    path, old = Path("sweep/sweep.json"), read_json("sweep/sweep.json")["points"]
    fingerprint = old[0]["result"]["protocol"]["fingerprint"]
    path.write_text(path.read_text(encoding="utf-8").replace(fingerprint, "0" * 64), encoding="utf-8")
    words = ["hue=0,1,2" if word == "hue=0,1" else word for word in SWEEP]
    points = workplace.json(*words, "--out", "sweep", "--json")["points"]
    assert workplace.drawn() == [f"2 {prompt}" for prompt in PROMPTS]
    assert [point["settings"] for point in points] == [{"hue": "0"}, {"hue": "1"}, {"hue": "2"}]
    assert all(is_today(point["result"]["protocol"]) for point in points)
    assert lost(old, points[:2], free=OF_THE_DAY) == []


def test_a_sweep_is_written_as_it_was(workplace: Workplace) -> None:
    shutil.rmtree("sweep")
    workplace.run(*SWEEP, "--out", "sweep")
    names = {name.replace("slices.jsonl", "journals/0001.jsonl") for name in files_of(DATA / "sweep")}
    assert names <= set(files_of("sweep")), "the points' folders, and what is in them"
    old, new = (read_json(root / "sweep/sweep.json") for root in (DATA, Path()))
    assert lost_keys(old, new) == set()
    assert lost(old, new, free=OF_THE_DAY) == []
    headers = [next(csv.reader((root / "sweep/sweep.csv").open(encoding="utf-8"))) for root in (DATA, Path())]
    assert [name for name in headers[1] if name in headers[0]] == headers[0]


def test_an_old_sweep_stands_in_the_plot_of_a_new_one(workplace: Workplace) -> None:
    words = ["hue=5" if word == "hue=0,1" else word for word in SWEEP]
    if is_today(read_json("sweep/sweep.json")["points"][0]["result"]["protocol"]):
        workplace.run(*words, "--with", "sweep", "--out", "another")
        assert len(workplace.drawn()) == 4
    else:
        assert "protocol" in workplace.run(*words, "--with", "sweep", "--out", "another", code=2)


def test_old_result_files_are_read_and_written_alike(workplace: Workplace) -> None:
    paths = [*Path("results").iterdir(), *Path("study/analysis/results").iterdir()]
    assert len(paths) == 2
    for path in paths:
        written = write_result(read_result(path), Path("again"))
        assert written.name == path.name
        assert lost(read_json(path), read_json(written)) == []


def test_old_result_files_stand_in_the_leaderboard(workplace: Workplace) -> None:
    (measured,), (preferred,) = (list(Path(place).iterdir()) for place in ("results", "study/analysis/results"))
    tables = workplace.json("leaderboard", "results", "study/analysis/results", "--format", "json")["tables"]
    shown = [row["result"] for table in tables for row in table["rows"]]
    assert len(shown) == 2
    for path in (measured, preferred):
        old = read_json(path)
        (new,) = [result for result in shown if result["protocol"]["name"] == old["protocol"]["name"]]
        assert lost(old, new) == []
    rows = list(csv.DictReader(workplace.run("leaderboard", "results", "--format", "csv").splitlines()))
    scores = {(score["metric"], score["scope"]): score["value"] for score in read_json(measured)["scores"]}
    assert {(row["metric"], row["scope"]): float(row["value"]) for row in rows} == scores
    for text in ("table", "markdown", "latex", "html"):
        assert "golden" in workplace.run("leaderboard", "results", "study/analysis/results", "--format", text)
