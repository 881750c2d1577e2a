"""Krippendorff's alpha against evalica's, and where it can be worked out by hand."""

import evalica
import numpy as np
import pandas as pd
import pytest

from human_eval_app.analysis.agreement import agreement, krippendorff_alpha
from human_eval_app.analysis.votes import main_votes
from tests.human_eval_app.analysis.made_up import answered, preferring, simulated
from tests.human_eval_app.designs import make_design


def _counts(ratings: pd.DataFrame) -> np.ndarray:
    """(units, values) from ratings by observer (rows) and unit (columns)."""
    return np.stack([(ratings == value).sum(axis=0).to_numpy() for value in range(3)], axis=1)


@pytest.mark.parametrize("metric", ["nominal", "ordinal"])
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_alpha_is_evalicas(metric: str, missing: float) -> None:
    random = np.random.default_rng(5)
    centre = random.integers(0, 3, 30)
    ratings = np.clip(centre + random.integers(-1, 2, (8, 30)) * (random.random((8, 30)) < 0.5), 0, 2).astype(float)
    ratings[random.random(ratings.shape) < missing] = np.nan
    frame = pd.DataFrame(ratings)
    ours = krippendorff_alpha(_counts(frame), metric)  # type: ignore[arg-type]
    assert ours == pytest.approx(evalica.alpha(frame, metric).alpha, rel=1e-9)  # type: ignore[arg-type]


def test_two_raters_and_two_values_by_hand() -> None:
    """Krippendorff's formula for binary data of two raters: 1 - (N - 1) o01 / (n0 n1), N ratings."""
    counts = np.array([[2, 0]] * 5 + [[1, 1]] * 3 + [[0, 2]] * 2)
    n0, n1, disagreements = 13, 7, 3
    assert krippendorff_alpha(counts, "nominal") == pytest.approx(1 - 19 * disagreements / (n0 * n1))


def test_full_agreement_is_one_and_one_value_only_is_undefined() -> None:
    assert krippendorff_alpha(np.array([[4, 0, 0], [0, 0, 4]]), "ordinal") == 1
    assert krippendorff_alpha(np.array([[4, 0, 0], [4, 0, 0]]), "ordinal") is None


def test_a_unit_with_one_rating_says_nothing() -> None:
    counts = np.array([[3, 1, 0], [0, 2, 2]])
    more = np.vstack([counts, [[1, 0, 0]]])
    assert krippendorff_alpha(more, "ordinal") == krippendorff_alpha(counts, "ordinal")


def test_ordinal_alpha_forgives_neighbours() -> None:
    near, far = np.array([[4, 4, 0], [0, 4, 4]]), np.array([[4, 0, 4], [0, 8, 0]])
    ours = [krippendorff_alpha(counts, "ordinal") for counts in (near, far)]
    assert ours[0] is not None
    assert ours[1] is not None
    assert ours[0] > ours[1]


def test_prompts_of_different_pairs_are_different_units() -> None:
    """Every rater prefers the first model of the pair: agreement is undefined, whatever the pairs are."""
    design = make_design(models=("x", "y", "z"), raters=3)
    table = main_votes(answered(design, preferring(lambda row: "a")).table)
    assert all(each.nominal is None for each in agreement(table, by_category=True))
    apart = main_votes(answered(design, preferring(lambda row: "a" if "z" in row["right_model"] else "b")).table)
    assert all((each.nominal or 0) < 1 for each in agreement(apart, by_category=False))


def test_there_is_a_row_per_question_and_category() -> None:
    design = make_design(raters=3)
    rows = agreement(main_votes(simulated(design).table), by_category=True)
    assert [(each.question, each.scope) for each in rows] == [
        (question, scope) for question in ("fidelity", "alignment") for scope in ("overall", "Colors", "Counting")
    ]
    assert (rows[0].answers, rows[0].prompts) == (15, 5)
