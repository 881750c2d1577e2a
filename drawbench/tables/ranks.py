"""Ranks as ranges: the places that intervals leave open."""

import math
from bisect import bisect_left, bisect_right

from drawbench.results.scores import OVERALL, Interval
from drawbench.tables.leaderboard import LeaderboardTable, Row, ordering_metric

SAYS = (
    "a rank is a range of all places that the 95% intervals leave open; these are unpaired, and of two rows that share "
    "places `drawbench compare` may still tell which is better"
)


def rank_ranges(table: LeaderboardTable) -> list[tuple[int, int] | None]:
    """For each row (first, last) place that it may have; None where it has no rank.

    One row is above another where its whole interval is better. A row without an interval may have any place.
    """
    metric, less_is_better = ordering_metric([row.result for row in table.rows])
    ends = [_ends(row, metric, less_is_better) for row in table.rows]
    ranked = [each for each in ends if each]
    bests, worsts = sorted(best for best, _ in ranked), sorted(worst for _, worst in ranked)
    return [
        each and (1 + bisect_left(worsts, each[0]), len(ranked) - (len(bests) - bisect_right(bests, each[1])))
        for each in ends
    ]


def rank_words(places: tuple[int, int] | None) -> str:
    """`1`, `1–2`, or a dash for no rank."""
    if places is None:
        return "–"
    first, last = places
    return str(first) if first == last else f"{first}–{last}"


def _ends(row: Row, metric: str, less_is_better: bool) -> tuple[float, float] | None:
    """Best and worst end of a row's interval, turned so that less is better."""
    score = row.result.score(metric, OVERALL)
    if row.rank is None or score is None:
        return None
    if not isinstance(score.interval, Interval):
        return -math.inf, math.inf
    low, high = score.interval.low, score.interval.high
    return (low, high) if less_is_better else (-high, -low)
