"""The findings end to end: claims refer to what is measured, verdicts to intervals, and a stopped run resumes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from experiments.findings.__main__ import main
from experiments.findings.claims import FINDINGS, Finding, Laboratory, Ordering
from experiments.findings.report import judge, write_report
from experiments.findings.training import TRAININGS, Budget

TINY = ["--minutes", "0.0001", "--seeds", "1", "--images", "2", "--references", "3", "--batch", "2"]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def laboratory(out: Path) -> Laboratory:
    return Laboratory(out, Budget(1.0, 2, {"base": 1, "upsampling": 1, "text": 1}), images=2, references=3)


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.name)
def test_claims_compare_arms_that_are_measured(finding: Finding) -> None:
    arms = set(finding.arms)
    assert {c.better for c in finding.comparisons} | {c.worse for c in finding.comparisons} <= arms
    if finding.name not in ("guidance", "thresholding"):
        assert {arm.partition(" at ")[0] for arm in arms} <= TRAININGS.keys()


def test_all_seven_findings_are_there() -> None:
    assert len({finding.name for finding in FINDINGS}) == len(FINDINGS) == 7


def results(better: Sequence[float], worse: Sequence[float]) -> dict[tuple[str, int], dict[str, float]]:
    return {(arm, i): {"m": v} for arm, values in (("a", better), ("b", worse)) for i, v in enumerate(values)}


@pytest.mark.parametrize(
    ("better", "worse", "lower", "word"),
    [
        ([1.0, 1.1, 1.05], [0.2, 0.3, 0.2], False, "agrees"),
        ([1.0, 1.1, 1.05], [0.2, 0.3, 0.2], True, "disagrees"),
        ([1.0, 0.1, 0.5], [0.9, 0.3, 0.4], False, "not decided"),
        ([9.0], [0.0], False, "not decided"),  # one seed decides nothing
    ],
)
def test_verdicts_are_those_of_the_paired_t_interval(
    better: list[float], worse: list[float], lower: bool, word: str
) -> None:
    verdict = judge(Ordering("a", "b", "m", lower), results(better, worse), range(len(better)))
    assert verdict.word == word
    if len(better) > 1:
        sign = -1 if lower else 1
        oracle = stats.ttest_rel(np.array(better) * sign, np.array(worse) * sign).confidence_interval(0.95)
        assert (verdict.low, verdict.high) == pytest.approx((oracle.low, oracle.high))


def test_values_are_measured_once(tmp_path: Path) -> None:
    calls = []

    def measure(lab: Laboratory, arm: str, seed: int) -> dict[str, float]:
        calls.append((arm, seed))
        return {"m": 1.5}

    finding = Finding("x", "x is so", ("an arm",), measure, ())
    lab = laboratory(tmp_path)
    assert [lab.values(finding, "an arm", seed) for seed in (0, 0, 1)] == [{"m": 1.5}] * 3
    assert calls == [("an arm", 0), ("an arm", 1)]


def test_every_finding_has_its_table_and_picture(tmp_path: Path) -> None:
    measures = ("CLIP score", "Fréchet distance", "held-out loss", "activations, MB", "images/s, training")
    made_up = {
        finding.name: {
            (arm, seed): dict.fromkeys((*measures, "images/s, evaluating"), 1.0 + i + seed) | {"parameters": 12345.0}
            for i, arm in enumerate(finding.arms)
            for seed in (0, 1)
        }
        for finding in FINDINGS
    }
    page = write_report(FINDINGS, made_up, laboratory(tmp_path), range(2)).read_text()
    for finding in FINDINGS:
        assert f"]({finding.name}.png)" in page
        assert (tmp_path / f"{finding.name}.png").stat().st_size > 5000
        assert all(f"| {arm} |" in page for arm in finding.arms)
    assert "12,345" in page
    assert "| 2 | 10 | Fréchet distance | 5 | 5 to 5 | agrees |" in page


def test_a_run_trains_measures_reports_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--out", str(tmp_path), *TINY, "--only", "cross-attention", "efficient-unet"]
    assert main(command) == 0
    page = capsys.readouterr().out
    assert "| base | pooled text | held-out loss |" in page
    assert "not decided" in page
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert len(before) == 4
    assert main(command) == 0
    assert capsys.readouterr().out == page
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == before
    assert main([*command[:2], *TINY, "--images", "5"]) == 2
    assert "another folder" in capsys.readouterr().err


def test_the_other_arms_train_and_draw(tmp_path: Path) -> None:
    lab = laboratory(tmp_path)
    findings = {finding.name: finding for finding in FINDINGS}
    for name, arm in (
        ("scaling", "small text encoder"),
        ("text-encoder", "CLIP text tower"),
        ("augmentation", "without augmentation at 0"),
        ("thresholding", "static at 6"),
    ):
        values = lab.values(findings[name], arm, 0)
        assert np.isfinite(list(values.values())).all()
        assert values["Fréchet distance"] > 0
