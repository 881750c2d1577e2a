"""`drawbench doctor`: what it prints, its exit codes, and that the bundled scorer passes the whole sanity suite."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from drawbench.cli.main import main
from drawbench.doctor.metrics_check import MetricsCheck, SuiteResult, check_metrics
from drawbench.doctor.metrics_check_text import check_data, check_markdown, check_text
from drawbench.doctor.peers import THEIRS, PeerComparison
from drawbench.doctor.suite_images import suite_images
from drawbench.progress import Progress
from drawbench.scoring.kinds import kinds
from metrics.sanity.suite import UNITS, Check, SuiteImages


def _isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No weights but the bundled ones."""
    for variable in ("DRAWBENCH_WEIGHTS", "DRAWBENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(folder / "nothing"))
    monkeypatch.delenv("DRAWBENCH_PROMPTS", raising=False)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _isolate(monkeypatch, tmp_path)


def _checked(folder: Path, n: int) -> MetricsCheck:
    with pytest.MonkeyPatch.context() as patch:
        _isolate(patch, folder)
        return check_metrics(suite_images(n), "cpu", Progress())


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> MetricsCheck:
    """What the command computes where no other weights are, on half as many images as by default."""
    return _checked(tmp_path_factory.mktemp("alone"), 96)


RULES = {name for kind in kinds() for name in kind.suite_metric.rules}
# The scorer has no classes, and a distance at infinity needs as many images as the command takes by default.
JUDGED = RULES - {"inception_score", "frechet_distance_infinity"}


@pytest.fixture(scope="module")
def by_default(tmp_path_factory: pytest.TempPathFactory) -> MetricsCheck:
    """What the command computes by default where no other weights are."""
    return _checked(tmp_path_factory.mktemp("alone"), 192)


def _given(monkeypatch: pytest.MonkeyPatch, found: MetricsCheck) -> None:
    """The command finds this, without computing it anew."""
    monkeypatch.setattr("drawbench.doctor.suite_images.suite_images", lambda n, folder: found.images)
    monkeypatch.setattr("drawbench.doctor.metrics_check.check_metrics", lambda images, device, progress: found)


def _small(*checks: Check, numbers: tuple[PeerComparison, ...] = (), refused: str = "") -> MetricsCheck:
    image = np.zeros((8, 8, 3), np.uint8)
    images = SuiteImages(
        "one photograph", [image] * 2, [image] * 8, np.arange(8) % 2, "a caption", [image] * 4, ["x"] * 4
    )
    suite = SuiteResult("net", "a network", "0" * 64, checks)
    return MetricsCheck(images, (suite,), numbers, (), {"other": "a-file"}, {"third": refused} if refused else {})


FAILED = Check("kid", "blur", (0.1, 0.2, 0.3), (0.0, 0.1, 0.05, -0.1), 0.01, "worse", False)
PASSED = Check("kid", "noise", (1.0, 2.0, 3.0), (0.0, 0.1, 0.2, 0.3), 0.01, "worse", False)


def test_the_bundled_scorer_passes_the_sanity_suite(bundled: MetricsCheck) -> None:
    (suite,) = bundled.suites
    assert not suite.failures
    assert {check.metric for check in suite.checks} == JUDGED
    assert {check.degradation for check in suite.checks} == set(UNITS)


def test_every_metric_is_judged_but_the_inception_score(bundled: MetricsCheck) -> None:
    judged = {check.metric for check in bundled.suites[0].checks if check.required}
    assert judged == JUDGED


def test_ours_agree_with_the_peers_that_are_installed(bundled: MetricsCheck) -> None:
    assert {each.peer for each in bundled.numbers} == set(THEIRS)
    assert all(each.passed for each in bundled.numbers)
    assert bundled.passed


def test_extractors_without_weights_are_named_with_the_file_to_get(bundled: MetricsCheck) -> None:
    assert bundled.missing["inception-clean"] == "inception-2015-12-05"
    assert not bundled.refused
    text = check_text(bundled, 100)
    assert "verified on random weights only" in text
    assert "next: drawbench weights fetch " in text


def test_text_has_a_line_for_each_metric_and_fits_a_terminal(bundled: MetricsCheck) -> None:
    text = check_text(bundled, 100)
    lines = text.splitlines()
    for metric in RULES:
        assert sum(line.startswith(f"{metric} ") for line in lines) == (metric in JUDGED)
    assert all(len(line) <= 100 or line.startswith("next: ") for line in lines)
    assert lines[-1].startswith("all passed: ")


def test_markdown_is_a_table_with_values(bundled: MetricsCheck) -> None:
    rows = [line for line in check_markdown(bundled).splitlines() if line.startswith("| recall ")]
    assert len(rows) == 1
    assert rows[0].count("|") == len(UNITS) + 3
    recall = next(c for c in bundled.suites[0].checks if (c.metric, c.degradation) == ("recall", "noise"))
    assert rows[0].startswith(f"| recall | {recall.values[0]:.3g} | ")
    assert f"| {recall.values[-1]:.3g} ok |" in rows[0]


@pytest.mark.proof
def test_the_bundled_scorer_passes_it_on_as_many_images_as_by_default(by_default: MetricsCheck) -> None:
    (suite,) = by_default.suites
    assert not suite.failures
    assert {check.metric for check in suite.checks} == JUDGED | {"frechet_distance_infinity"}
    assert {check.metric for check in suite.checks if check.required} == JUDGED | {"frechet_distance_infinity"}


@pytest.mark.proof
def test_the_table_of_the_documentation_is_the_commands(by_default: MetricsCheck) -> None:
    """Its words, and its numbers within what another processor's rounding changes; `--out` writes it anew."""
    page = (Path(__file__).parents[3] / "docs" / "metrics_in_depth.md").read_text()
    section = page.partition("\n## Sanity suite\n")[2].partition("\n## ")[0]
    told = {row.split(" | ")[0]: row for row in section.splitlines() if row.startswith("| ")}
    for row in check_markdown(by_default).splitlines():
        if row.startswith("| ") and row.split(" | ")[0].removeprefix("| ") in RULES:
            shown, found = (re.split(r"[ |]+", text) for text in (told[row.split(" | ")[0]], row))
            assert [word for word in shown if word.isalpha()] == [word for word in found if word.isalpha()]
            for a, b in zip(shown, found, strict=True):
                if a != b:
                    assert float(a) == pytest.approx(float(b), rel=0.05, abs=0.02)


def test_the_command_prints_and_writes_what_was_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = _small(PASSED)
    _given(monkeypatch, found)
    assert main(["doctor", "--metrics", "--out", str(tmp_path / "sanity.md")]) == 0
    assert capsys.readouterr().out == check_text(found, 100) + "\n"
    assert (tmp_path / "sanity.md").read_text() == check_markdown(found) + "\n"
    assert main(["doctor", "--metrics", "--json", "--out", str(tmp_path / "sanity.json")]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(check_data(found)))
    assert json.loads((tmp_path / "sanity.json").read_text())["missing"] == {"other": "a-file"}


def test_a_failed_check_is_told_with_its_values_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _given(monkeypatch, _small(PASSED, FAILED))
    assert main(["doctor", "--metrics"]) == 1
    out = capsys.readouterr().out
    assert (
        "FAIL kid under blur (sigma / height) must be worse: 0 undegraded, 0.1 at 0.1, 0.05 at 0.2, -0.1 at 0.3" in out
    )
    assert out.splitlines()[-1] == "1 FAILED of 2 checks of 1 extractor, 0 comparisons with peers"


def test_a_number_that_differs_from_a_peers_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    differing = PeerComparison("clean-fid", "0.1", "KID", 1e-6, 1e-3)
    absent = PeerComparison("pytorch-fid", "", "Fréchet distance", 1e-6, note="not installed")
    _given(monkeypatch, _small(PASSED, numbers=(differing, absent)))
    assert main(["doctor", "--metrics"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("clean-fid")).endswith("FAIL")
    assert "not compared, not installed: pytorch-fid (Fréchet distance)" in lines


def test_wrong_weights_end_with_1_after_everything_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _given(monkeypatch, _small(PASSED, refused="its file is not the published one"))
    assert main(["doctor", "--metrics"]) == 1
    out = capsys.readouterr().out
    assert "third: its file is not the published one" in out
    assert out.splitlines()[-1].startswith("1 FAILED")


def test_weights_that_are_here_and_wrong_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from metrics.features.registry import inception

    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path))
    (tmp_path / "inception-2015-12-05.pt").write_bytes(b"not the network")
    found = check_metrics(_small().images, "cpu", Progress(), [inception("clean")])
    assert "is not the published file" in found.refused["inception-clean"]
    assert not found.missing
    assert not found.passed


