"""The sign test against scipy's, and which tests Holm's correction counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from human_eval_app.analysis.significance import holm, sign_test


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40))
def test_the_sign_test_is_the_exact_binomial_one(net: list[int]) -> None:
    ours = sign_test(np.array(net))
    assert (ours.a, ours.b, ours.ties) == (sum(n > 0 for n in net), sum(n < 0 for n in net), net.count(0))
    decided = ours.a + ours.b
    assert ours.p == pytest.approx(binomtest(ours.a, decided).pvalue if decided else 1.0)


def test_what_could_not_be_tested_does_not_count_in_the_family() -> None:
    assert holm([0.01, None, 0.02]) == [0.02, None, 0.02]
    assert holm([]) == []
