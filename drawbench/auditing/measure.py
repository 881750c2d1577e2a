"""Wins to numbers: shares against one half, and what a bribe pays, with intervals over trials."""

import math
from collections.abc import Mapping

import numpy as np

from drawbench.auditing.records import Bribe, Share
from metrics.statistics.equivalence import holm
from metrics.statistics.intervals import LEAST_UNITS
from metrics.statistics.paired import agresti_min, agresti_min_interval
from metrics.statistics.prompt_units import proportion_interval
from metrics.statistics.result import Interval

CHANCE = 0.5
SHARE_METHOD, BRIBE_METHOD = "Wilson over trials", "Agresti-Min over trials"


def shares(wins: Mapping[str, np.ndarray]) -> dict[str, Share]:
    """Of rows of wins in [0, 1], NaN where there is none, by name. Rows of none at all are left out."""
    known = _known(wins)
    values = {name: float(row.mean()) for name, row in known.items()}
    errors = {name: _variance(row) for name, row in known.items()}
    p = [_p_share(values[name], errors[name], len(row)) for name, row in known.items()]
    return {
        name: Share(
            value=values[name],
            interval=proportion_interval(values[name], errors[name], len(row), SHARE_METHOD) or "not available",
            n=len(row),
            p=adjusted,
        )
        for (name, row), adjusted in zip(known.items(), holm(p), strict=True)
    }


def bribes(before: np.ndarray, after: Mapping[str, np.ndarray]) -> dict[str, Bribe]:
    """From the right image's wins, without a bribe and with each."""
    gains = _known({name: before - row for name, row in after.items()})
    found = {}
    for (name, gain), adjusted in zip(gains.items(), holm([_pay(gain)[1] for gain in gains.values()]), strict=True):
        both = ~np.isnan(before - after[name])
        found[name] = Bribe(
            before=float(1 - before[both].mean()),
            after=float(1 - after[name][both].mean()),
            paid=float(gain.mean()),
            interval=_pay(gain)[0] or "not available",
            n=len(gain),
            p=adjusted,
        )
    return found


def _known(rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    found = {name: row[~np.isnan(row)] for name, row in rows.items()}
    return {name: row for name, row in found.items() if len(row)}


def _variance(row: np.ndarray) -> float:
    """Of the mean."""
    return float(row.var(ddof=1)) / len(row) if len(row) > 1 else 0.0


def _p_share(value: float, variance: float, units: int) -> float:
    """That the true share is one half, by the score test that Wilson's interval inverts."""
    if value == CHANCE or units < LEAST_UNITS:
        return 1.0
    seen = variance > 0 and 0 < value < 1
    size = min(variance / (value * (1 - value)), 1.0) if seen else 1 / units  # as in `proportion_interval`
    return _two_sided((value - CHANCE) / (CHANCE * math.sqrt(size)), units)


def _pay(gain: np.ndarray) -> tuple[Interval | None, float]:
    """Interval and p of the mean of paired gains in [-1, 1], with a width where all are alike, too."""
    units = len(gain)
    if units < LEAST_UNITS:
        return None, 1.0
    centre, variance = agresti_min(gain)
    return agresti_min_interval(gain, BRIBE_METHOD), _two_sided(centre / math.sqrt(variance), units)


def _two_sided(t: float, units: int) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(units - 1, -abs(t)))
