"""Assignments: balanced, complete, apart from what they repeat, and the same from the same seed on every machine."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawbench.errors import UserError
from human_eval_app.study.assign import Known, PanelPlan, balanced_sides, build_panel
from human_eval_app.study.design import Panel, Seat, Trial

# In a process of its own, and without what a test needs, so that it starts quickly.
PROGRAM = """
from hashlib import sha256
from human_eval_app.study.assign import Known, PanelPlan, build_panel
ids = tuple(f"p{n}" for n in range(9))
gold = tuple(Known(f"g{n}", "good", "bad", ("fidelity",), frozenset(["g0", "x", "p1", f"g{n}"])) for n in range(3))
sides = tuple((f"first/{prompt}", f"second/{prompt}") for prompt in ids)
plan = PanelPlan("colors", "Colors", ("first", "second"), ids, sides, gold, 2, 5, True)
print(sha256(build_panel(plan, 0).model_dump_json().encode()).hexdigest())
"""


def make_plan(
    *,
    prompts: int = 6,
    seats: int = 4,
    gold: int = 0,
    mirrored: int = 0,
    paired: bool = True,
    own_gold: bool = False,
    spare_left: bool = True,
) -> PanelPlan:
    """A panel of prompts p0, p1, ...; its gold trials are of its own prompts or of others."""
    models = ("first", "second") if paired else ("first",)
    ids = tuple(f"p{number}" for number in range(prompts))
    golden = [ids[number % prompts] if own_gold else f"g{number}" for number in range(gold)]
    known = [
        Known(prompt, f"good/{number}", f"bad/{number}", ("fidelity",), frozenset([prompt]))
        if paired
        else Known(prompt, f"good/{number}", None, ("caption",), frozenset([prompt]), "yes")
        for number, prompt in enumerate(golden)
    ]
    sides = tuple(tuple(f"{model}/{prompt}" for model in models) for prompt in ids)
    return PanelPlan("colors", "Colors", models, ids, sides, tuple(known), mirrored, seats, spare_left)


def digest(plan: PanelPlan, seed: int = 0) -> str:
    """A hash of the whole panel."""
    return sha256(build_panel(plan, seed).model_dump_json().encode()).hexdigest()


plans = st.integers(1, 14).flatmap(
    lambda prompts: st.builds(
        make_plan,
        prompts=st.just(prompts),
        seats=st.integers(1, 9),
        gold=st.integers(0, 5),
        mirrored=st.integers(0, prompts // 2),
        spare_left=st.booleans(),
    )
)


def shown(panel: Panel, seat: Seat, kind: str) -> list[Trial]:
    """A seat's trials of a kind, in the order of showing."""
    return [panel.trials[index] for index in seat.order if panel.trials[index].kind == kind]


def first_left(trials: list[Trial]) -> int:
    """How often the first model has the left side."""
    return sum(trial.left.startswith("first/") for trial in trials)


def within_one(left: int, of: int) -> bool:
    """Whether as many are left as right, to within one, and exactly where that can be."""
    return abs(2 * left - of) == of % 2


@given(plans, st.integers(0, 99))
def test_every_seat_shows_every_prompt_and_every_gold_trial_once(plan: PanelPlan, seed: int) -> None:
    panel = build_panel(plan, seed)
    assert len({seat.id for seat in panel.seats}) == plan.seats
    for seat in panel.seats:
        assert sorted(trial.prompt_id for trial in shown(panel, seat, "main")) == sorted(plan.prompts)
        assert sorted(trial.prompt_id for trial in shown(panel, seat, "gold")) == sorted(g.prompt_id for g in plan.gold)
        assert len(shown(panel, seat, "mirror")) == plan.mirrored
        assert len(set(seat.order)) == len(seat.order) == len(plan.prompts) + len(plan.gold) + plan.mirrored


@given(plans, st.integers(0, 99))
def test_sides_are_balanced_per_prompt_per_rater_and_overall(plan: PanelPlan, seed: int) -> None:
    panel = build_panel(plan, seed)
    main = [shown(panel, seat, "main") for seat in panel.seats]
    by_prompt: dict[str, list[Trial]] = {}
    for trials in main:
        assert within_one(first_left(trials), len(trials))
        for trial in trials:
            by_prompt.setdefault(trial.prompt_id, []).append(trial)
    for trials in by_prompt.values():
        assert within_one(first_left(trials), plan.seats)
    everything = [trial for trials in main for trial in trials]
    assert within_one(first_left(everything), len(everything))
    if len(everything) % 2 == 1:
        assert (2 * first_left(everything) > len(everything)) == plan.spare_left


@given(plans, st.integers(0, 99))
def test_right_answers_of_gold_trials_are_balanced(plan: PanelPlan, seed: int) -> None:
    panel = build_panel(plan, seed)
    by_prompt: dict[str, list[bool]] = {}
    for seat in panel.seats:
        lefts = [trial.expected == {"fidelity": "left"} for trial in shown(panel, seat, "gold")]
        assert within_one(sum(lefts), len(lefts))
        for trial in shown(panel, seat, "gold"):
            assert (trial.left.startswith("good/")) == (trial.expected == {"fidelity": "left"})
            by_prompt.setdefault(trial.prompt_id, []).append(trial.left.startswith("good/"))
    for lefts in by_prompt.values():
        assert within_one(sum(lefts), plan.seats)


