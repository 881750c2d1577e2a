"""Captions with and without people, by the paper's words."""

import pytest

from drawbench.prompts.people import WORDS, has_people


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_the_list_counts_in_any_case(word: str) -> None:
    assert has_people(f"A {word} beside a tree.")
    assert has_people(word.upper())


@pytest.mark.parametrize("caption", ["A baseball player at bat", "the Tennis\n  player", "a soccer player, running"])
def test_players_of_a_sport_are_people(caption: str) -> None:
    assert has_people(caption)


@pytest.mark.parametrize(
    "caption", ["A mango on a boyish table", "a record player", "womanly vases", "a dog with a frisbee", ""]
)
def test_other_captions_have_no_people(caption: str) -> None:
    assert not has_people(caption)
