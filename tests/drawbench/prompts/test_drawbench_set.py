"""The published DrawBench: known hash, refusals that name a row, and the places it is looked for."""

import csv
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest

from drawbench.errors import UserError
from drawbench.prompts import drawbench_set
from drawbench.prompts.drawbench_set import (
    FILE_VARIABLE,
    HUB_DATASETS,
    SHA256,
    accept,
    cached_file,
    first_difference,
    load_drawbench,
    published_rows,
)
from drawbench.prompts.files import read_rows, to_csv
from drawbench.prompts.prompt_set import PromptRow, build_prompt_set

COUNTS = [25, 10, 19, 20, 20, 10, 10, 20, 7, 38, 21]
Row = tuple[str, str]
Layouts = dict[str, Callable[[list[Row]], dict[str, list[dict[str, str]]]]]
LAYOUTS: Layouts = {  # as the two hub datasets name their splits and columns
    HUB_DATASETS[0]: lambda rows: {"test": [{"prompts": text, "category": category} for category, text in rows]},
    HUB_DATASETS[1]: lambda rows: {"train": [{"Prompts": text, "Category": f"{category} "} for category, text in rows]},
}


@pytest.fixture
def small_set(monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """Six rows that stand for the published ones, so that the rules are tested without the real text."""
    rows = [
        ("Colors", "one"),
        ("Colors", "two"),
        ("Colors", "three"),
        ("Text", "four"),
        ("Text", "five"),
        ("Text", "6"),
    ]
    joined = "".join(f"{category}\t{text}\n" for category, text in rows)
    table = tuple(
        drawbench_set.PublishedRow(category, hashlib.sha256(f"{category}\t{text}\n".encode()).hexdigest())
        for category, text in rows
    )
    monkeypatch.setattr(drawbench_set, "SHA256", hashlib.sha256(joined.encode()).hexdigest())
    monkeypatch.setattr(drawbench_set, "published_rows", lambda: table)
    return rows


def _hub(monkeypatch: pytest.MonkeyPatch, answers: dict[str, dict[str, list[dict[str, str]]] | Exception]) -> list[str]:
    """Answer `datasets.load_dataset` from `answers`; returns the list of datasets asked for, filled as they are."""
    asked: list[str] = []

    def load_dataset(name: str) -> dict[str, list[dict[str, str]]]:
        asked.append(name)
        answer = answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return asked


def _write(path: Path, rows: list[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("category", "prompt"), *rows])
    return path


def _difference(rows: list[Row]) -> str | None:
    prompt_set = build_prompt_set("x", [PromptRow(c, t, f"row {n}") for n, (c, t) in enumerate(rows)], "x.csv")
    return first_difference(prompt_set.prompts)


def test_the_committed_row_table_has_the_published_shape() -> None:
    rows = published_rows()
    counts = [sum(row.category == name for row in rows) for name in dict.fromkeys(row.category for row in rows)]
    assert counts == COUNTS
    assert all(len(row.sha256) == 64 and int(row.sha256, 16) >= 0 for row in rows)


def test_the_real_file_has_the_known_hash(published_file: Path) -> None:
    prompt_set = load_drawbench(published_file)
    assert prompt_set.name == "drawbench"
    assert prompt_set.sha256 == SHA256 == "a2e054682be8d58a36c97efe760b29de3a274fcd0abeaf21cee015fe8106a605"
    assert list(prompt_set.counts().values()) == COUNTS
    assert max(len(prompt.text) for prompt in prompt_set.prompts) == 303
    assert prompt_set.prompts[89].id == "descriptions-016"
    assert first_difference(prompt_set.prompts) is None


@pytest.mark.parametrize("row", [1, 90, 200])
def test_one_changed_letter_of_the_real_file_is_refused_naming_the_row(published_file: Path, row: int) -> None:
    rows = read_rows(published_file)
    changed = rows[row - 1].text.swapcase()[:1] + rows[row - 1].text[1:]
    rows[row - 1] = PromptRow(rows[row - 1].category, changed, rows[row - 1].where)
    with pytest.raises(UserError) as refusal:
        accept(rows, "altered.csv")
    message = str(refusal.value)
    assert "altered.csv" in message
    assert f"row {row} should" in message
    assert repr(rows[row - 1].category) in message
    assert changed in message.replace("\\'", "'")


def test_the_real_file_without_one_row_names_it(published_file: Path) -> None:
    rows = read_rows(published_file)
    with pytest.raises(UserError, match=r"row 26 \(Conflicting\) is missing"):
        accept(rows[:25] + rows[26:], "short.csv")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: rows, None),
        (lambda rows: rows[:4], "it ends before row 5 (Text) of 6"),
        (lambda rows: rows[1:], "row 1 (Colors) is missing"),
        (lambda rows: [*rows, ("Text", "more")], "row 7 is one too many, 'more'"),
        (lambda rows: [rows[0], ("Colors", "more"), *rows[1:]], "row 2 is one too many, 'more'"),
        (
            lambda rows: [rows[0], rows[2], rows[1], *rows[3:]],
            "the rows are in another order: row 2 (Colors) holds published row 3",
        ),
        (
            lambda rows: [rows[0], rows[0], *rows[2:]],
            "a row is repeated or moved: row 2 (Colors) holds published row 1",
        ),
        (
            lambda rows: [*rows[:3], ("Colors", "four"), *rows[4:]],
            "row 4 should be in category 'Text' and is in 'Colors'",
        ),
        (
            lambda rows: [*rows[:3], ("Text", "fourr"), *rows[4:]],
            "row 4 should be the published prompt of category 'Text' and is 'fourr'",
        ),
    ],
)
def test_the_first_difference_is_named(
    small_set: list[Row], change: Callable[[list[Row]], list[Row]], expected: str | None
) -> None:
    assert _difference(change(small_set)) == expected


