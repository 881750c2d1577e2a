"""The text that prompts ask for, and how much of it is in what was read."""

import unicodedata
from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics.text_rendering import MARKS, asked_texts, least_edits, rendering, words_of

WORDS = st.lists(st.text("abc", min_size=1, max_size=4), max_size=5)
LATIN = st.text("ABCxyzäéß019 .,!-", min_size=1, max_size=12).filter(words_of)


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ('A sign that says "Hello World".', ["Hello World"]),
        ("A sign that says 'Don't Stop'.", ["Don't Stop"]),
        ("“Hello” above ‘It’s me’", ["Hello", "It’s me"]),
        ("„Guten Tag“, «Bonjour» and ‹Ciao›", ["Guten Tag", "Bonjour", "Ciao"]),
        ('“Hello" in straight and curly marks', ["Hello"]),
        ("a ticket from 'Here' to 'There'", ["Here", "There"]),
        ('" Hello "', []),  # the whole prompt in marks
        ("\"A sign that says 'OPEN'\"", ["OPEN"]),
        ("'OPEN' and 'NOW'", ["OPEN", "NOW"]),
        ("a note: \"She said 'hi'\" on a wall", ["She said 'hi'"]),
        ('a mug with ""Hello"" on it', ['"Hello']),  # marks doubled by a table
        ("the dogs' bowl beside the cats' bowl", []),
        ("a kid's drawing, it's of the '90s", []),
        ("'tis a sign with 'Merry' on it", ["Merry"]),
        ("a '90s diner called 'Bob's'", ["Bob's"]),
        ("a rock 'n' roll band", []),
        ("Hawai‘i, with 'Aloha' on a shirt", ["Aloha"]),
        ('a 5" by 7" photo', []),
        ('a 5\'10" man whose shirt says "GO"', ["GO"]),
        ('写着"Hello"的牌子', ["Hello"]),
        ("a sign 「Hi」 beside 「こんにちは」", ["Hi"]),
        ("a ＂Ｈｉ＂ in full width", ["Ｈｉ"]),
        ("a sign '你好', 'Привет', '٤٢' or 'naïve'", ["naïve"]),
        ("a '?' and a '❤'", []),
        ('an "unclosed sign', []),
        ("an '' and a ' ' and a \"\"", []),
        ("a sign", []),
        ("", []),
    ],
)
def test_what_a_prompt_asks_for_stands_in_quotation_marks(prompt: str, asked: list[str]) -> None:
    assert list(asked_texts(prompt)) == asked


@given(st.lists(st.tuples(st.sampled_from(sorted(MARKS)), LATIN), min_size=1, max_size=4))
def test_a_text_in_marks_is_asked_for_whichever_marks_they_are(quoted: list[tuple[str, str]]) -> None:
    texts = [text.strip() for _, text in quoted]
    prompt = " and ".join(f"{mark}{text.strip()}{MARKS[mark][0]}" for mark, text in quoted)
    assert list(asked_texts(f"a sign: {prompt}, large")) == texts


@given(st.text())
@example("'" * 50)
@example('"“' * 20)
def test_any_prompt_has_an_answer_of_texts_that_stand_in_it(prompt: str) -> None:
    for text in asked_texts(prompt):
        assert text in prompt.replace("＂", '"').replace("＇", "'")
        assert words_of(text)


@given(st.text(st.characters(exclude_characters="".join(MARKS) + "＂＇")))
def test_without_marks_nothing_is_asked_for(prompt: str) -> None:
    assert asked_texts(prompt) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Café “O'Neil”, 50%!", ["cafe", "oneil", "50"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("well-known\nx² ½ Ⅷ", ["well", "known", "x2", "1", "2", "viii"]),
        ("ＨＥＬＬＯ İstanbul", ["hello", "istanbul"]),
        ("don’t don't dont", ["dont"] * 3),
        (" \t", []),
    ],
)
def test_words_are_compared_without_case_accents_and_punctuation(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_do_not_depend_on_case_or_on_how_unicode_writes_an_accent(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    for form in ("NFC", "NFD"):
        assert words_of(unicodedata.normalize(form, text)) == words


def levenshtein(a: str, b: str) -> int:
    """By the recursion that defines it."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (left != right))
    return row[-1]


@given(st.text("abc", max_size=8), WORDS)
def test_the_least_edits_are_those_to_the_nearest_run_of_words(text: str, words: list[str]) -> None:
    runs = ["".join(words[i:j]) for i, j in combinations(range(len(words) + 1), 2)]
    assert least_edits(text, words) == min([len(text), *(levenshtein(text, run) for run in runs)])


@pytest.mark.parametrize(
    ("asked", "lines", "exact", "error_rate", "found"),
    [
        (["Hello World"], ["HELLO", "world!"], 1, 0, 1),
        (["Hello World"], ["shop", "HELLOWORLD", "open"], 1, 0, 1),  # an engine that loses spaces
        (["Hello World"], ["Hel lo World"], 1, 0, 1),  # and one that finds too many
        (["Hello World"], ["Hello Wor1d"], 0, 1 / 10, 1 / 2),
        (["Hello World"], ["World", "Hello"], 0, 5 / 10, 1),  # the other way round
        (["cat"], ["concatenate"], 0, 1, 0),
        (["no no"], ["no"], 0, 2 / 4, 1 / 2),
        (["abc"], [], 0, 1, 0),
        (["abc"], ["?!", "..."], 0, 1, 0),
        (["ab", "cdef"], ["ab cdxf"], 0, 1 / 6, 1 / 2),
        (["42"], ["8", "0"], 0, 1, 0),
    ],
)
def test_numbers_of_a_reading_by_hand(
    asked: list[str], lines: list[str], exact: float, error_rate: float, found: float
) -> None:
    assert rendering(asked, lines) == pytest.approx((exact, error_rate, found))


@given(st.lists(LATIN, min_size=1, max_size=3), st.lists(st.text(max_size=10), max_size=4))
def test_numbers_are_shares_and_exact_is_no_error_and_all_words(asked: list[str], lines: list[str]) -> None:
    found = rendering(asked, lines)
    assert 0 <= found.error_rate <= 1
    assert 0 <= found.found <= 1
    assert (found.exact == 1) == (found.error_rate == 0)
    if found.exact:
        assert found.found == 1
    around = rendering(asked, ["xx", *asked, "xx"])
    assert around == (1, 0, 1), "what was asked for, read as it is, whatever stands around it"
