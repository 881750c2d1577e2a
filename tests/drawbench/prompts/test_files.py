"""Prompt files: column names, encodings, and one sentence for each broken one."""

import csv
import io
import json
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbench.errors import UserError
from drawbench.prompts.files import parse_rows, read_prompt_file, read_rows, to_csv
from drawbench.prompts.prompt_set import build_prompt_set

_PRINTABLE = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))
_TEXTS = st.text(_PRINTABLE, min_size=1, max_size=40).filter(lambda text: bool(text.strip()))
_CATEGORIES = st.sampled_from(["Colors", "Gary Marcus et al.", "Rare, Words", 'Quo"ted', "色彩"])


def _pairs(data: bytes, suffix: str) -> list[tuple[str, str]]:
    return [(row.category, row.text) for row in parse_rows(data, suffix, "mine")]


@pytest.mark.parametrize("text_column", ["Prompts", "prompt", "text", "caption", " Prompt "])
@pytest.mark.parametrize("category_column", ["Category", "category"])
def test_accepted_column_names(text_column: str, category_column: str) -> None:
    assert _pairs(f"{category_column},{text_column},note\nColors,A dog,x\n".encode(), ".csv") == [("Colors", "A dog")]


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"prompt\nA dog\n\nA cat\n", ".csv"),
        (b"\xef\xbb\xbfprompt\r\nA dog\r\nA cat\r\n", ".csv"),
        (b"prompt\tnote\nA dog\tx\nA cat\ty", ".tsv"),
        (b'{"prompt": "A dog"}\r\n\r\n{"text": "A cat", "category": null}\r\n', ".jsonl"),
        (b'\xef\xbb\xbf{"prompt": "A dog"}\n{"prompt": "A cat"}', ".jsonl"),
        (b'\xef\xbb\xbf["A dog",\r\n "A cat"]', ".json"),
        (b'{"prompts": [{"prompt": "A dog"}, {"caption": "A cat", "category": null}]}', ".json"),
        (b"\xef\xbb\xbfA dog\r\n\r\n  A cat \r\n", ".txt"),
    ],
)
def test_bom_line_ends_and_empty_lines_do_not_matter(data: bytes, suffix: str) -> None:
    assert _pairs(data, suffix) == [("", "A dog"), ("", "A cat")]


def test_quoted_fields_keep_separators_and_quotes() -> None:
    assert _pairs(b'prompt,category\n"A ""big"", red dog",Colors\n', ".csv") == [("Colors", 'A "big", red dog')]


def test_ids_are_text_or_whole_numbers() -> None:
    rows = parse_rows(b'{"id": 12, "prompt": "a"}\n{"id": "x", "prompt": "b"}\n', ".jsonl", "mine")
    assert [row.id for row in rows] == ["12", "x"]


@pytest.mark.parametrize(
    ("data", "suffix", "words"),
    [
        (b"", ".csv", ["column names"]),
        (b"A dog\nA cat\n", ".csv", ["header", "prompt column", "'A dog'"]),
        (b"category,words\n", ".csv", ["header", "'category, words'"]),
        (b"prompt,text\na,b\n", ".csv", ["'prompt' and 'text'"]),
        (b"prompt,note,note\na,b,c\n", ".csv", ["'note' twice"]),
        (b"prompt,category\na,b\nA red, dog,b\n", ".csv", ["row 2 (line 3)", "3 fields", "2"]),
        (b"prompt,category\na\n", ".csv", ["row 1 (line 2)", "1 fields"]),
        (b'prompt\n"open\n', ".csv", ["line 2"]),
        (b"prompt\nfine\ncaf\xe9\n", ".csv", ["UTF-8", "line 3"]),
        ("prompt\nA dog\n".encode("utf-16"), ".csv", ["UTF-8", "line 1"]),
        (b'{"prompt": "a"}\n\n{"prompt": }\n', ".jsonl", ["row 2 (line 3)", "JSON"]),
        (b"[", ".json", ["not valid JSON", "list of prompts"]),
        (b'{"a": ["b"]}', ".json", ["not a JSON list"]),
        (b'{"images": [], "annotations": []}', ".json", ["coco:mine"]),
        (b'["a", 3]', ".json", ["row 2", "neither a text"]),
        (b'["a"]\n', ".jsonl", ["row 1 (line 1)", "object"]),
        (b'{"words": "a"}\n', ".jsonl", ["row 1 (line 1)", "prompt column"]),
        (b'{"prompt": 3}\n', ".jsonl", ["row 1 (line 1)", "no text"]),
        (b'{"prompt": "a", "category": 3}\n', ".jsonl", ["row 1 (line 1)", "category"]),
        (b'{"prompt": "a", "id": 1.5}\n', ".jsonl", ["row 1 (line 1)", "id"]),
        (b"[" * 100_000, ".jsonl", ["row 1 (line 1)", "JSON"]),
    ],
)
def test_a_broken_file_is_one_sentence_naming_the_place(data: bytes, suffix: str, words: list[str]) -> None:
    with pytest.raises(UserError) as refusal:
        parse_rows(data, suffix, "mine.file")
    assert all(word in str(refusal.value) for word in [*words, "mine.file"])
    assert "\n" not in str(refusal.value)


