"""Confidence sequences by betting: closed forms, what must hold for all scores, and how often they are wrong."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from metrics.errors import MetricInputError
from metrics.statistics.betting import BETS, STEPS, confidence_sequence, log_capital

TABLES = arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    elements=st.floats(0, 1, allow_subnormal=False),
)


@pytest.mark.parametrize("mean", [0.2, 0.5, 0.9])
def test_scores_of_1_multiply_every_share_by_one_over_the_mean(mean: float) -> None:
    capital = np.exp(log_capital(np.ones((6, 2)), mean))
    rounds = np.arange(1, 7)
    assert capital == pytest.approx([np.mean((1 - BETS + BETS / mean) ** (2 * r)) for r in rounds], rel=1e-12)
    assert np.exp(log_capital(np.zeros((6, 2)), mean)) == pytest.approx(
        [np.mean((1 - BETS) ** (2 * r)) for r in rounds], rel=1e-12
    )


def test_what_is_ruled_out_is_where_a_capital_reached_its_limit() -> None:
    scores = np.random.default_rng(0).beta(5, 3, (30, 2))
    found = confidence_sequence(scores, 0.1)
    candidates = np.arange(1, STEPS) / STEPS
    above = np.array([log_capital(scores, each) >= np.log(20) for each in candidates])  # (candidates, R)
    below = np.array([log_capital(1 - scores, 1 - each) >= np.log(20) for each in candidates])
    assert (above == (candidates[:, None] <= found.low)).all()
    assert (below == (candidates[:, None] >= found.high - 1e-9)).all()


@given(TABLES)
@settings(max_examples=25, deadline=None)
def test_the_mean_of_the_scores_is_never_ruled_out(scores: np.ndarray) -> None:
    found = confidence_sequence(scores, 0.2)
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()


@given(TABLES, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_scores_changes_nothing_in_the_end(scores: np.ndarray, random: object) -> None:
    flat = scores.ravel().tolist()
    random.shuffle(flat)  # type: ignore[attr-defined]
    again = np.array(flat).reshape(scores.shape)
    assert log_capital(again, 0.5)[-1] == pytest.approx(log_capital(scores, 0.5)[-1], abs=1e-9)


@given(TABLES)
@settings(max_examples=25, deadline=None)
def test_the_other_way_round_is_the_mirror_image(scores: np.ndarray) -> None:
    found, mirrored = confidence_sequence(scores, 0.2), confidence_sequence(1 - scores, 0.2)
    assert mirrored.low == pytest.approx(1 - found.high, abs=1.001 / STEPS)
    assert mirrored.high == pytest.approx(1 - found.low, abs=1.001 / STEPS)


@pytest.mark.parametrize("mean", [0.3, 0.5, 0.8])
def test_nobody_can_expect_to_gain_at_the_true_mean(mean: float) -> None:
    """All ways in which 6 scores of 0 or 1 can fall."""
    expected = sum(
        np.prod([mean if x else 1 - mean for x in way]) * np.exp(log_capital(np.array(way)[:, None], mean)[-1])
        for way in product((0.0, 1.0), repeat=6)
    )
    assert expected == pytest.approx(1, rel=1e-12)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=4), st.floats(0, 0.2))
@settings(max_examples=25, deadline=None)
def test_nor_at_the_average_of_strata_with_means_of_their_own(means: list[float], more: float) -> None:
    """Of a round of every stratum. After a part of one they could: the first strata may be the better ones."""
    candidate = min(max(float(np.mean(means)) + more, 0.01), 0.99)
    if candidate < np.mean(means):
        return

    def expected(strata: list[float]) -> float:
        ways = product((0.0, 1.0), repeat=len(strata))
        return sum(
            float(np.prod([p if x else 1 - p for p, x in zip(strata, way, strict=True)]))
            * float(np.exp(log_capital(np.array([way]), candidate)[-1]))
            for way in ways
        )

    assert expected(means) <= 1 + 1e-9


def test_a_part_of_a_round_would_not_do() -> None:
    """Why the sequence moves at the end of rounds only: strata of means 1 and 0 have an average of one half."""
    assert np.exp(log_capital(np.array([[1.0]]), 0.5))[0] > 1
    assert np.exp(log_capital(np.array([[1.0, 0.0]]), 0.5))[0] < 1


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.5), (0.1, 0.9)], ids=["one mean", "strata apart"])
def test_a_look_after_every_round_is_wrong_as_seldom_as_claimed(low: float, high: float) -> None:
    """Scores of 0 or 1, for which the sequence has least to spare, and a look after each of 100 rounds."""
    random, studies = np.random.default_rng(1), 1000
    means = np.array([low, high])
    scores = (random.random((studies, 100, 2)) < means).astype(float)
    limit = np.log(2 / 0.1)
    ever = (log_capital(scores, 0.5) >= limit).any(axis=1) | (log_capital(1 - scores, 0.5) >= limit).any(axis=1)
    assert ever.mean() < 0.1 + 2 * np.sqrt(0.1 * 0.9 / studies)


def test_intervals_shrink_to_the_mean() -> None:
    scores = np.random.default_rng(2).beta(11, 9, (3000, 1))
    found = confidence_sequence(scores, 0.05)
    assert found.low[-1] < 0.55 < found.high[-1]
    assert found.high[-1] - found.low[-1] < 0.02
    assert found.low[0] < 0.05
    assert found.high[0] > 0.95


@pytest.mark.parametrize(
    ("scores", "error"),
    [
        (np.ones(3), 0.05),
        (np.ones((3, 0)), 0.05),
        (np.full((3, 1), 1.1), 0.05),
        (np.full((3, 1), np.nan), 0.05),
        (np.ones((3, 1)), 0.0),
        (np.ones((3, 1)), 1.0),
    ],
)
def test_what_makes_no_sequence_is_refused(scores: np.ndarray, error: float) -> None:
    with pytest.raises(MetricInputError):
        confidence_sequence(scores, error)


def test_no_round_is_an_empty_sequence() -> None:
    assert [len(each) for each in vars(confidence_sequence(np.empty((0, 3)), 0.05)).values()] == [0, 0, 0]
