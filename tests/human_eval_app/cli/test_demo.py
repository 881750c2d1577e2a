"""`drawbench study demo`: a small study in which every number of interest is known."""

from argparse import Namespace
from pathlib import Path

import pytest

from human_eval_app.analysis.analyse import analyse
from human_eval_app.cli import demo
from human_eval_app.study.design import read_design
from tests.human_eval_app.analysis.made_up import simulated
from tests.human_eval_app.runs import Noise


def test_its_overall_intervals_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "resolve_model", lambda name, settings, device: Noise(settings["guidance"]))
    monkeypatch.setattr(demo, "SIZE", 16)
    design = read_design(demo.make_demo(Namespace(out=tmp_path, alone=False, no_serve=True, port=8501)))
    (version,) = analyse(design, simulated(design)).versions
    rows = [row for comparison in version.comparisons for row in comparison.rows]
    assert {row.scope for row in rows} > {"overall"}
    assert all(row.net.interval != "not available" for row in rows), rows