def test_a_file_gives_its_name_to_the_set(tmp_path: Path) -> None:
    path = tmp_path / "party.TSV"
    path.write_text("prompt\nA dog\n", encoding="utf-8")
    assert read_prompt_file(path).name == "party"


@pytest.mark.parametrize(
    ("text", "said"), [("\n", "holds no prompts"), ("a dog\n\na\tcat\n", r"row 2 \(line 3\) .* U\+0009")]
)
def test_lines_that_are_no_prompts_are_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        read_prompt_file(path)


def test_other_kinds_of_files_and_missing_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.csv, \.tsv, \.jsonl"):
        read_rows(tmp_path / "prompts.md")
    with pytest.raises(UserError, match=r"absent\.csv"):
        read_rows(tmp_path / "absent.csv")


@given(st.lists(st.tuples(_CATEGORIES, _TEXTS), min_size=1, max_size=8), st.sampled_from([",", "\t"]))
def test_tables_come_back_as_written(rows: list[tuple[str, str]], delimiter: str) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter).writerows([("category", "prompt"), *rows])
    assert _pairs(buffer.getvalue().encode(), ".csv" if delimiter == "," else ".tsv") == rows


@given(st.lists(st.tuples(_CATEGORIES, _TEXTS), min_size=1, max_size=8), st.booleans())
def test_json_lines_come_back_as_written(rows: list[tuple[str, str]], ascii_only: bool) -> None:
    lines = [json.dumps({"category": c, "prompt": t}, ensure_ascii=ascii_only) for c, t in rows]
    assert _pairs("\n".join(lines).encode(), ".jsonl") == rows


@given(st.lists(st.tuples(_CATEGORIES, _TEXTS), min_size=1, max_size=8))
def test_a_set_written_as_csv_is_the_same_set(rows: list[tuple[str, str]]) -> None:
    text = "\n".join(json.dumps({"category": c, "prompt": t}) for c, t in rows)
    prompt_set = build_prompt_set("mine", parse_rows(text.encode(), ".jsonl", "mine"), "mine")
    again = build_prompt_set("mine", parse_rows(to_csv(prompt_set).encode(), ".csv", "mine"), "mine")
    assert again == prompt_set


@given(st.binary(max_size=200), st.sampled_from([".csv", ".tsv", ".jsonl"]))
def test_no_bytes_cause_anything_but_rows_or_a_sentence(data: bytes, suffix: str) -> None:
    try:
        prompt_set = build_prompt_set("mine", parse_rows(data, suffix, "mine"), "mine")
    except UserError:
        return
    assert not any(unicodedata.category(c) == "Cc" for prompt in prompt_set.prompts for c in prompt.text)


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)  # sparse: it takes no room
    with pytest.raises(UserError, match="another kind of file"):
        read_rows(path)


def test_a_pipe_is_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(path.write_text, "prompt\nA dog\n")
        assert [row.text for row in read_rows(path)] == ["A dog"]
        written.result()
