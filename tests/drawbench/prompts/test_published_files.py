"""Sets published as one file: accepted by digest, their licence shown before a download, counted as the page says."""

import json
import os
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.prompts import published_files, registry
from drawbench.prompts.published_files import FOLDER_VARIABLE, PUBLISHED_FILES, PublishedFile
from drawbench.prompts.registry import load_prompt_set
from metrics.features.geneval.rules import RuleFile
from metrics.features.vision_language.questions import QuestionFile
from tests.drawbench.file_server import serving

FOLDER = os.environ.get(FOLDER_VARIABLE, "")
PAGE = Path(__file__).parents[3] / "docs/prompts.md"
RULES = [
    {"tag": "counting", "include": [{"class": "cat", "count": 2}], "prompt": "two cats"},
    {"tag": "colors", "include": [{"class": "dog", "count": 1, "color": "red"}], "prompt": "a red dog"},
]
MADE_UP = "\n".join(map(json.dumps, RULES)).encode() + b"\n"
DSG = """item_id,text,proposition_id,dependency,category_broad,tuple,question_natural_language
vrd_7,a man on a horse,1,0,entity,entity - whole (man),Is there a man?
vrd_7,a man on a horse,2,1,relation,"relation (man, horse, on)",Is the man on a horse?
mine_2,"a ""blue"" cup",1,0,entity,entity - whole (cup),Is there a cup?
"""
TIFA = [
    {"id": "a1", "caption": "two cats", "question": "how many?", "choices": ["one", "two"], "answer": "two"},
    {"id": "a1", "caption": "two cats", "question": "are there cats?", "choices": ["yes", "no"], "answer": "yes"},
    {"id": "a2", "caption": "a red dog", "question": "is it red?", "choices": ["yes", "no"], "answer": "yes"},
]


def _named(name: str) -> PublishedFile:
    return next(each for each in PUBLISHED_FILES if each.name == name)


def _file(name: str) -> Path:
    """The real file; no part of the repository."""
    path = Path(FOLDER) / _named(name).file
    if not FOLDER or not path.is_file():
        pytest.skip(f"{FOLDER_VARIABLE} names no folder with {path.name}, the file of {_named(name).title}")
    return path


@pytest.fixture
def made_up(nothing_local: Path, monkeypatch: pytest.MonkeyPatch) -> PublishedFile:
    """GenEval, had it two prompts; its source is not there, and the machine is not told to be offline."""
    small = replace(
        _named("geneval"), source="http://127.0.0.1:9/evaluation_metadata.jsonl", sha256=sha256(MADE_UP).hexdigest()
    )
    monkeypatch.setattr(published_files, "PUBLISHED_FILES", (small,))
    monkeypatch.setitem(registry.BY_NAME, "geneval", small.load)
    monkeypatch.setitem(registry.FROM_PATH, "geneval", lambda text, _: small.load(Path(text)))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return small


