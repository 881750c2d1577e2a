"""The sentences of a report: each says what its numbers say, and no more. Models and numbers here are made up."""

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from drawbench.comparing.differences import Verdict
from drawbench.report.findings import MOST_PAIRS, Finding, findings
from drawbench.report.provenance import provenance_of
from drawbench.report.sources import Sources, SweepOf, read_runs
from drawbench.results.files import Result
from drawbench.results.scores import OVERALL, read_scores, scores_path
from drawbench.runs.directory import RunDirectory
from drawbench.sweeps.sweep import SweepPoint
from metrics.alignment import NOT_MEASURABLE
from tests.drawbench.report.made_up import CATEGORIES, MadeUp, add_scores, comparison, scored_run
from tests.drawbench.synthetic import human_result, preference, score, world_result


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Runs of three models."""
    folder = tmp_path_factory.mktemp("runs")
    return Sources(read_runs([scored_run(folder / name, MadeUp(name)) for name in ("left", "right", "third")]))


def _told(sources: Sources) -> list[Finding]:
    known = provenance_of(sources)
    found = findings(sources, known)
    assert all(link.startswith("provenance.html#") for each in found for link in re.findall('href="(.*?)"', each.text))
    return found


def _of_pair(sources: Sources, verdict: Verdict, **facts: object) -> Finding:
    left, right, _ = sources.runs
    made = comparison(left, right, verdict, **facts)  # type: ignore[arg-type]
    return _told(replace(sources, comparisons=(made,)))[0]


@pytest.mark.parametrize(
    ("verdict", "facts", "kind", "said"),
    [
        (
            "A is higher",
            {},
            "clear",
            "left has the higher (better) CLIP score than right, by 0.100 [0.050, 0.150], n = 6",
        ),
        (
            "B is higher",
            {"difference": -0.1},
            "clear",
            "right has the higher (better) CLIP score than left, by 0.100 [0.050, 0.150], n = 6",
        ),
        (
            "A is higher",
            {"metric": "frechet_distance"},
            "clear",
            "right has the lower (better) Fréchet distance than left, by 0.100 [0.050, 0.150]",
        ),
        ("within noise", {}, "unclear", "left and right do not differ in CLIP score by more than noise"),
        ("no interval", {}, "unclear", "whether left and right differ in CLIP score is unknown: there is no interval"),
        ("n too small for FID", {"metric": "frechet_distance"}, "unclear", "6 images are too few to tell"),
        ("A is higher", {"note": NOT_MEASURABLE}, "unclear", "CLIP score says nothing of left and right"),
    ],
)
def test_a_difference_is_told_as_its_verdict_says(
    three: Sources, verdict: Verdict, facts: dict[str, object], kind: str, said: str
) -> None:
    found = _of_pair(three, verdict, **facts)
    assert said in found.plain
    assert found.kind == kind
    assert ("more than noise." in found.plain) == (kind == "clear")


def test_many_pairs_are_counted_and_those_not_told_apart_are_named(three: Sources) -> None:
    pairs = [pair for _ in range(MOST_PAIRS) for pair in combinations(three.runs, 2)][: MOST_PAIRS + 1]
    made = [comparison(a, b, "A is higher", difference=0.1 + n / 100) for n, (a, b) in enumerate(pairs[1:])]
    first = _told(replace(three, comparisons=(comparison(*pairs[0], "within noise"), *made)))[0]
    assert f"{MOST_PAIRS} of {MOST_PAIRS + 1} pairs" in first.plain
    assert first.plain.endswith("not told apart: left and right.")


def test_one_difference_under_two_protocols_is_told_once(three: Sources) -> None:
    made = comparison(*three.runs[:2], "A is higher")
    again = made.model_copy(update={"protocol": made.protocol.model_copy(update={"name": "bundled-extended"})})
    told = [each for each in _told(replace(three, comparisons=(made, again))) if "CLIP score" in each.plain]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("a", "b", "half", "kind", "said"),
    [
        (0.6, 0.2, 0.05, "clear", "preferred left to right on fidelity: net +40 points [+35, +45]"),
        (0.2, 0.6, 0.05, "clear", "preferred right to left on fidelity: net -40 points [-45, -35]"),
        (0.41, 0.4, 0.05, "unclear", "no preference between left and right beyond noise"),
        (0.6, 0.2, None, "unclear", "there is no interval"),
    ],
)
def test_preferences_are_told_with_their_interval(
    three: Sources, a: float, b: float, half: float | None, kind: str, said: str
) -> None:
    result = human_result("left", [preference(a, b, against="right", half=half)])
    told = _told(replace(three, human=(result,)))[0]
    assert said in told.plain
    assert told.kind == kind
    simulated = _told(replace(three, human=(result.model_copy(update={"kind": "simulated"}),)))[0]
    assert simulated.plain.startswith("SIMULATED, no person took part: ")


def _point(guidance: str, distance: float, half: float | None) -> SweepPoint:
    base = world_result("swept", 0.3, distance)
    scores = [score("frechet_distance", distance, half=half, n=500), *base.scores[1:]]
    result: Result = base.model_copy(update={"scores": scores})
    return SweepPoint(
        model="swept", settings={"guidance": guidance}, run=f"g{guidance}", reference_state="", result=result
    )


@pytest.mark.parametrize(
    ("half", "kind", "said"),
    [
        (0.01, "clear", "at guidance 2; its interval overlaps with no other."),
        (0.3, "unclear", "at guidance 2; its interval overlaps with that of guidance 1."),
        (None, "unclear", "without intervals nobody knows whether it is smaller than the next"),
    ],
)
def test_the_smallest_distance_of_a_sweep_is_no_best_one_unless_its_interval_says_so(
    three: Sources, tmp_path: Path, half: float | None, kind: str, said: str
) -> None:
    points = (_point("1", 1.0, half), _point("2", 0.5, half), _point("4", 2.0, half))
    told = _told(replace(three, sweep=SweepOf(tmp_path, points)))[0]
    assert said in told.plain
    assert told.kind == kind


def test_a_sweep_without_distances_says_why_there_is_no_curve(three: Sources, tmp_path: Path) -> None:
    point = _point("1", 1.0, 0.1)
    without = point.result.model_copy(update={"scores": point.result.scores[1:]})
    told = _told(replace(three, sweep=SweepOf(tmp_path, (point.model_copy(update={"result": without}),))))
    assert any("no distances to references" in each.plain for each in told)


def test_what_must_be_known_is_told(tmp_path: Path) -> None:
    runs = read_runs([scored_run(tmp_path / "run", MadeUp(refuses=("text-001",), notes=("Text",)))])
    told = [
        each.plain for each in _told(Sources(runs, uncompared=("protocol x: no weights.",))) if each.kind == "caution"
    ]
    assert told[0] == "painter has no image for 1 of 6 samples of mine: they count in no score."
    assert "some categories only (1 of 2 for painter)" in told[1]
    assert "never compare them with published ones" in told[2]
    assert told[3] == "Not compared, protocol x: no weights."


def test_where_the_scorer_tells_nothing_is_counted_by_protocol_and_of_caption_scores_alone(tmp_path: Path) -> None:
    path = scored_run(tmp_path / "run", made := MadeUp("left", notes=("Text",)))
    add_scores(RunDirectory.open(path), replace(made, notes=CATEGORIES), "offline", "conse_score")
    file = scores_path(path, "offline")
    scored = read_scores(file)
    read = [score("text_exact", 1.0, scope) for scope in (OVERALL, "Text")]
    file.write_text(scored.model_copy(update={"scores": [*scored.scores, *read]}).model_dump_json())
    told = [each.plain for each in _told(Sources(read_runs([path]))) if "shuffled" in each.plain]
    assert [each.partition(";")[0] for each in told] == [
        "On mine, protocol bundled, the scorer tells a model's captions from shuffled ones in some categories only "
        "(1 of 2 for left)",
        "On mine, protocol offline, the scorer tells a model's captions from shuffled ones in some categories only "
        "(0 of 2 for left)",
    ]
