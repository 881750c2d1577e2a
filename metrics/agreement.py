"""How far the scores of a metric agree with people about images of the same prompt.

The unit of judgement is a comparison: two images of one prompt, of which people prefer one or neither, and of which the
metric scores one higher or neither. The agreement is the share of the comparisons that people decide in which the
metric is on their side; where it scores both alike, half counts. So a metric that knows nothing has 1/2 whatever it
ties, and the agreement is (1 + Somers' D) / 2, D being asymmetric in people's favour (Somers 1962).

Prompts are what could have been others: comparisons of one prompt share images, so intervals are over prompts. Models
and raters are taken as given.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from metrics.statistics.intervals import LEAST_UNITS, LEVEL, t_interval
from metrics.statistics.paired import agresti_min, agresti_min_interval
from metrics.statistics.prompt_units import NO_SPREAD, jackknife_variance, proportion_interval, t_around
from metrics.statistics.result import Interval, MetricResult

OVER_PROMPTS = "linearised over prompts"
OVER_PROMPTS_PAIRED = f"{OVER_PROMPTS}, paired"
RESAMPLES, AT_ONCE = 2000, 100
LEAVING_OUT = "jackknife over prompts"
BOOTSTRAP = f"percentile bootstrap over prompts, {RESAMPLES} resamples, models fixed"
CHANCE = 0.5
POWER = 0.8
ALIKE = 1e-9  # means of ratings that differ by less differ by rounding
THRESHOLDS = 129  # candidates for the difference of scores below which a metric is taken to tie


def sides(differences: np.ndarray) -> np.ndarray:
    """1 where the first image is ahead, -1 where the second is, 0 for a tie, NaN where nobody knows; of any shape."""
    return np.where(np.abs(differences) < ALIKE, 0.0, np.sign(differences))


@dataclass(frozen=True)
class Share:
    """A share of comparisons.

    value: the share. influence: (G,), how much each prompt with a comparison moves it. n: comparisons behind it.
    """

    value: float
    influence: np.ndarray
    n: int

    @property
    def prompts(self) -> int:
        """G."""
        return len(self.influence)

    @property
    def variance(self) -> float:
        """Of the value, prompts being independent; NaN for one."""
        return _variance(self.influence)

    def result(self) -> MetricResult:
        """With Wilson's interval, at the number of prompts that the variance amounts to."""
        interval = proportion_interval(self.value, self.variance, self.prompts, f"{OVER_PROMPTS}, Wilson")
        return MetricResult(self.value, interval, self.n)

    def p_chance(self) -> float:
        """Two-sided p of a share of 1/2: below 5% exactly where the interval leaves 1/2 out; 1 below 3 prompts."""
        from scipy.special import stdtr

        if self.prompts < LEAST_UNITS:
            return 1.0
        seen = self.variance > NO_SPREAD * self.value * (1 - self.value) > 0
        of_one = min(self.variance / (self.value * (1 - self.value)), 1.0) if seen else 1 / self.prompts
        return 2 * float(stdtr(self.prompts - 1, -abs(self.value - CHANCE) / math.sqrt(of_one * CHANCE**2)))


def share(hits: np.ndarray, counted: np.ndarray, prompts: np.ndarray) -> Share | None:
    """The share `hits` are of `counted`, (C,) each: of every comparison, what it adds to both; None of nothing.

    prompts: (C,), the prompt of each comparison, counted from 0.
    """
    of_prompts = [np.bincount(prompts, weights=each) for each in (hits, counted)]
    there = of_prompts[1] > 0
    if not there.any():
        return None
    hit, count = (each[there] for each in of_prompts)
    value = float(hit.sum() / count.sum())
    return Share(value, (hit - value * count) / count.sum(), round(float(count.sum())))


def agreement(people: np.ndarray, metric: np.ndarray, prompts: np.ndarray) -> Share | None:
    """The agreement of a metric with people; None where people decide nothing.

    people, metric: (C,), how far the first image of a comparison is ahead of the second; NaN where it is not known.
    prompts: (C,), counted from 0.
    """
    return share(*_agreeing(sides(people), np.sign(metric)), prompts)


def raters_agreement(by_rater: np.ndarray, prompts: np.ndarray) -> Share | None:
    """The agreement of one rater with another: of every two who judged a comparison, each is asked about the other.

    by_rater: (C, R), how far each rater puts the first image ahead; NaN where a rater did not judge.
    """
    said = sides(by_rater)
    first, second, neither = ((said == side).sum(axis=1) for side in (1, -1, 0))
    decided = first + second
    hits = first * (first - 1) + second * (second - 1) + neither * decided / 2
    return share(hits, decided * (decided + neither - 1), prompts)


