"""Exact sign tests over prompts, and Holm's correction for many tests."""

from collections.abc import Sequence

import numpy as np

from human_eval_app.analysis.records import SignTest
from metrics.statistics import equivalence


def sign_test(net_of_prompts: np.ndarray) -> SignTest:
    """Whether prompts go one way more often than the other. net_of_prompts: (prompts,), a's votes minus b's.

    Prompts as often one way as the other say nothing and are left out of p.
    """
    from scipy.special import bdtr

    a, b = int((net_of_prompts > 0).sum()), int((net_of_prompts < 0).sum())
    p = min(1.0, 2 * float(bdtr(min(a, b), a + b, 0.5)))
    return SignTest(a=a, b=b, ties=len(net_of_prompts) - a - b, p=p)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's (1979) corrected p-values, in the order given; what could not be tested (None) does not count."""
    corrected = iter(equivalence.holm([p for p in p_values if p is not None]))
    return [None if p is None else next(corrected) for p in p_values]
