"""The interval of a squared length seen with noise: against the noncentral chi-square, and by simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ncx2

from metrics.statistics.squared_length import NoisyLength

MANY = 10_000_000  # units: Student's t is normal


@pytest.mark.parametrize("observed", [0.5, 3.0, 40.0])
def test_error_along_d_alone_gives_the_noncentral_chi_square(observed: float) -> None:
    variance = 0.3
    low, high = NoisyLength(observed, variance * observed, variance, variance**2, MANY).interval()
    assert ncx2.cdf(observed / variance, 1, high / variance) == pytest.approx(0.025, abs=1e-6)
    if low > 0:
        assert ncx2.cdf(observed / variance, 1, low / variance) == pytest.approx(0.975, abs=1e-6)
    else:
        assert ncx2.cdf(observed / variance, 1, 0) <= 0.975


@pytest.mark.parametrize(
    ("shift", "allowed"),
    [
        ((1.5, 0.0, 0.0), (0.93, 0.97)),
        ((0.5, 0.0, 2.0), (0.93, 0.97)),
        ((0.0, 0.0, 2.0), (0.93, 0.99)),  # d has no part in the direction of the error, which is not known: wider
        ((0.0, 0.0, 0.0), (0.93, 0.995)),
    ],
)
def test_covers_the_squared_length_when_one_direction_has_most_of_the_error(
    shift: tuple[float, ...], allowed: tuple[float, float]
) -> None:
    random = np.random.default_rng(0)
    d = np.array([*shift, *[0.0] * 9])
    variances = np.array([0.3] + [0.02] * 11)
    trials, hits = 600, 0
    for seen in d + random.normal(size=(trials, 12)) * np.sqrt(variances):
        known = NoisyLength(
            float(seen @ seen), float(seen**2 @ variances), variances.sum(), float(variances @ variances), MANY
        )
        low, high = known.interval()
        hits += low <= d @ d <= high
    noise = 4 * np.sqrt(0.05 * 0.95 / trials)
    assert allowed[0] - noise < hits / trials <= allowed[1] + noise


def test_few_units_widen_it() -> None:
    widths = [np.ptp(NoisyLength(4.0, 0.4, 0.3, 0.03, units).interval()) for units in (4, 10, 1000)]
    assert widths[0] > 1.2 * widths[1] > 1.2 * widths[2]


def test_units_with_a_long_tail_upwards_leave_more_room_above() -> None:
    plain, skewed = (NoisyLength(4.0, 0.4, 0.3, 0.03, 20, skew).interval() for skew in (0.0, 2.0))
    assert skewed[1] > plain[1]
    assert skewed[0] > plain[0]


def test_without_error_it_is_a_point() -> None:
    assert NoisyLength(2.0, 0.0, 0.0, 0.0, 9).interval() == (2.0, 2.0)
    assert NoisyLength(0.0, 0.0, 0.0, 0.0, 9).interval() == (0.0, 0.0)


@settings(max_examples=50)
@given(st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1e3), st.floats(0, 1), st.integers(2, 1000), st.floats(-20, 20))
def test_limits_are_ordered_and_finite(
    observed: float, linear: float, total: float, share: float, units: int, skew: float
) -> None:
    known = NoisyLength(observed, linear * observed * total, total, share * total**2, units, skew)
    low, high = known.interval()
    assert -np.inf < low <= high < np.inf