def rater_with_others(by_rater: np.ndarray, others: np.ndarray, prompts: np.ndarray) -> Share | None:
    """The agreement of one rater with the mean of the others, over all raters.

    others: (C, R), how far the others of each rater put the first image ahead; NaN where there are none.
    """
    hits, counted = _agreeing(sides(others), sides(by_rater))
    return share(hits.sum(axis=1), counted.sum(axis=1), prompts)


def accuracy_with_ties(people: np.ndarray, metric: np.ndarray, prompts: np.ndarray) -> Share | None:
    """The share of all comparisons, people's ties among them, on which a metric says what people say.

    A metric ties where its scores differ by no more than a threshold (Deutsch, Foster and Freitag 2023), here the one
    that is best on all other prompts: chosen on the same one it would be too good. A metric that always ties gets the
    share of people's ties.
    """
    said, apart = sides(people), np.abs(metric)
    known = ~np.isnan(said) & ~np.isnan(metric)
    if not known.any():
        return None
    candidates = np.unique(np.quantile(apart[known], np.linspace(0, 1, THRESHOLDS)))
    tied = apart[:, None] <= np.concatenate([[0.0], candidates])  # (C, T)
    right = np.where(tied, (said == 0)[:, None], (said == np.sign(metric))[:, None]) & known[:, None]
    of_prompts = np.zeros((int(prompts.max()) + 1, tied.shape[1]))
    np.add.at(of_prompts, prompts, right)
    chosen = (of_prompts.sum(axis=0) - of_prompts).argmax(axis=1)  # (prompts,)
    return share(right[np.arange(len(right)), chosen[prompts]].astype(float), known.astype(float), prompts)


def kendall_tau_b(people: np.ndarray, metric: np.ndarray) -> np.ndarray:
    """Kendall's tau-b (1945) of scores along the last axis, (..., M) -> (...); NaN scores are left out.

    0 where the metric ties everything that people do not, NaN where people tie everything: there is nothing to rank.
    """
    known = ~np.isnan(people) & ~np.isnan(metric)
    both = known[..., :, None] & known[..., None, :]  # (..., M, M)
    of_people, of_metric = sides(_gaps(people)), np.sign(_gaps(metric))
    return _correlation(np.where(both, of_people, 0), np.where(both, of_metric, 0), (-2, -1))


