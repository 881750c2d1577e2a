"""The benchmark of bookkeeping: every step of a run's life, once, at a small size."""

from pathlib import Path

import pytest

from benchmarks.coco_bookkeeping import Step, measure, table
from drawbench.results.scores import ScoreFile
from drawbench.runs.directory import RunDirectory


def test_every_step_is_measured_on_a_real_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))
    steps = measure(40, tmp_path)
    names = [step.step for step in steps]
    assert names == [
        "read and choose captions",
        "plan, fill, seal",
        "open",
        "verify the finished run",
        "score",
        "score again",
    ]
    assert all(step.n == 40 and step.seconds > 0 and step.peak > 1 for step in steps)
    assert [step.peak for step in steps] == sorted(step.peak for step in steps)
    run = RunDirectory.open(tmp_path / "run")
    assert (run.plan.prompt_set_name, run.plan.n_prompts, run.require_seal().images) == ("coco", 40, 40)
    scores = ScoreFile.model_validate_json((tmp_path / "run/scores/bookkeeping.json").read_text())
    assert {score.metric for score in scores.scores} >= {"clip_score", "frechet_distance"}


def test_the_table_shows_what_a_thousand_captions_cost() -> None:
    lines = table([Step(2000, "open", 3.0, 1.0, 50.0)]).splitlines()
    assert lines[1].split() == ["2000", "3.00", "1.00", "0.500", "50", "open"]