def test_ids_of_a_file_do_not_replace_the_published_ones(small_set: list[Row]) -> None:
    rows = [PromptRow(category, text, "row", f"own{n}") for n, (category, text) in enumerate(small_set)]
    assert accept(rows, "x.csv").prompts[0].id == "colors-001"


def test_a_named_file_comes_before_the_variable_before_the_cache(
    small_set: list[Row], nothing_local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _hub(monkeypatch, {})
    good = _write(tmp_path / "good.csv", small_set)
    bad = _write(tmp_path / "bad.csv", small_set[:2])
    nothing_local.mkdir()
    _write(cached_file(), small_set[:3])

    monkeypatch.setenv(FILE_VARIABLE, str(bad))
    assert load_drawbench(good).name == "drawbench"
    with pytest.raises(UserError, match=r"bad\.csv.*row 3"):
        load_drawbench()
    monkeypatch.setenv(FILE_VARIABLE, str(good))
    assert load_drawbench().name == "drawbench"
    monkeypatch.delenv(FILE_VARIABLE)
    with pytest.raises(UserError, match=r"drawbench\.csv.*row 4"):
        load_drawbench()
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "absent.csv"))
    with pytest.raises(UserError, match=r"absent\.csv"):
        load_drawbench()
    assert asked == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_hub_gives_the_set_in_either_layout_and_it_is_kept(
    small_set: list[Row], nothing_local: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    answers: dict[str, dict[str, list[dict[str, str]]] | Exception] = dict.fromkeys(HUB_DATASETS, ConnectionError())
    answers[layout] = LAYOUTS[layout](small_set)
    asked = _hub(monkeypatch, answers)
    prompt_set = load_drawbench()
    assert [(prompt.category, prompt.text) for prompt in prompt_set.prompts] == small_set
    assert asked[-1] == layout
    assert [path.name for path in nothing_local.iterdir()] == ["drawbench.csv"]
    assert cached_file().read_bytes().decode() == to_csv(prompt_set)

    asked.clear()
    assert load_drawbench() == prompt_set
    assert asked == []


def test_a_wrong_set_from_the_hub_is_neither_taken_nor_kept(
    small_set: list[Row], nothing_local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = HUB_DATASETS
    wrong = LAYOUTS[first]([*small_set[:5], ("Text", "7")])
    _hub(monkeypatch, {first: wrong, second: {"train": [{"image": "x"}]}})
    with pytest.raises(UserError) as refusal:
        load_drawbench()
    assert f"{first} differs: row 6" in str(refusal.value)
    assert second in str(refusal.value)
    assert not nothing_local.exists()


@pytest.mark.usefixtures("nothing_local")
def test_without_the_hub_the_ways_to_give_the_file_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _hub(monkeypatch, dict.fromkeys(HUB_DATASETS, ConnectionError("a long\nreason")))
    with pytest.raises(UserError) as refusal:
        load_drawbench()
    assert asked == list(HUB_DATASETS)
    message = str(refusal.value)
    assert all(word in message for word in (*HUB_DATASETS, "ConnectionError", "drawbench:FILE", FILE_VARIABLE))
    assert str(cached_file()) in message
    assert "\n" not in message


def test_a_cache_that_cannot_be_written_does_not_lose_the_set(
    small_set: list[Row],
    nothing_local: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _hub(monkeypatch, {HUB_DATASETS[0]: LAYOUTS[HUB_DATASETS[0]](small_set)})
    nothing_local.write_text("a file where the folder should be", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert len(load_drawbench().prompts) == len(small_set)
    assert str(nothing_local) in caplog.text