def test_the_machine_is_told_as_text_and_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert all(title in text for title in ("Machine", "Packages", "Weights", "Prompt sets", "Caches", "Protocols"))
    assert main(["doctor", "--json", "--out", str(tmp_path / "machine.json")]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {finding["name"] for finding in data["Prompt sets"]} == {"open", "world", "drawbench"}
    assert json.loads((tmp_path / "machine.json").read_text())["Prompt sets"] == data["Prompt sets"]


def test_nothing_is_written_unless_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    _given(monkeypatch, _small(PASSED))
    assert main(["doctor"]) == 0
    assert main(["doctor", "--metrics", "--json"]) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--images", "x"], "option of --metrics"),
        (["-n", "64"], "option of --metrics"),
        (["--device", "cpu"], "option of --metrics"),
        (["--out", "machine.md"], "must end in .json"),
        (["--metrics", "--out", "table.txt"], "must end in .json or .md"),
        (["--metrics", "--out", "absent/table.md"], "make it first"),
        (["--metrics", "-n", "3"], "at least 32"),
        (["--metrics", "--images", "absent"], "no folder"),
        (["--metrics", "--device", "no-such-device"], "cannot be used"),
    ],
)
def test_mistakes_are_one_sentence_and_2(
    options: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told_after_the_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "taken.json").mkdir()
    _given(monkeypatch, _small(PASSED))
    assert main(["doctor", "--metrics", "--out", str(tmp_path / "taken.json")]) == 2
    captured = capsys.readouterr()
    assert "all passed" in captured.out
    assert "cannot write" in captured.err
