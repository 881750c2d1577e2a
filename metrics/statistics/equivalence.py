"""Whether a difference is shown to be within a margin, shown to be none of zero, or neither.

Two one-sided tests (Schuirmann 1987): a difference is within the margin at 5% when its 90% interval is. Where all
margins must hold together no correction is needed (Berger 1982); that some difference is not zero is claimed after
Holm's (1979).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from metrics.statistics.intervals import t_quantile

LEVEL = 0.05  # of every test
TOO_MANY = 1000  # times narrower than it is, an interval would be of a million times the units


@dataclass(frozen=True)
class Equivalence:
    """The tests of one difference.

    low, high: the interval that is held against the margin. p_within: of the two one-sided tests, the larger, times
    `caution`: small when it is within the margin.
    p_zero: two-sided, small when it is not zero.
    """

    difference: float
    error: float
    freedom: float
    margin: float
    low: float
    high: float
    p_within: float
    p_zero: float

    @property
    def within(self) -> bool:
        """Shown to be inside the margin."""
        return self.p_within <= LEVEL


def equivalence(difference: float, half_width: float, units: float, margin: float, caution: float = 1.0) -> Equivalence:
    """From a difference and the half width of its 95% t interval over `units`; margin > 0, in its own unit.

    caution: the one-sided tests are made at 5% / caution. 1 for means: the 90% interval. 2 for jackknives of distances,
    whose estimate and spread grow together: in simulations their 90% interval errs in up to 8% on one side.
    """
    from scipy.special import stdtr, stdtrit

    freedom = units - 1
    error = half_width / t_quantile(units)
    if error == 0:
        inside, zero = float(abs(difference) >= margin), float(difference == 0)
        return Equivalence(difference, 0.0, freedom, margin, difference, difference, inside, zero)
    reach = float(stdtrit(freedom, 1 - LEVEL / caution)) * error
    p_within = min(1.0, caution * float(stdtr(freedom, (abs(difference) - margin) / error)))
    p_zero = 2 * float(stdtr(freedom, -abs(difference) / error))
    return Equivalence(
        difference, error, freedom, margin, difference - reach, difference + reach, p_within, min(p_zero, 1.0)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: below a level, the claim holds at that level for all together."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, least = [0.0] * len(p_values), 0.0
    for place, number in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[number]))
        adjusted[number] = least
    return adjusted


def units_that_decide(found: Equivalence) -> int | None:
    """About how many units would decide, were the difference and its spread as they are; None where none would.

    Inside the margin, those at which its interval would fit; outside, those at which the 95% interval leaves zero.
    """
    units, distance = found.freedom + 1, abs(found.difference)
    reach, reach_zero = found.high - found.difference, found.error * t_quantile(units)
    ratios = [reach / room for room in (found.margin - distance,) if room > 0 and reach < TOO_MANY * room]
    ratios += [reach_zero / distance] if reach_zero < TOO_MANY * distance else []
    asked = [units * ratio**2 for ratio in ratios]
    return math.ceil(min(asked)) if asked else None
