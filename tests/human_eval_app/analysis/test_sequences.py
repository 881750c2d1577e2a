"""When a study knows: rounds of raters, in an order that nothing rewrites, and what is left out of them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from human_eval_app.analysis.analyse import analyse
from human_eval_app.analysis.records import Analysis, Sequences
from human_eval_app.analysis.report.chart import charts
from human_eval_app.analysis.report.sheets import sequence_sheet
from human_eval_app.analysis.sequences import sequence, sequences
from human_eval_app.analysis.votes import check_votes
from human_eval_app.study.design import Design, Exclusion, Stopping
from tests.human_eval_app.analysis.made_up import anything, preferring, rows_with
from tests.human_eval_app.designs import make_design

STOPPING = Stopping(at_decision="advise", pause_minutes=60)
START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


def _design(raters: int = 3, **changes: Any) -> Design:
    made = make_design(categories={"Colors": 2, "Counting": 4}, raters=raters, **changes)
    return made.model_copy(update={"stopping": STOPPING})


def _at(minute: float) -> str:
    return (START + timedelta(minutes=minute)).isoformat(timespec="milliseconds")


def _course(
    rows: list[dict[str, Any]], times: Mapping[str, tuple[float, float]], states: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """The rows of the seats in `times`, each answered between two minutes; without the last screen if not complete."""
    kept = []
    for seat, (first, last) in times.items():
        own = [row for row in rows if row["seat"] == seat]
        state, end = (states or {}).get(seat, "complete"), max(row["position"] for row in own)
        for row in own:
            if state == "complete" or row["position"] < end:
                when = _at(first + (last - first) * row["position"] / max(end, 1))
                kept.append({**row, "server_time": when, "open_ms": None, "sitting_state": state})
    return kept


def _found(design: Design, rows: list[dict[str, Any]]) -> Sequences:
    found = sequences(design, check_votes(rows, design))
    assert found is not None
    return found


def test_a_score_is_a_raters_mean_and_a_round_has_one_of_each_category() -> None:
    """Of Colors, rater n prefers A on n - 1 screens of 2; of Counting, all are indifferent on half, else prefer B."""
    design = _design()

    def choice(row: Mapping[str, Any]) -> str:
        if row["panel"] == "colors":
            return "a" if row["position"] < int(row["seat"][-1]) - 1 else "b"
        return "indifferent" if row["position"] < 2 else "b"

    found = _found(design, rows_with(design, preferring(choice)))
    (fidelity, alignment) = found.sequences
    colors, counting = np.array([0.0, 0.5, 1.0]), np.full(3, 0.25)
    expected = ((colors + counting) / 2).cumsum() / np.arange(1, 4)
    assert fidelity.mean == pytest.approx(expected)
    assert (fidelity.panels, fidelity.question, alignment.question) == (2, "fidelity", "alignment")
    assert (found.complete, found.waiting, found.paused, found.excluded) == (6, 0, 0, 0)
    assert all(low <= mean <= high for low, mean, high in zip(fidelity.low, fidelity.mean, fidelity.high, strict=True))


def _raters_in(design: Design, rows: list[dict[str, Any]]) -> list[float]:
    """The scores that stand in the rounds of Colors, where those of Counting are all 0."""
    means = np.array(_found(design, rows).sequences[0].mean)
    return (2 * np.diff(means * np.arange(1, 1 + len(means)), prepend=0)).round(6).tolist()


ALL_B = preferring(lambda row: "a" if row["seat"] in ("colors-001", "colors-003") else "b")
COUNTING = {f"counting-00{n}": (0.0, 1.0) for n in (1, 2, 3)}


def test_raters_stand_in_the_order_of_their_first_answers() -> None:
    """Not of their last ones, and not of their seats."""
    design = _design()
    rows = rows_with(design, ALL_B)
    times = {"colors-001": (3.0, 4.0), "colors-002": (0.0, 9.0), "colors-003": (1.0, 8.0)}
    assert _raters_in(design, _course(rows, {**COUNTING, **times})) == [0, 1, 1]


def test_who_is_at_work_holds_up_those_who_began_later_in_their_category() -> None:
    design = _design()
    rows = rows_with(design, ALL_B)
    times = {"colors-001": (0.0, 9.0), "colors-002": (1.0, 5.0), "colors-003": (2.0, 4.0)}

    def seen(state: str, now: float) -> tuple[list[float], int]:
        later = {"counting-003": (now, now + 0.5)}
        course = _course(rows, {**COUNTING, **times, **later}, {"colors-002": state})
        return _raters_in(design, course), _found(design, course).waiting

    assert seen("active", 10) == ([1], 3)  # a rater of Colors behind, and two of Counting without a third round
    for ended in ("withdrawn", "expired", "screened_out"):
        assert seen(ended, 10) == ([1, 1], 1)
    assert seen("active", 60) == ([1], 3)  # 60 minutes after their last answer they may still go on
    assert seen("active", 61) == ([1, 1], 1)


def test_sittings_with_a_long_pause_or_that_a_rule_excludes_have_no_say() -> None:
    design = _design().model_copy(update={"exclusions": (Exclusion(rule="straight_lining", threshold=0.9),)})

    def choice(row: Mapping[str, Any]) -> str:
        if row["seat"] == "colors-001":
            return "indifferent"
        return "a" if row["panel"] == "colors" else "b"

    rows = rows_with(design, preferring(choice))
    times = {"colors-001": (0.0, 1.0), "colors-002": (0.0, 61.0), "colors-003": (2.0, 4.0)}
    found = _found(design, _course(rows, {**COUNTING, **times}))
    assert (found.excluded, found.paused, found.complete, found.waiting) == (1, 1, 6, 2)
    assert found.sequences[0].mean == (0.5,)


@pytest.mark.parametrize("known", [True, False])
def test_a_pause_of_the_study_is_no_pause_of_its_raters(known: bool) -> None:
    """Of 140 minutes, in the middle of one sitting of each category; an older export does not say so."""
    design = _design()
    seats = {"colors-001": (0, 190), "counting-001": (0, 190), "colors-002": (200, 210), "counting-002": (200, 210)}
    rows = _course(rows_with(design, anything(1)), seats)
    if known:
        for row in rows:
            minutes = (datetime.fromisoformat(row["server_time"]) - START).total_seconds() / 60
            row["open_ms"] = round(60_000 * (minutes - min(max(minutes - 10, 0), 140)))
    found = _found(design, rows)
    assert (found.paused, found.complete) == ((0, 4) if known else (2, 4))


@given(st.integers(0, 10_000))
@settings(max_examples=12, deadline=None)
def test_what_a_sequence_has_is_never_written_anew(seed: int) -> None:
    """A study as it goes, with raters who are slow, stop, are put off their seats or take back an answer."""
    random = np.random.default_rng(seed)
    design = _design(raters=6).model_copy(update={"stopping": Stopping(at_decision="advise", pause_minutes=20)})
    rows = rows_with(design, anything(seed))
    seats = sorted({row["seat"] for row in rows})
    begins = dict(zip(seats, random.uniform(0, 60, len(seats)), strict=True))
    lasts = dict(zip(seats, random.exponential(35, len(seats)), strict=True))
    ends = dict(zip(seats, random.choice(["complete"] * 5 + ["withdrawn", "expired", "screened_out"], 12), strict=True))
    course = _course(rows, {seat: (begins[seat], begins[seat] + lasts[seat]) for seat in seats}, ends)
    before: tuple[tuple[float, ...], ...] = ((), ())
    for now in (20.0, 40.0, 60.0, 80.0, 120.0, 200.0):
        seen = [
            row if begins[row["seat"]] + lasts[row["seat"]] <= now else {**row, "sitting_state": "active"}
            for row in course
            if row["server_time"] <= _at(now)
        ]
        if not any(row["sitting_state"] == "complete" for row in seen):
            continue
        means = tuple(each.mean for each in _found(design, seen).sequences)
        assert all(new[: len(old)] == old for old, new in zip(before, means, strict=True))
        before = means


def test_a_decision_stays_whatever_comes_later() -> None:
    scores = np.concatenate([np.full((12, 2), 0.9), np.full((40, 2), 0.1)])
    found = sequence(("x", "y", "fidelity"), scores, 0.05)
    assert found.decision == "a"
    assert found.rounds is not None
    assert found.rounds == sequence(("x", "y", "fidelity"), scores[:12], 0.05).rounds
    assert found.low[found.rounds - 1] >= 0.5 > found.low[found.rounds - 2]
    other = sequence(("x", "y", "fidelity"), 1 - scores, 0.05)
    assert (other.decision, other.rounds) == ("b", found.rounds)


def test_the_error_is_shared_by_all_questions_and_pairs() -> None:
    two, three = (
        _found(design, rows_with(design, preferring(lambda row: "a")))
        for design in (_design(8), _design(8, models=("model one", "model two", "model xyz")))
    )
    assert (len(two.sequences), len(three.sequences)) == (2, 6)
    alone = sequence(("", "", ""), np.ones((8, 2)), 0.05 / 6)
    assert three.sequences[0].low == pytest.approx(alone.low)
    assert three.sequences[0].low[-1] < two.sequences[0].low[-1]
    assert "2 comparisons" in two.rule
    assert "6 comparisons" in three.rule


def test_an_analysis_tells_it_in_tables_and_pictures() -> None:
    design = _design(raters=8)
    analysis = analyse(design, check_votes(rows_with(design, preferring(lambda row: "a")), design))
    assert Analysis.model_validate_json(analysis.model_dump_json()) == analysis
    assert analysis.stopping is not None
    assert analysis.stopping.decided
    sheet = sequence_sheet(analysis.stopping)
    cells = [cell.text for cell in sheet.blocks[0].rows[0]]
    assert cells[:4] == ["fidelity", "model one", "model two", "model one preferred"]
    assert cells[4] == str(2 * analysis.stopping.sequences[0].rounds)  # type: ignore[operator]
    assert cells[5:] == ["100.0", "100.0", "16"]
    figure = charts(analysis)["known"]
    assert [axes.get_title(loc="left").split(",")[0] for axes in figure.axes] == [
        "Fidelity: model one preferred",
        "Alignment: model one preferred",
    ]


def test_before_the_first_round_nothing_is_known_and_all_of_it_can_be_shown() -> None:
    design = _design()
    rows = _course(rows_with(design, ALL_B), {"colors-001": (0.0, 1.0)})
    analysis = analyse(design, check_votes(rows, design))
    assert analysis.stopping is not None
    assert [(each.mean, each.decision) for each in analysis.stopping.sequences] == [((), "undecided")] * 2
    assert analysis.stopping.waiting == 1
    assert "known" in charts(analysis)
    assert sequence_sheet(analysis.stopping).blocks[0].rows[0][5].text == "–"


def test_a_design_without_the_rule_has_no_sequences() -> None:
    design = make_design(raters=3)
    analysis = analyse(design, check_votes(rows_with(design, ALL_B), design))
    assert analysis.stopping is None
    assert "known" not in charts(analysis)
