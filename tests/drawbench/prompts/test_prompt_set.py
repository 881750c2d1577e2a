"""Prompt sets: ids, hash, order, limits, and what is refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import Prompt, PromptRow, PromptSet, build_prompt_set, category_slug, repeats


def _build(*rows: tuple[str, str]) -> PromptSet:
    numbered = [PromptRow(category, text, f"row {n}") for n, (category, text) in enumerate(rows, start=1)]
    return build_prompt_set("mine", numbered, "mine.csv")


def _with_ids(*ids: str | None) -> PromptSet:
    return build_prompt_set(
        "mine", [PromptRow("", "a", f"row {n}", id_) for n, id_ in enumerate(ids, start=1)], "mine.csv"
    )


def test_ids_count_within_each_category() -> None:
    prompt_set = _build(("Gary Marcus et al.", "a"), ("DALL-E", "b"), ("Gary Marcus et al.", "c"))
    assert [prompt.id for prompt in prompt_set.prompts] == [
        "gary-marcus-et-al-001",
        "dall-e-001",
        "gary-marcus-et-al-002",
    ]


def test_ids_count_rows_without_categories() -> None:
    assert [prompt.id for prompt in _build(("", "a"), ("", "b")).prompts] == ["prompt-00001", "prompt-00002"]


def test_the_hash_is_over_category_tab_text_line() -> None:
    expected = hashlib.sha256("Colors\tA réd dog.\nText\tHi\n".encode()).hexdigest()
    assert _build(("Colors", "A réd dog."), ("Text", "Hi")).sha256 == expected


def test_trailing_blanks_of_a_category_are_no_part_of_it() -> None:
    assert _build(("Colors  ", "a"), ("Colors", "b")) == _build(("Colors", "a"), ("Colors ", "b"))


def test_the_text_is_taken_as_it_is() -> None:
    assert _build(("", " A  dog ")).prompts[0].text == " A  dog "


def test_counts_and_categories_follow_first_appearance() -> None:
    prompt_set = _build(("Text", "a"), ("Colors", "b"), ("Text", "c"))
    assert prompt_set.categories == ("Text", "Colors")
    assert prompt_set.counts() == {"Text": 2, "Colors": 1}


def test_limited_takes_the_first_of_each_category_in_order() -> None:
    prompt_set = _build(("A", "a1"), ("B", "b1"), ("A", "a2"), ("B", "b2"), ("A", "a3"))
    limited = prompt_set.limited(2)
    assert [prompt.id for prompt in limited.prompts] == ["a-001", "b-001", "a-002", "b-002"]
    assert limited.name == prompt_set.name
    assert limited.sha256 != prompt_set.sha256
    assert prompt_set.limited(9) == prompt_set


@pytest.mark.parametrize("n", [0, -1])
def test_a_limit_below_one_is_refused(n: int) -> None:
    with pytest.raises(UserError, match="at least 1"):
        _build(("", "a")).limited(n)


def test_eight_samples_with_categories_and_one_without() -> None:
    assert _build(("A", "a")).default_samples == 8
    assert _build(("", "a")).default_samples == 1


def test_given_ids_are_kept() -> None:
    assert [prompt.id for prompt in _with_ids("17", "x_2.b").prompts] == ["17", "x_2.b"]


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (("a", "b", "a"), ["row 3", "row 1", "'a'"]),
        (("dog", "Dog"), ["row 2", "row 1"]),  # one file on a file system that ignores case
        (("a", None), ["row 2", "no id"]),
        (("../a",), ["row 1", "'../a'"]),
        (("a/b",), ["row 1"]),
        (("a b",), ["row 1"]),
        ((".hidden",), ["row 1"]),
        (("x" * 121,), ["row 1", "120 bytes"]),
    ],
)
def test_ids_that_cannot_name_files_are_refused(ids: tuple[str | None, ...], words: list[str]) -> None:
    with pytest.raises(UserError) as refusal:
        _with_ids(*ids)
    assert all(word in str(refusal.value) for word in [*words, "mine.csv"])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ["no prompts"]),
        ([("A", "a"), ("A", "  ")], ["row 2", "empty prompt"]),
        ([("A", "a"), ("", "b")], ["row 2", "no category"]),
        ([("Rare Words", "a"), ("rare-words", "b")], ["'Rare Words'", "'rare-words'", "row 2"]),
        ([("???", "a")], ["row 1", "'???'"]),
        ([("A", "one\ntwo")], ["row 1", "U+000A"]),
        ([("A\tB", "a")], ["row 1", "category", "U+0009"]),
        ([("A", "\ud800")], ["row 1", "U+D800"]),
        ([("x" * 200, "a")], ["row 1", "120 bytes"]),
    ],
)
def test_unusable_rows_are_refused_naming_row_and_file(rows: list[tuple[str, str]], words: list[str]) -> None:
    with pytest.raises(UserError) as refusal:
        _build(*rows)
    assert all(word in str(refusal.value) for word in [*words, "mine.csv"])


@given(st.text())
def test_a_slug_is_a_plain_folder_name(category: str) -> None:
    slug = category_slug(category)
    assert not {"/", "\\", ".", " ", "_"} & set(slug)
    assert category_slug(slug) == slug


def test_prompts_with_one_text_are_told() -> None:
    def said(*texts: str) -> str:
        return repeats(Prompt(f"p-{number}", "", text) for number, text in enumerate(texts))

    assert said("a cat", "a dog") == ""
    assert said("a cat", "a dog", "A cat ").startswith("1 prompt repeats the text of another (first: p-2 that of p-0)")
    assert said("a", "a", "a", "b", "b").startswith("3 prompts repeat the text of another (first: p-1 that of p-0)")
