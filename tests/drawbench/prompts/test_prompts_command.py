"""`drawbench prompts list | show | check`."""

import json
from pathlib import Path

import pytest

from drawbench.cli.main import main
from drawbench.prompts.files import read_prompt_file
from drawbench.prompts.registry import load_open


@pytest.mark.usefixtures("nothing_local")
def test_list_names_every_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        *("open", "drawbench", "geneval", "parti", "dsg-1k", "unigenbench"),
        *("world", "coco:ROOT", "hf:DATASET"),
    ]
    assert main(["prompts", "list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert {entry["name"]: entry["prompts"] for entry in entries}["open"] == 200


def test_show_prints_prompts_counts_and_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "show", "open"]) == 0
    out, err = capsys.readouterr()
    first = load_open().prompts[0]
    assert out.splitlines()[:2] == ["id\tcategory\tprompt", f"{first.id}\t{first.category}\t{first.text}"]
    assert load_open().sha256 in err
    assert main(["prompts", "show", "open", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["sha256"] == load_open().sha256
    assert shown["counts"] == load_open().counts()
    assert shown["prompts"][0] == {"id": first.id, "category": first.category, "text": first.text}


def test_what_show_prints_reads_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, awkward, again = load_open(), tmp_path / "awkward.jsonl", tmp_path / "again.tsv"
    texts = ('a "quoted" ring', "Café ↓", "a, b")
    awkward.write_text("".join(json.dumps({"prompt": text, "id": f"p{i}"}) + "\n" for i, text in enumerate(texts)))
    for name, prompt_set in (("open", whole), (str(awkward), read_prompt_file(awkward))):
        assert main(["prompts", "show", name]) == 0
        again.write_text(capsys.readouterr().out, encoding="utf-8", newline="")
        assert read_prompt_file(again).prompts == prompt_set.prompts
        assert read_prompt_file(again).sha256 == prompt_set.sha256


def test_check_of_a_set_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"prompt": "A dog"}\n', encoding="utf-8")
    assert main(["prompts", "check", str(path), "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["n"] == 1
    assert verdict["published_drawbench"] is False
    assert verdict["first_difference"].startswith("row 1 ")
    assert verdict["name_conflict"] is None


def test_check_refuses_a_broken_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("prompt\nA dog\nA cat, asleep\n", encoding="utf-8")
    assert main(["prompts", "check", str(path)]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "row 2 (line 3)" in streams.err
    assert len(streams.err.splitlines()) == 1


def test_check_knows_the_published_file(
    published_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prompts", "check", str(published_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["published_drawbench"] is True

    altered = tmp_path / "drawbench.csv"
    lines = published_file.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[7] = lines[7].replace(".", "!")
    altered.write_text("".join(lines), encoding="utf-8")
    assert main(["prompts", "check", str(altered), "--json"]) == 2
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["published_drawbench"] is False
    assert verdict["first_difference"].startswith("row 7 ")
    assert main(["prompts", "show", str(altered)]) == 2
    assert "row 7 " in capsys.readouterr().err
