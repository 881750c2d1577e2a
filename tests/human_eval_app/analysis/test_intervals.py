"""Intervals: inside their range, around the estimate, mirrored by swapping; and how often they miss the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from human_eval_app.analysis.intervals import (
    ALIKE,
    TWO_WAY,
    detectable,
    interval_at,
    net_bounds,
    net_p_values,
    plain_bounds,
    share_bounds,
    wilson_bounds,
)
from human_eval_app.analysis.two_way import Crossing, Estimate
from human_eval_app.simulate import Truth, draw
from tests.drawbench.synthetic import CATEGORIES
from tests.human_eval_app.analysis.made_up import grid, question_layout
from tests.human_eval_app.designs import make_design

CHOICES = st.sampled_from([-1.0, 0.0, 1.0])
GRIDS = st.tuples(st.integers(2, 6), st.integers(2, 6)).flatmap(
    lambda shape: st.lists(
        st.lists(CHOICES, min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    )
)


def _estimate(value: float, variance: float, degrees: float = 20.0, units: int = 7) -> Estimate:
    def array(number: float) -> np.ndarray:
        return np.array([number])

    parts = (array(variance), array(variance), array(variance))
    return Estimate(array(value), array(variance), array(degrees), *parts, units)


@given(GRIDS)
def test_intervals_stay_in_range_and_hold_their_estimate(values: list[list[float]]) -> None:
    table = grid(values)
    net = table["value"].to_numpy()
    crossing = Crossing.of(table, "micro")
    shares, nets = crossing.mean(np.stack([net == 1, net == 0, net == -1], axis=1)), crossing.mean(net)
    of_shares, of_net = share_bounds(shares), net_bounds(nets)
    assert (of_shares.low >= 0).all()
    assert (of_shares.high <= 1).all()
    assert (of_shares.low <= shares.value).all()
    assert (shares.value <= of_shares.high).all()
    assert (of_shares.low < of_shares.high).all()
    assert -1 <= of_net.low[0] <= nets.value[0] <= of_net.high[0] <= 1


@given(GRIDS)
def test_swapping_the_models_mirrors_intervals_and_keeps_p(values: list[list[float]]) -> None:
    table = grid(values)
    net = table["value"].to_numpy()
    crossing = Crossing.of(table, "micro")
    one, other = crossing.mean(net), crossing.mean(-net)
    assert net_bounds(one).low == pytest.approx(-net_bounds(other).high, abs=1e-9)
    assert net_p_values(one) == pytest.approx(net_p_values(other), rel=1e-6)
    a, b = crossing.mean(net == 1), crossing.mean(net != 1)
    assert share_bounds(a).low == pytest.approx(1 - share_bounds(b).high, abs=1e-9)


@given(GRIDS)
def test_p_is_below_5_percent_exactly_where_the_interval_leaves_out_zero(values: list[list[float]]) -> None:
    table = grid(values)
    estimate = Crossing.of(table, "micro").mean(table["value"].to_numpy())
    bounds, p = net_bounds(estimate), net_p_values(estimate)
    outside = (bounds.low > 1e-9) | (bounds.high < -1e-9)
    assert outside[0] == (p[0] < 0.05 - 1e-9) or abs(p[0] - 0.05) < 1e-6


def test_many_degrees_give_the_usual_logit_interval() -> None:
    bounds = share_bounds(_estimate(0.2, 0.0004, degrees=1e9))
    margin = 1.959964 * 0.02 / (0.2 * 0.8)
    odds = np.log(0.2 / 0.8)
    assert bounds.low[0] == pytest.approx(1 / (1 + np.exp(-odds + margin)), rel=1e-6)
    assert bounds.high[0] == pytest.approx(1 / (1 + np.exp(-odds - margin)), rel=1e-6)


def test_fewer_degrees_give_wider_intervals() -> None:
    few, many = (share_bounds(_estimate(0.3, 0.001, degrees)) for degrees in (3.0, 30.0))
    assert few.low[0] < many.low[0]
    assert few.high[0] > many.high[0]
    assert detectable(_estimate(0, 0.001, 3.0)) > detectable(_estimate(0, 0.001, 30.0))


def test_a_study_too_small_for_any_preference_detects_none() -> None:
    assert 0 < detectable(_estimate(0, 0.1, 30.0))[0] < 1
    assert np.isnan(detectable(_estimate(0, 0.2, 30.0))[0])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_votes_all_alike_are_worth_as_many_votes_as_there_are_prompts_or_raters(share: float) -> None:
    estimate = _estimate(share, 0.0)
    bounds = share_bounds(estimate)
    low, high = proportion_confint(7 * share, 7, method="wilson")
    assert (bounds.low[0], bounds.high[0]) == pytest.approx((low, high))
    interval = interval_at(bounds, 0, TWO_WAY, estimate)
    assert interval != "not available"
    assert interval.method == ALIKE


def test_nothing_known_gives_no_interval() -> None:
    estimate = _estimate(0.5, np.nan, np.nan)
    assert interval_at(share_bounds(estimate), 0, TWO_WAY, estimate) == "not available"
    assert np.isnan(net_p_values(estimate)[0])
    assert np.isnan(detectable(estimate)[0])
    assert np.isnan(plain_bounds(estimate).low[0])


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (250, 1000), (1000, 1000)])
def test_the_pooled_interval_is_wilsons(successes: int, n: int) -> None:
    bounds = wilson_bounds(np.array([successes / n]), np.array([n]))
    assert (bounds.low[0], bounds.high[0]) == pytest.approx(proportion_confint(successes, n, method="wilson"))


def test_the_detectable_difference_is_detected_four_times_of_five() -> None:
    random = np.random.default_rng(0)
    estimate = _estimate(0, 0.03**2, 200.0)
    found = random.normal(detectable(estimate)[0], 0.03, 20000)
    assert (np.abs(found) > 1.972 * 0.03).mean() == pytest.approx(0.8, abs=0.02)


# How often the intervals miss the truth, in studies like the paper's: its categories, 25 raters each.

MIDDLE = Truth()  # pooled intervals are then wrong a third of the time, as in the paper's field
MILD, STRONG = Truth(prompt_sd=0.3, rater_sd=0.2), Truth(prompt_sd=0.6, rater_sd=0.5)
DECIDED = Truth(indifference=0.0)
BETTER = Truth(utility={("model one", "*", "*"): 0.5})
CHUNK = 250


class _Studies:
    """Simulated studies under one truth: for each scope how often an interval misses, in percent."""

    def __init__(self, truth: Truth, studies: int, seed: int, shares: bool) -> None:
        rows = question_layout(make_design(categories=CATEGORIES, raters=25, simulated=True), "fidelity")
        everything = np.arange(len(rows))
        parts = {name: np.flatnonzero(rows["category"] == name) for name in CATEGORIES}
        scopes = {"macro": everything, "micro": everything, **parts}
        crossings = {
            name: Crossing.of(rows.iloc[where], "macro" if name == "macro" else "micro")
            for name, where in scopes.items()
        }
        self.truth = truth.shares("model one", "model two", "fidelity", "Colors")
        self._missed: dict[tuple[str, str], list[np.ndarray]] = {}
        random = np.random.default_rng(seed)
        flip = np.where(rows["left_model"] == rows["model_a"], 1, -1)[:, None]
        for start in range(0, studies, CHUNK):
            net = draw(rows, truth, min(CHUNK, studies - start), random)[0] * flip
            for name, where in scopes.items():
                self._add(name, crossings[name], net[where], shares)

    def _add(self, scope: str, crossing: Crossing, net: np.ndarray, shares: bool) -> None:
        a, indifferent, b = self.truth
        estimate = crossing.mean(net)
        bounds = net_bounds(estimate)
        self._note(scope, "net", (bounds.low > a - b) | (bounds.high < a - b))
        self._note(scope, "found", (bounds.low > 0) | (bounds.high < 0))
        pooled = 1.959964 * np.sqrt(net.var(axis=0, ddof=1) / len(net))
        self._note(scope, "pooled", np.abs(net.mean(axis=0) - (a - b)) > pooled)
        for choice, truth in ((1, a), (0, indifferent), (-1, b)) if shares else ():
            bounds = share_bounds(crossing.mean(net == choice))
            self._note(scope, f"share {choice}", (bounds.low > truth) | (bounds.high < truth))

    def _note(self, scope: str, what: str, missed: np.ndarray) -> None:
        self._missed.setdefault((scope, what), []).append(missed)

    def percent(self, what: str) -> dict[str, float]:
        """Scope -> percent of studies."""
        return {
            scope: 100 * float(np.concatenate(found).mean())
            for (scope, kind), found in self._missed.items()
            if kind == what
        }


def test_intervals_hold_their_level_and_a_pooled_one_does_not() -> None:
    studies = _Studies(MIDDLE, 250, 1, shares=False)
    missed = studies.percent("net")
    assert 2 < np.mean([missed[name] for name in CATEGORIES]) < 7.5
    assert all(each < 11 for each in missed.values())
    assert studies.percent("pooled")["micro"] > 25


@pytest.mark.proof
@pytest.mark.parametrize("truth", [MILD, MIDDLE, STRONG, DECIDED], ids=["mild", "middle", "strong", "decided"])
def test_type_one_error_is_4_to_6_5_percent(truth: Truth, record_property: "pytest.RecordProperty") -> None:
    studies = _Studies(truth, 6000, 2, shares=False)
    missed, pooled = studies.percent("found"), studies.percent("pooled")
    record_property("type I, two-way", str(missed))
    record_property("type I, pooled", str(pooled))
    assert all(4 <= missed[scope] <= 6.5 for scope in missed)
    assert all(pooled[scope] > 20 for scope in pooled)


@pytest.mark.proof
def test_coverage_is_93_5_to_96_5_percent(record_property: "pytest.RecordProperty") -> None:
    studies = _Studies(BETTER, 4000, 3, shares=True)
    for what in ("net", "share 1", "share 0", "share -1"):
        missed = studies.percent(what)
        record_property(f"coverage of {what}", str({scope: 100 - each for scope, each in missed.items()}))
        assert all(3.5 <= missed[scope] <= 6.5 for scope in missed)


@pytest.mark.proof
def test_55_to_45_is_found_overall_and_seldom_in_one_category(record_property: "pytest.RecordProperty") -> None:
    truth = Truth(indifference=0.0, utility={("model one", "*", "*"): 0.1405})
    assert truth.shares("model one", "model two", "fidelity", "Colors")[0] == pytest.approx(0.55, abs=1e-4)
    found = _Studies(truth, 1000, 4, shares=False).percent("found")
    record_property("power at 55/45", str(found))
    assert found["micro"] > 80
    assert found["Rare Words"] < 30
