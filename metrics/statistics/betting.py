"""A confidence sequence for a mean of bounded scores: it may be looked at after every score, and acted upon.

Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting", J. R. Statist. Soc. B 86(1).
Somebody who starts with a capital of 1 bets that the mean is above m, each time with the share u of what they have: a
score x multiplies it by 1 - u + u x / m. If the mean is m or less, nobody can expect to gain by that, whenever they
stop; so the capital ever reaches 1 / error with a probability of at most `error` (Ville 1939). Means at which it did
are left out. Bets that the mean is below are the same bets on 1 - x against 1 - m.

The capital here is the mean over BETS, shares that are fixed in advance (their "grid Kelly"): there is nothing to tune,
it falls as m grows, so that what is not left out is an interval, and it does not depend on the order of the scores.

Rounds: scores may be of K strata with means of their own, of which the plain average is asked for. In a round, one
score of each, the share is the same for all, and the capital is expected to grow by at most
    prod (1 - u + u mean_k / m)  <=  (1 - u + u average / m)^K,
since a geometric mean is no larger than the arithmetic one: at the end of rounds all of this holds for the average.
"""

from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError

BETS = np.arange(1, 21) / 21  # shares of the capital; with 1 among them a single score of 0 would ruin it
STEPS = 1000  # candidates for the mean: bounds are rounded outwards to 1 / STEPS


@dataclass(frozen=True)
class ConfidenceSequence:
    """After each of R rounds, (R,): the mean of all scores so far, and an open interval for the strata's average.

    With the probability 1 - error, `low < average < high` holds after all rounds at once. A mean of exactly m, of the
    candidates, is ruled out where low >= m or high <= m.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def confidence_sequence(rounds: np.ndarray, error: float) -> ConfidenceSequence:
    """The sequence for scores in [0, 1], (R, K): R rounds of one independent score of each of K strata; K may be 1.

    error: the probability, in (0, 1), with which it may ever be wrong; half of it on either side.
    Raises MetricInputError for other scores, and for another error.
    """
    scores = np.asarray(rounds, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] == 0 or not ((scores >= 0) & (scores <= 1)).all():
        raise MetricInputError(f"scores must be a table (R, K) of numbers from 0 to 1, not of shape {scores.shape}")
    if not 0 < error < 1:
        raise MetricInputError(f"an error of {error} is no probability between 0 and 1")
    so_far = scores.mean(axis=1).cumsum() / np.arange(1, len(scores) + 1)
    return ConfidenceSequence(so_far, _ruled_out(scores, error / 2), 1 - _ruled_out(1 - scores, error / 2))


def log_capital(rounds: np.ndarray, mean: float) -> np.ndarray:
    """The logarithm of the capital after each round, (..., R), of bets that the average is above `mean`, in (0, 1).

    rounds: (..., R, K), scores in [0, 1]; leading axes are sequences of their own.
    """
    growth = np.log1p(BETS * (rounds / mean - 1)[..., None])  # (..., R, K, bets)
    return np.logaddexp.reduce(growth.sum(axis=-2).cumsum(axis=-2), axis=-1) - np.log(len(BETS))


def _ruled_out(scores: np.ndarray, error: float) -> np.ndarray:
    """The largest candidate that bets on more have ruled out, after each round, (R,); 0 where there is none."""
    found = np.zeros(len(scores), dtype=np.int64)
    for step in range(1, STEPS):
        capital = log_capital(scores, step / STEPS)
        reached = capital >= -np.log(error)
        if not reached.any():
            break  # the capital falls as the candidate grows
        found[reached] = step
    return found / STEPS
