"""Ranks as ranges, against the definition."""

from hypothesis import given
from hypothesis import strategies as st

from drawbench.results.files import Result
from drawbench.tables.leaderboard import build_tables
from drawbench.tables.ranks import rank_ranges, rank_words
from tests.drawbench.synthetic import result, score

ENDS = st.lists(st.tuples(st.floats(0, 1), st.none() | st.floats(0, 0.3)), min_size=1, max_size=12)


def _results(ends: list[tuple[float, float | None]], metric: str) -> list[Result]:
    return [
        result(f"model {number}", scores=[score(metric, value, half=half)]) for number, (value, half) in enumerate(ends)
    ]


@given(ENDS, st.sampled_from(["clip_score", "frechet_distance"]))
def test_a_place_is_open_unless_a_whole_interval_is_better(ends: list[tuple[float, float | None]], metric: str) -> None:
    (table,) = build_tables(_results(ends, metric))
    intervals = [
        (-9.0, 9.0) if each.interval == "not available" else (each.interval.low, each.interval.high)
        for each in (row.result.scores[0] for row in table.rows)
    ]
    for number, ((low, high), places) in enumerate(zip(intervals, rank_ranges(table), strict=True), 1):
        above = sum(high < other for other, _ in intervals)
        below = sum(other < low for _, other in intervals)
        if metric == "frechet_distance":
            above, below = below, above
        assert places == (1 + above, len(ends) - below)
        assert places[0] <= number <= places[1]


def test_a_ceiling_has_no_rank_and_takes_none() -> None:
    scores = [score("clip_score", 0.3, half=0.01)]
    truth = result("truth", scores=[score("clip_score", 0.9)], adapter="world")
    (table,) = build_tables([truth, result("one", scores=scores), result("two", scores=scores)])
    assert [rank_words(places) for places in rank_ranges(table)] == ["–", "1–2", "1–2"]
