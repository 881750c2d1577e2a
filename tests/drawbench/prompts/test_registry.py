"""Prompt sets by name and by path."""

from pathlib import Path

import pytest

from drawbench.errors import UserError
from drawbench.prompts import registry
from drawbench.prompts.drawbench_set import FILE_VARIABLE, SHA256
from drawbench.prompts.files import to_csv
from drawbench.prompts.registry import PUBLISHED, list_prompt_sets, load_open, load_prompt_set


def _file(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_open_is_embedded() -> None:
    assert load_prompt_set("open") == load_open()


def test_a_file_is_a_set_of_its_own_name(tmp_path: Path) -> None:
    prompt_set = load_prompt_set(_file(tmp_path / "mine.csv", "prompt\nA dog\n"))
    assert prompt_set.name == "mine"


@pytest.mark.parametrize(
    "spec", ["nope", "imagen", "no/such.csv", "A long prompt given for a set. " * 20, "a\0b", "~nobody-at-all/x", ""]
)
def test_an_unknown_set_lists_the_known_ones(spec: str) -> None:
    with pytest.raises(UserError) as refusal:
        load_prompt_set(spec)
    assert all(name in str(refusal.value) for name in ("open", "drawbench", "world", "coco:ROOT"))
    assert "\n" not in str(refusal.value)


def test_a_folder_is_pointed_to_coco(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="coco:"):
        load_prompt_set(str(tmp_path))


@pytest.mark.parametrize("spec", ["coco", "coco:", "drawbench:", "hf:"])
def test_a_kind_without_its_path_is_refused(spec: str) -> None:
    with pytest.raises(UserError, match="needs a path"):
        load_prompt_set(spec)


@pytest.mark.parametrize("kind", ["coco", "hf"])
@pytest.mark.parametrize("rest", ["x" * 5000, "x" * 300 + ".json", "a\0b", "~nobody-at-all/x", ",n=3"])
def test_what_can_be_no_path_is_one_sentence(kind: str, rest: str) -> None:
    with pytest.raises(UserError) as refusal:
        load_prompt_set(f"{kind}:{rest}")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["open", "drawbench", "world", "coco", "Drawbench", "geneval", "dsg-1k"])
def test_a_known_name_is_not_taken_by_other_prompts(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="another name"):
        load_prompt_set(_file(tmp_path / f"{name}.csv", "category,prompt\nColors,A dog\n"))


def test_open_from_its_own_file_is_open(tmp_path: Path) -> None:
    assert load_prompt_set(_file(tmp_path / "open.csv", to_csv(load_open()))) == load_open()


def test_the_published_file_is_drawbench_by_any_name(
    published_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = _file(tmp_path / "db200.csv", published_file.read_text(encoding="utf-8"))
    monkeypatch.setenv(FILE_VARIABLE, copy)
    assert load_prompt_set(copy) == load_prompt_set(f"drawbench:{copy}") == load_prompt_set("drawbench")
    assert load_prompt_set("drawbench").sha256 == SHA256


def test_the_list_needs_neither_network_nor_the_world(nothing_local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in registry.BY_NAME:
        monkeypatch.setitem(registry.BY_NAME, name, lambda: pytest.fail("a set was loaded"))
    entries = {entry.name: entry for entry in list_prompt_sets()}
    assert list(entries) == ["open", "drawbench", *PUBLISHED.split(", "), "world", "coco:ROOT", "hf:DATASET"]
    assert entries["drawbench"].available == "on the hub"
    assert entries["drawbench"].sha256 == SHA256
    assert entries["geneval"].available == "fetched from djghosh13's repository"
    assert entries["open"].sha256 == load_open().sha256
    nothing_local.mkdir()
    cached = _file(nothing_local / "drawbench.csv", "prompt\nA dog\n")
    assert {entry.name: entry.available for entry in list_prompt_sets()}["drawbench"] == cached
