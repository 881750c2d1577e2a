"""The embedded set `open`: its counts, its variety, and its distance from DrawBench."""

import difflib
import re
from itertools import combinations, pairwise
from pathlib import Path

from drawbench.prompts.drawbench_set import load_drawbench, published_rows
from drawbench.prompts.registry import load_open

COLOURS = {"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white"}
ATTRIBUTES = COLOURS | {"one", "two", "three", "four", "five"}
FILLERS = ATTRIBUTES | {"a", "an", "the", "of", "on", "in", "at", "to", "and", "with", "is", "are", "colored"}


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _attributed(text: str) -> set[tuple[str, str]]:
    """(attribute, thing) for each colour or small number and the word it stands before, "coloured" left out."""
    words = [word for word in _words(text) if word not in {"s", "colored", "coloured"}]
    return {(a, thing.removesuffix("s")) for a, thing in pairwise(words) if a in ATTRIBUTES and thing not in FILLERS}


def _likeness(a: str, b: str) -> float:
    matcher = difflib.SequenceMatcher(None, a.lower(), b.lower(), autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() > 0.7 and matcher.quick_ratio() > 0.7 else 0.0


def test_categories_counts_and_order_are_drawbenchs() -> None:
    published = [row.category for row in published_rows()]
    assert [prompt.category for prompt in load_open().prompts] == published


def test_every_prompt_is_clean_short_and_its_own() -> None:
    prompts = load_open().prompts
    assert len({prompt.text.casefold() for prompt in prompts}) == len(prompts)
    for prompt in prompts:
        assert prompt.text == " ".join(prompt.text.split()), prompt.id
        assert len(prompt.text.encode()) <= 300, prompt.id
        assert prompt.text[0].isupper(), prompt.id
        assert prompt.text[-1] in ".'", prompt.id


def test_only_swapped_colour_pairs_resemble_each_other() -> None:
    prompts = load_open().prompts
    alike = {(a.id, b.id) for a, b in combinations(prompts, 2) if _likeness(a.text, b.text) > 0.75}
    same_words = {(a.id, b.id) for a, b in combinations(prompts, 2) if sorted(_words(a.text)) == sorted(_words(b.text))}
    assert alike <= same_words


def test_none_is_near_a_drawbench_prompt(published_file: Path) -> None:
    published = load_drawbench(published_file).prompts
    for prompt in load_open().prompts:
        content = set(_words(prompt.text)) - FILLERS
        for other in published:
            pair = f"{prompt.id} is near {other.id}"
            theirs = set(_words(other.text)) - FILLERS
            assert _likeness(prompt.text, other.text) <= 0.75, pair
            assert len(content & theirs) <= 0.4 * len(content | theirs), pair
            assert not _attributed(prompt.text) & _attributed(other.text), pair


def test_the_page_about_prompts_quotes_prompts_that_exist() -> None:
    page = (Path(__file__).parents[3] / "docs" / "prompts.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.split("|")[1:2] and "does the model" not in line]
    by_category = {prompt.category: set[str]() for prompt in load_open().prompts}
    for prompt in load_open().prompts:
        by_category[prompt.category].add(prompt.text)
    quoted = {row.split("|")[1].strip(): re.findall(r'"([^"]+)"', row) for row in rows}
    for category, texts in by_category.items():
        assert quoted[category], category
        assert set(quoted[category]) <= texts
        assert f"| {category} | {len(texts)} |" in page
