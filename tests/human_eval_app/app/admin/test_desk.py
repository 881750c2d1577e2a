"""What admins share: figures are taken again, and never so often that raters would feel it."""

import pytest

from human_eval_app.app.admin.desk import LEAST_SECONDS, Kept


class Costly:
    """A value that takes `cost` seconds of a clock of its own, and counts how often it was taken."""

    def __init__(self, cost: float) -> None:
        self.cost, self.now, self.taken = cost, 0.0, 0

    def clock(self) -> float:
        return self.now

    def take(self) -> int:
        self.now += self.cost
        self.taken += 1
        return self.taken


@pytest.mark.parametrize(("cost", "pause"), [(0.01, LEAST_SECONDS), (2.0, 40.0)])
def test_a_value_is_kept_for_longer_the_more_it_costs(cost: float, pause: float) -> None:
    source = Costly(cost)
    kept = Kept(source.take, share=0.05, clock=source.clock)
    assert kept.value().value == 1
    source.now += pause - 0.001
    assert kept.value().value == 1
    source.now += 0.002
    assert kept.value().value == 2


def test_many_who_look_take_no_more_than_the_share() -> None:
    source = Costly(1.0)
    kept = Kept(source.take, share=0.05, clock=source.clock)
    while source.now < 1000:
        kept.value()
        source.now += 0.25
    assert source.taken * source.cost <= 0.05 * 1000 + 1


def test_after_a_failure_the_value_is_taken_anew() -> None:
    failures = [ValueError("busy")]

    def take() -> int:
        if failures:
            raise failures.pop()
        return 7

    kept = Kept(take, share=0.05)
    with pytest.raises(ValueError, match="busy"):
        kept.value()
    assert kept.value().value == 7
