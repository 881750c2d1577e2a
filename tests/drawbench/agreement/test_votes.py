"""Votes between two models: what is counted, and intervals on simulated raters."""

import numpy as np
import pytest

from drawbench.agreement.judgements import Judgements, judgements_of_votes
from drawbench.agreement.measure import measure_agreement
from drawbench.errors import UserError
from metrics.agreement import Share, agreement, kendall_over_prompts, spearman_over_prompts
from metrics.statistics.result import MetricResult

NOBODY = np.nan


def judged(by_rater: np.ndarray, **scores: np.ndarray) -> Judgements:
    """One comparison of models A and B on each prompt. scores: metric -> how far it puts A ahead, (P,)."""
    prompts = np.arange(len(by_rater))
    places = (prompts, np.zeros_like(prompts), np.ones_like(prompts))
    laid = {metric: np.stack([ahead, np.zeros(len(ahead))], axis=1) for metric, ahead in scores.items()}
    names = [f"p-{prompt}" for prompt in prompts]
    return judgements_of_votes("votes", "alignment", names, [""] * len(names), ("A", "B"), places, by_rater, laid)


def crowd(random: np.random.Generator, prompts: int, raters: int, skill: float) -> Judgements:
    """Raters of a study as `study simulate` has them, and a metric that knows a part of what a prompt makes of A."""
    effect = random.normal(size=prompts)
    hidden = 0.1 + 0.6 * effect[:, None] + 0.3 * random.normal(size=raters) + random.normal(size=(prompts, raters))
    votes = np.where(np.abs(hidden) < 0.4, 0.0, np.sign(hidden))
    votes[random.random(votes.shape) < 0.05] = NOBODY
    votes[np.isnan(votes).all(axis=1), 0] = 0
    return judged(votes, metric=skill * effect + np.sqrt(1 - skill**2) * random.normal(size=prompts))


def test_votes_are_counted_as_by_hand() -> None:
    votes = np.array([[1, 0, -1, 1], [1, 1, NOBODY, NOBODY], [0, NOBODY, NOBODY, NOBODY], [-1, 1, NOBODY, NOBODY]])
    found = judged(votes, metric=np.array([1.0, -1.0, 1.0, 1.0]))
    assert found.people.tolist() == [0.25, 1, 0, 0]
    assert found.ratings.tolist() == [[0.25, -0.25], [1, -1], [0, 0], [0, 0]]
    assert found.others[0].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 0])
    assert np.isnan(found.others[2]).all()
    assert found.votes == 9
    made = measure_agreement(found)
    assert (made.pairs, made.decided, made.question) == (4, 2, "alignment")
    number = made.number("metric")
    assert number is not None
    assert (number.value, number.n) == (0.5, 2)


def test_of_three_models_a_prompts_images_are_ranked_and_the_models() -> None:
    """Every pair of models is voted on; a model's rating is what it won less what it lost, per comparison."""
    random = np.random.default_rng(0)
    quality = random.normal(size=(30, 3)) + np.array([0, 0.5, 1.5])
    pairs = [(0, 1), (0, 2), (1, 2)]
    prompt = np.repeat(np.arange(30), 3)
    first, second = (np.tile([pair[side] for pair in pairs], 30) for side in (0, 1))
    votes = np.sign(quality[prompt, first] - quality[prompt, second])[:, None].repeat(3, axis=1)
    names = [f"p-{n}" for n in range(30)]
    found = judgements_of_votes(
        "votes", "fidelity", names, [""] * 30, "ABC", (prompt, first, second), votes, {"knows": quality}
    )
    made = measure_agreement(found)
    for statistic in ("agreement", "kendall_tau_b", "spearman", "models_kendall_tau_b"):
        number = made.number("knows", statistic)  # type: ignore[arg-type]
        assert number is not None
        assert number.value == pytest.approx(1)
    assert made.number("knows", "prompts_spearman") is None


def test_one_prompt_and_raters_who_never_decide_are_refused() -> None:
    with pytest.raises(UserError, match="one prompt only"):
        judged(np.ones((1, 3)), metric=np.ones(1))
    with pytest.raises(UserError, match="people tie every pair"):
        measure_agreement(judged(np.zeros((4, 3)), metric=np.arange(4.0)))


def _share(found: Judgements) -> Share:
    share = agreement(found.people, found.differences("metric"), found.prompt)
    assert share is not None
    return share


def _over_prompts(found: Judgements) -> list[MetricResult]:
    made = [over(found.people, found.differences("metric")) for over in (kendall_over_prompts, spearman_over_prompts)]
    return [each for each in made if each is not None]


def _coverage(prompts: int, skill: float, trials: int) -> tuple[list[float], float]:
    """How often the intervals of agreement, tau-b and rho hold the truth, and how often chance is called beaten."""
    large = [crowd(np.random.default_rng(seed), 2000, 25, skill) for seed in range(10)]
    truths = np.mean([[_share(each).value, *(found.value for found in _over_prompts(each))] for each in large], axis=0)
    random, held, better = np.random.default_rng(11), [], []
    for _ in range(trials):
        found = crowd(random, prompts, 25, skill)
        share = _share(found)
        intervals = [share.result().interval, *(each.interval for each in _over_prompts(found))]
        held.append(
            [each is not None and each.low <= truth <= each.high for each, truth in zip(intervals, truths, strict=True)]
        )
        better.append(share.value > 0.5 and share.p_chance() < 0.05)
    return [float(each) for each in np.mean(held, axis=0)], float(np.mean(better))


@pytest.mark.parametrize("skill", [0.0, 0.6])
def test_intervals_hold_the_truth_and_noise_is_seldom_better_than_chance(skill: float) -> None:
    held, better = _coverage(60, skill, 600)
    assert all(0.92 <= each <= 0.98 for each in held)
    assert skill or better <= 0.05


@pytest.mark.proof
@pytest.mark.parametrize("prompts", [40, 200])
@pytest.mark.parametrize("skill", [0.0, 0.3, 0.6])
def test_intervals_hold_the_truth_in_93_to_97_of_100(prompts: int, skill: float) -> None:
    held, better = _coverage(prompts, skill, 3000 if prompts < 100 else 1500)
    assert all(0.93 <= each <= 0.97 for each in held)
    assert skill or better <= 0.05