@given(plans, st.integers(0, 99))
def test_mirrors_repeat_an_earlier_trial_of_the_seat_with_sides_exchanged(plan: PanelPlan, seed: int) -> None:
    panel = build_panel(plan, seed)
    for seat in panel.seats:
        repeated = []
        for place, index in enumerate(seat.order):
            trial = panel.trials[index]
            if trial.kind == "mirror":
                assert trial.mirror_of is not None
                original = panel.trials[trial.mirror_of]
                assert original.kind == "main"
                assert (original.prompt_id, original.left, original.right) == (trial.prompt_id, trial.right, trial.left)
                assert seat.order.index(trial.mirror_of) < place - 1
                repeated.append(trial.mirror_of)
        assert len(set(repeated)) == len(repeated)


@given(st.integers(12, 16), st.integers(1, 4), st.integers(0, 6), st.integers(1, 3), st.integers(0, 99))
def test_gold_trials_of_the_panels_own_prompts_are_never_beside_them(
    prompts: int, seats: int, mirrored: int, gold: int, seed: int
) -> None:
    panel = build_panel(make_plan(prompts=prompts, seats=seats, gold=gold, mirrored=mirrored, own_gold=True), seed)
    for seat in panel.seats:
        ids = [panel.trials[index].prompt_id for index in seat.order]
        assert all(one != other for one, other in pairwise(ids))


def test_gold_trials_of_one_prompt_are_apart_where_that_can_be() -> None:
    touches = frozenset(["elsewhere"])
    plan = make_plan(prompts=4, seats=20, gold=2)
    alike = tuple(replace(known, touches=touches) for known in plan.gold)
    for prompts, beside in ((4, 0), (1, 20)):
        panel = build_panel(replace(make_plan(prompts=prompts, seats=20, gold=2), gold=alike), seed=0)
        kinds = [[panel.trials[index].kind for index in seat.order] for seat in panel.seats]
        assert sum(("gold", "gold") in pairwise(each) for each in kinds) <= beside


def test_a_single_image_has_one_trial_per_prompt() -> None:
    panel = build_panel(make_plan(prompts=4, seats=3, gold=2, paired=False), seed=1)
    assert [trial.right for trial in panel.trials] == [None] * 6
    assert all(sorted(seat.order) == list(range(6)) for seat in panel.seats)
    assert {trial.expected["caption"] for trial in panel.trials if trial.kind == "gold"} == {"yes"}


@given(plans, st.integers(0, 99))
@settings(max_examples=20)
def test_the_seed_decides_all(plan: PanelPlan, seed: int) -> None:
    assert digest(plan, seed) == digest(plan, seed)


def test_another_seed_or_panel_is_another_order() -> None:
    plan = make_plan(prompts=12, seats=6)
    orders = [seat.order for seat in build_panel(plan, 0).seats]
    assert orders != [seat.order for seat in build_panel(plan, 1).seats]
    assert len(set(orders)) == 6


def test_pythons_hash_seed_decides_nothing() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2", "3")
    }
    assert len(found) == 1
    assert len(found.pop()) == 64


def test_every_place_in_the_order_is_as_likely() -> None:
    """Of 600 seats, each prompt is first in about 100; 5 standard deviations of a fair order are 46."""
    firsts: Counter[str] = Counter()
    panel = build_panel(make_plan(prompts=6, seats=600), seed=3)
    for seat in panel.seats:
        firsts[panel.trials[seat.order[0]].prompt_id] += 1
    assert all(abs(firsts[f"p{number}"] - 100) < 46 for number in range(6))


def test_prompts_are_mirrored_about_equally_often() -> None:
    panel = build_panel(make_plan(prompts=10, seats=25, mirrored=2), seed=0)
    times = Counter(trial.prompt_id for seat in panel.seats for trial in shown(panel, seat, "mirror"))
    assert sum(times.values()) == 50
    assert all(abs(times[f"p{number}"] - 5) <= 2 for number in range(10))


@given(st.integers(1, 12), st.integers(0, 12), st.booleans(), st.integers(0, 99))
def test_balanced_tables(rows: int, columns: int, spare: bool, seed: int) -> None:
    table = balanced_sides(rows, columns, spare, Random(seed))
    assert [len(row) for row in table] == [columns] * rows
    assert all(within_one(sum(row), columns) for row in table)
    assert all(within_one(sum(column), rows) for column in zip(*table, strict=True))
    assert within_one(sum(map(sum, table)), rows * columns)


def test_balanced_tables_are_mixed() -> None:
    """In a bare chequerboard any two prompts are always on the same side or always on opposite ones."""
    table = balanced_sides(100, 8, True, Random(0))
    for one in range(8):
        for other in range(one):
            alike = sum(row[one] == row[other] for row in table)
            assert 20 < alike < 70, "of 100; about 43 in a random balanced table"


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (make_plan(prompts=3, mirrored=2), "at most 1 can be mirrored"),
        (make_plan(prompts=1, mirrored=1), "at most 0 can be mirrored"),
        (make_plan(prompts=1, gold=1, own_gold=True), "too few prompts to keep control trials away"),
        (make_plan(prompts=1, gold=3, own_gold=True), "too few prompts to keep control trials away"),
    ],
)
def test_what_cannot_be_kept_apart_is_refused(plan: PanelPlan, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_panel(plan, seed=0)