@pytest.mark.parametrize("published", PUBLISHED_FILES, ids=lambda each: each.name)
def test_the_real_file_is_the_set_that_the_page_counts(published: PublishedFile) -> None:
    path = _file(published.name)
    prompt_set = load_prompt_set(f"{published.name}:{path}")
    assert prompt_set == load_prompt_set(published.name) == load_prompt_set(str(path))
    assert (len(prompt_set.prompts), prompt_set.sha256) == (published.prompts, published.set_sha256)
    assert prompt_set.default_samples == published.samples == prompt_set.limited(1).default_samples
    (row,) = re.findall(rf"^\| `{published.name}` \|.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [cell.strip().replace("\\", "") for cell in row.strip("|").split("|")]
    assert cells[2:5] == [f"`{published.file}`", published.licence, f"{published.prompts:,}"]
    assert cells[5].partition(": ")[2] == ", ".join(f"{name} {n}" for name, n in prompt_set.counts().items())


def test_every_prompt_of_geneval_has_its_rule_and_task_in_the_same_file() -> None:
    path = _file("geneval")
    rules = RuleFile.read(path)
    for prompt in load_prompt_set(f"geneval:{path}").prompts:
        assert rules.by_prompt[prompt.text.strip()].task == prompt.category


def test_every_prompt_of_dsg_has_questions_in_the_same_file() -> None:
    path = _file("dsg-1k")
    questions = QuestionFile.read(path)
    prompts = load_prompt_set(f"dsg-1k:{path}").prompts
    assert all(questions.of(prompt.text) for prompt in prompts)
    assert {prompt.id.rpartition("_")[0] for prompt in prompts} == {prompt.category for prompt in prompts}


def test_quotes_are_a_part_of_partis_prompts() -> None:
    path = _file("parti")
    texts = [line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    assert [prompt.text for prompt in load_prompt_set(f"parti:{path}").prompts] == texts
    assert any(text.startswith('"') for text in texts)


def test_a_licence_is_shown_before_a_byte_is_fetched_and_once_is_enough(
    made_up: PublishedFile, nothing_local: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(MADE_UP) as server:
        fetched = replace(made_up, source=server.url.replace("/file", "/evaluation_metadata.jsonl"))
        monkeypatch.setitem(registry.BY_NAME, "geneval", fetched.load)
        monkeypatch.setattr(published_files, "_download", _after_its_licence(published_files._download, capsys))
        first = load_prompt_set("geneval")
        assert len(server.seen) == 1
        assert load_prompt_set("geneval") == first
        assert len(server.seen) == 1
    assert first.counts() == {"counting": 1, "colors": 1}
    assert [path.name for path in (nothing_local / "prompts").iterdir()] == ["evaluation_metadata.jsonl"]


def _after_its_licence(download, capsys):  # type: ignore[no-untyped-def]
    def after(source: str, else_do: str) -> bytes:
        assert f"GenEval (Ghosh et al. 2023): licence MIT; from {source}" in capsys.readouterr().err
        return bytes(download(source, else_do))

    return after


def test_another_file_is_refused_and_not_kept(
    made_up: PublishedFile, nothing_local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(MADE_UP + b"\n") as server:
        monkeypatch.setitem(registry.BY_NAME, "geneval", replace(made_up, source=server.url).load)
        with pytest.raises(UserError, match="is not the published file of GenEval"):
            load_prompt_set("geneval")
    assert not (nothing_local / "prompts").exists()
    (tmp_path / "mine.jsonl").write_bytes(MADE_UP[:-1])
    with pytest.raises(UserError, match=r"mine.jsonl is not the published .* or use it by its path") as refusal:
        load_prompt_set(f"geneval:{tmp_path / 'mine.jsonl'}")
    assert "\n" not in str(refusal.value)
    with pytest.raises(UserError, match="is not there"):
        load_prompt_set(f"geneval:{tmp_path / 'none.jsonl'}")


def test_without_a_network_the_ways_to_provide_it_are_told(
    made_up: PublishedFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prompts", "show", "geneval"]) == 2
    _, refusal = capsys.readouterr().err.strip().splitlines()
    assert "could not be fetched (" in refusal
    assert f"pass evaluation_metadata.jsonl as geneval:FILE, or put it at {made_up.cached}." in refusal
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="is not asked, since HF_HUB_OFFLINE is set"):
        load_prompt_set("geneval")


def test_it_is_found_in_the_named_folder_and_by_any_name(
    made_up: PublishedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evaluation_metadata.jsonl").write_bytes(MADE_UP)
    (tmp_path / "other.jsonl").write_bytes(MADE_UP)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert load_prompt_set("geneval") == load_prompt_set(str(tmp_path / "other.jsonl"))
    assert load_prompt_set("geneval").name == "geneval"
    assert main(["prompts", "check", str(tmp_path / "other.jsonl")]) == 0
    assert "the published file of GenEval (Ghosh et al. 2023); licence MIT" in capsys.readouterr().out


def test_files_of_rules_and_of_questions_are_prompt_files(tmp_path: Path) -> None:
    (tmp_path / "rules.jsonl").write_bytes(MADE_UP)
    (tmp_path / "dsg.csv").write_text(DSG)
    (tmp_path / "tifa.json").write_text(json.dumps(TIFA))
    rules = load_prompt_set(str(tmp_path / "rules.jsonl"))
    assert [(prompt.id, prompt.text) for prompt in rules.prompts] == [
        ("counting-001", "two cats"),
        ("colors-001", "a red dog"),
    ]
    dsg = load_prompt_set(str(tmp_path / "dsg.csv"))
    assert [(prompt.id, prompt.category, prompt.text) for prompt in dsg.prompts] == [
        ("vrd_7", "", "a man on a horse"),
        ("mine_2", "", 'a "blue" cup'),
    ]
    tifa = load_prompt_set(str(tmp_path / "tifa.json"))
    assert [(prompt.id, prompt.text) for prompt in tifa.prompts] == [("a1", "two cats"), ("a2", "a red dog")]


def test_one_id_with_two_prompts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dsg.csv").write_text(DSG.replace("vrd_7,a man on a horse,2", "vrd_7,a man,2"))
    with pytest.raises(UserError, match=r"row 2 \(line 3\) of .* has the id 'vrd_7' and another prompt than before"):
        load_prompt_set(str(tmp_path / "dsg.csv"))