def spearman(people: np.ndarray, metric: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation (1904) along the last axis, ties at their mean rank; NaN and 0 as `kendall_tau_b`."""
    known = ~np.isnan(people) & ~np.isnan(metric)
    ranks = [_ranks(np.where(known, each, np.nan), tie) for each, tie in ((people, ALIKE), (metric, 0.0))]
    middle = (known.sum(axis=-1, keepdims=True) + 1) / 2
    of_people, of_metric = (np.where(known, each - middle, 0) for each in ranks)
    return _correlation(of_people, of_metric, (-1,))


def mean_of(values: np.ndarray) -> MetricResult | None:
    """The mean over prompts of what is known, with its t interval, in [-1, 1]; None of nothing.

    Without an interval where all prompts agree, which shows no spread.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    interval = t_interval(known) if np.ptp(known) > ALIKE else None
    return MetricResult(float(known.mean()), interval and interval.within(-1, 1), len(known))


def over_models(
    people: np.ndarray, metric: np.ndarray, correlation: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> MetricResult | None:
    """How a metric ranks models as people do: the correlation of M models' means over prompts.

    people, metric: (P, M), NaN where a model has no image. None below 3 models, and where people tie all of them.
    The interval resamples prompts with a fixed seed; there is none where all resamples agree. n are the models.
    """
    prompts, models = people.shape
    if models < LEAST_UNITS:
        return None
    value = float(correlation(_means(people, np.ones((1, prompts))), _means(metric, np.ones((1, prompts))))[0])
    if math.isnan(value):
        return None
    if prompts < LEAST_UNITS:
        return MetricResult(value, None, models)
    random, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLES // AT_ONCE):
        weights = random.multinomial(prompts, np.full(prompts, 1 / prompts), AT_ONCE).astype(float)
        drawn.append(correlation(_means(people, weights), _means(metric, weights)))
    resampled = np.concatenate(drawn)
    if np.nanmax(resampled) - np.nanmin(resampled) <= ALIKE:
        return MetricResult(value, None, models)
    low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return MetricResult(value, Interval(min(value, float(low)), max(value, float(high)), BOOTSTRAP, LEVEL), models)


def kendall_over_prompts(people: np.ndarray, metric: np.ndarray) -> MetricResult | None:
    """How a metric ranks prompts as people do: tau-b of the differences of two models on P prompts, (P,) each.

    None where people tie all prompts. The interval leaves prompts out one by one.
    """
    of_people, of_metric = sides(_gaps(people)), np.sign(_gaps(metric))  # (P, P)
    rows = [(a * b).sum(axis=1) for a, b in ((of_people, of_metric), (of_people,) * 2, (of_metric,) * 2)]
    together, *spreads = (row.sum() - 2 * row for row in rows)  # without each prompt
    without = together / np.sqrt(np.maximum(spreads[0] * spreads[1], 1.0))
    return _over_prompts(float(kendall_tau_b(people, metric)), without, spreads[0])


def spearman_over_prompts(people: np.ndarray, metric: np.ndarray) -> MetricResult | None:
    """Spearman's rank correlation, otherwise as `kendall_over_prompts`."""
    kept = 1 - np.eye(len(people))
    # A mean rank, less the middle one, is half the sum of a row of signs; one prompt less is one sign less.
    ranks = [
        (signs.sum(axis=1)[:, None] - signs) * kept for signs in (sides(_gaps(people)), np.sign(_gaps(metric)))
    ]  # (P, P), without the prompt of each column
    together, *spreads = ((a * b).sum(axis=0) for a, b in (ranks, (ranks[0],) * 2, (ranks[1],) * 2))
    without = together / np.sqrt(np.maximum(spreads[0] * spreads[1], 1.0))
    return _over_prompts(float(spearman(people, metric)), without, spreads[0])


@dataclass(frozen=True)
class Apart:
    """Whether two metrics' agreements differ. difference: of the first less the second, in [-1, 1].

    interval: None below 3 prompts; where all prompts agree it is as wide as Agresti and Min's. p: two-sided, 1 where it
    cannot be known.
    prompts_needed: how many prompts as these would show it 8 times in 10, were it as it is; None where it is 0.
    """

    difference: float
    interval: Interval | None
    p: float
    prompts_needed: int | None


def apart(a: Share, b: Share) -> Apart:
    """Two shares of the same comparisons, paired by prompt."""
    from scipy.special import ndtri, stdtr

    difference, influence = a.value - b.value, a.influence - b.influence
    variance, prompts = _variance(influence), len(influence)
    if prompts < LEAST_UNITS:
        return Apart(difference, None, 1.0, None)
    alike = np.full(prompts, difference)
    if variance > NO_SPREAD * agresti_min(alike)[1]:
        interval, centre = t_around(difference, variance, prompts, OVER_PROMPTS_PAIRED, -1, 1), difference
    else:
        interval = agresti_min_interval(alike, OVER_PROMPTS_PAIRED)
        centre, variance = agresti_min(alike)
    p = 2 * float(stdtr(prompts - 1, -abs(centre) / math.sqrt(variance)))
    reach = float(ndtri((1 + LEVEL) / 2) + ndtri(POWER))
    needed = math.ceil(prompts * variance * (reach / centre) ** 2) if abs(difference) > ALIKE else None
    return Apart(difference, interval, p, needed)


def _variance(influence: np.ndarray) -> float:
    units = len(influence)
    return float(influence @ influence) * units / (units - 1) if units > 1 else math.nan


def _over_prompts(value: float, without: np.ndarray, spreads: np.ndarray) -> MetricResult | None:
    """A correlation with its interval; without: its values without each prompt, spreads: people's spread there."""
    if math.isnan(value):
        return None
    variance = jackknife_variance(without) if (spreads > 0).all() else 0.0
    interval = t_around(value, variance, len(without), LEAVING_OUT, -1, 1) if variance > 0 else None
    return MetricResult(value, interval, len(without))


def _agreeing(said: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far `asked` is on the side of `said`, and whether that counts, of every comparison; NaN is not known."""
    counted = (said != 0) & ~np.isnan(said) & ~np.isnan(asked)
    return np.where(counted, np.where(asked == 0, 0.5, said == asked), 0.0), counted.astype(float)


def _correlation(people: np.ndarray, metric: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Of two centred arrays along axes: 0 where the metric does not vary, NaN where people do not."""
    together = (people * metric).sum(axis=axes)
    spreads = [(each**2).sum(axis=axes) for each in (people, metric)]
    product = np.sqrt(spreads[0] * spreads[1])
    return np.where(spreads[0] > 0, together / np.where(product > 0, product, 1.0), np.nan)


def _gaps(scores: np.ndarray) -> np.ndarray:
    """Of every two scores along the last axis, (..., M) -> (..., M, M), the first less the second."""
    return scores[..., :, None] - scores[..., None, :]


def _ranks(scores: np.ndarray, tie: float) -> np.ndarray:
    """Mean ranks along the last axis, from 1; NaN for NaN. Scores that differ by no more than `tie` share theirs."""
    gap = _gaps(scores)
    ranks = (gap > tie).sum(axis=-1) + (np.abs(gap) <= tie).sum(axis=-1) / 2 + 0.5
    return np.where(np.isnan(scores), np.nan, ranks)


def _means(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means of models, (B, M), of scores (P, M) at B weights of prompts (B, P); NaN for a model without any."""
    there = ~np.isnan(scores)
    counts = weights @ there
    return np.where(counts > 0, weights @ np.where(there, scores, 0.0) / np.where(counts > 0, counts, 1.0), np.nan)
