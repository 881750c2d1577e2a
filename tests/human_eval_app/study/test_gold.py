"""Trials of known answers: different from each other, of the right images, from prompts that do least harm."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import Prompt
from human_eval_app.study.design import ORIGINAL, StudyType
from human_eval_app.study.gold import known_trials, preferred
from human_eval_app.study.images import Alteration

POOL = [Prompt(f"{category}-{n}", category, f"{category} {n}") for category in ("colours", "counts") for n in range(3)]


def key(label: str, prompt_id: str, alteration: Alteration) -> str:
    """A key from which a test reads what a side shows."""
    return f"{label}|{prompt_id}|{alteration}"


@given(st.integers(0, 24), st.integers(0, 99))
def test_trials_differ_and_their_better_side_is_the_prompts_own(number: int, seed: int) -> None:
    found = known_trials("drawbench", ("one", "two"), POOL, POOL, number, key, Random(seed))
    assert len(found) == number
    assert len({(known.better, known.questions) for known in found}) == number
    for known in found:
        assert known.worse is not None
        label, prompt_id, altered = known.better.split("|")
        other_label, other_id, other_altered = known.worse.split("|")
        assert (prompt_id, altered) == (known.prompt_id, "")
        assert other_label == label, "both sides are one model's"
        if known.questions == ("fidelity",):
            assert (other_id, other_altered) == (prompt_id, "mosaic and noise")
        else:
            assert known.questions == ("alignment",)
            assert other_altered == "of another prompt"
            assert other_id.split("-")[0] != prompt_id.split("-")[0], "of another category"
        assert known.touches == {prompt_id, other_id}


def test_models_and_questions_come_in_turn() -> None:
    found = known_trials("drawbench", ("one", "two"), POOL, POOL, 4, key, Random(0))
    assert [known.better.split("|")[0] for known in found] == ["one", "two", "one", "two"]
    assert [known.questions[0] for known in found[:2]] == ["fidelity", "alignment"]
    assert sorted(known.questions[0] for known in found) == ["alignment", "alignment", "fidelity", "fidelity"]
    assert len({known.prompt_id for known in found}) == 4


def test_photographs_are_what_coco_controls_are_made_of() -> None:
    real = known_trials("coco-photorealism", ("one", ORIGINAL), POOL, POOL, 3, key, Random(0))
    assert all(known.questions == ("photorealism",) and known.answer is None for known in real)
    assert all(side.startswith(ORIGINAL) for known in real for side in (known.better, known.worse or ""))
    captions = known_trials("coco-alignment", ("one",), POOL, POOL, 6, key, Random(0))
    assert sorted(known.answer or "" for known in captions) == ["no", "no", "no", "yes", "yes", "yes"]
    for known in captions:
        label, shown_id, altered = known.better.split("|")
        assert (label, known.worse) == (ORIGINAL, None)
        assert (shown_id == known.prompt_id) == (known.answer == "yes") == (altered == "")


@pytest.mark.parametrize(
    ("study_type", "pool", "number"),
    [("drawbench", POOL, 25), ("coco-photorealism", POOL, 7), ("coco-alignment", POOL[:1], 3), ("drawbench", [], 1)],
)
def test_too_many_for_the_prompts_are_refused(study_type: StudyType, pool: list[Prompt], number: int) -> None:
    with pytest.raises(UserError, match="ask for fewer, or give them with --gold-file"):
        known_trials(study_type, ("one", "two"), pool, POOL, number, key, Random(0))


def test_prompts_of_one_text_are_no_other_prompt() -> None:
    alike = [Prompt("a", "", "a boat"), Prompt("b", "", "a boat")]
    with pytest.raises(UserError, match="no other prompt than"):
        known_trials("coco-alignment", ("one",), alike, alike, 4, key, Random(0))


def test_another_prompts_images_show_something_else() -> None:
    """Of prompts of one category, the one that shares no word is taken."""
    boat = Prompt("a", "", "A red boat beside a bridge")
    strangers = [
        boat,
        Prompt("b", "", "the BOAT and the bridge"),
        Prompt("c", "", "two clocks"),
        Prompt("d", "", "red bridge"),
    ]
    for seed in range(5):
        known = known_trials("coco-alignment", ("one",), [boat], strangers, 2, key, Random(seed))
        assert [each.better.split("|")[1] for each in known] == ["a", "c"]


def test_earlier_groups_are_preferred_and_avoided_prompts_come_last() -> None:
    spare, others = POOL[:3], POOL[3:]
    ids = {prompt.id for prompt in spare}
    assert {prompt.id for prompt in preferred([spare, others], frozenset(), 3, Random(0))} == ids
    mixed = preferred([spare, others], frozenset(), 4, Random(0))
    assert {prompt.id for prompt in mixed[:3]} == ids
    assert len(mixed) == 6
    avoided = preferred([spare, others], frozenset(["colours-0"]), 3, Random(0))
    assert "colours-0" not in {prompt.id for prompt in avoided}
    assert len(avoided) == 5, "with the others there are enough"
    assert {prompt.id for prompt in avoided[:2]} == {"colours-1", "colours-2"}
    assert preferred([spare, others], frozenset(["counts-1"]), 6, Random(0))[-1].id == "counts-1"
