"""Misspellings: near the right spelling, and never in what a sign says."""

import re
from difflib import SequenceMatcher
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from reference_model.world.rich.captions import tell
from reference_model.world.rich.misspelling import misspelt
from reference_model.world.rich.sampling import sample_scene
from reference_model.world.rich.scene import Item, Scene

TEXT = "A turquoise elephant beside a sign that says \"ELEPHANT\" or 'elephant'"


@given(st.integers(0, 2**53))
def test_one_to_three_words_are_wrong_and_all_are_near_the_right_ones(seed: int) -> None:
    wrong = misspelt(TEXT, Random(seed))
    pairs = list(zip(TEXT.split(), wrong.split(), strict=True))
    changed = [(right, said) for right, said in pairs if right != said]
    assert len(changed) <= 3
    for right, said in changed:
        assert right[0] == said[0]
        assert SequenceMatcher(None, right, said).ratio() > 0.7
    assert re.findall(r"[\"'].*?[\"']", wrong) == re.findall(r"[\"'].*?[\"']", TEXT)


def test_almost_every_text_gets_an_error() -> None:
    assert sum(misspelt(TEXT, Random(seed)) != TEXT for seed in range(100)) >= 95


def test_words_too_short_to_be_recognised_stay() -> None:
    assert misspelt("a red car on it", Random(0)) == "a red car on it"


def test_some_captions_are_misspelt_and_keep_their_mentions() -> None:
    scene = Scene((Item("elephant", "turquoise"),), "grass")
    told = [tell(scene, Random(seed)) for seed in range(600)]
    named = [t for t in told if "elephant" in t.text or "trunk" in t.text or "pachyderm" in t.text]
    assert 0 < len(told) - len(named) < 60
    for t in told:
        ((_, start, end),) = t.mentions
        assert 10 <= end - start <= len(t.text)


def test_the_word_of_a_sign_is_never_misspelt() -> None:
    for seed in range(3000):
        random = Random(seed)
        scene = sample_scene(random, "train")
        if scene.word:
            assert scene.word in tell(scene, random).text.upper()
