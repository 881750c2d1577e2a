"""`drawbench study export`."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from drawbench.cli.main import main
from human_eval_app.store.export import COLUMNS
from human_eval_app.store.records import Identity, ResponseTimes, VoteRow
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design, write_design
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import answers, cast, finish, ready, trial_at

DESIGN = make_design(categories={"Colors": 3}, raters=3, training=1, gold=1, mirrored=1)
NASTY = 'a "quoted", <b>text</b>\r\nof two lines; \' OR 1=1 --\n=1+1\t🦉'


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with one complete sitting (one vote undone), one withdrawn and one active."""
    folder = tmp_path_factory.mktemp("study")
    write_design(DESIGN, folder)
    store = VoteStore.open(f"sqlite:///{folder / 'votes.sqlite'}", DESIGN)
    rater = store.enter(Identity("prolific", NASTY, session="s1")).rater
    store.consent(rater, "en", "1")
    place = store.finish_instructions(rater)
    assert place.sitting is not None
    place = cast(store, DESIGN, cast(store, DESIGN, place, wrong=True))
    given = answers(DESIGN, trial_at(DESIGN, place))
    assert place.sitting is not None
    store.vote(rater, place.sitting, "main", 0, 0, given, ResponseTimes(1, 2, 3, NASTY), "v")
    finish(store, DESIGN, store.undo(rater, place.sitting, 0))
    store.withdraw(finish_one(store, DESIGN, "gone"))
    finish_one(store, DESIGN, "here")
    store.close()
    return folder


def finish_one(store: VoteStore, design: Design, name: str) -> int:
    """A rater who passed the training and gave one answer."""
    return cast(store, design, cast(store, design, ready(store, name))).rater


def all_rows(study: Path) -> list[VoteRow]:
    store = VoteStore.open(f"sqlite:///{study / 'votes.sqlite'}", DESIGN, read_only=True)
    rows = list(store.vote_rows())
    store.close()
    return rows


def read_csv(path: Path) -> list[dict[str, object]]:
    """The rows with their types, read by the standard library."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: typed(name, text) for name, text in row.items()} for row in csv.DictReader(file)]


def typed(name: str, text: str) -> object:
    if name == "superseded":
        return {"true": True, "false": False}[text]
    if name in ("sitting", "rater", "position", "sequence", "load_ms", "dwell_ms", "zooms", "gap_ms", "open_ms"):
        return int(text)
    if name == "mirror_of_position":
        return int(text) if text else None
    return text


def read_jsonl(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


READERS = {"csv": read_csv, "jsonl": read_jsonl, "parquet": lambda path: pq.read_table(path).to_pylist()}


@pytest.mark.parametrize("kind", READERS)
def test_every_row_comes_back_from_every_format(study: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"votes.{kind}"
    assert main(["study", "export", str(study), "--out", str(path), "--all"]) == 0
    rows = READERS[kind](path)
    assert rows == [vars(row) for row in all_rows(study)]
    assert {row["design_sha256"] for row in rows} == {DESIGN.sha256}
    assert NASTY in {row["client_time"] for row in rows}
    assert list(rows[0]) == list(COLUMNS)


def test_without_all_only_answers_that_count(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "votes.csv"
    assert main(["study", "export", str(study), "--out", str(path)]) == 0
    rows = read_csv(path)
    assert {(row["sitting_state"], row["part"], row["superseded"]) for row in rows} == {("complete", "main", False)}
    assert {row["kind"] for row in rows} == {"gold", "main", "mirror"}
    assert len(rows) == 5 * 2
    left_out = len(all_rows(study)) - len(rows)
    assert f"{left_out} that do not count were left out" in capsys.readouterr().err


def test_external_ids_only_when_asked_for(study: Path, tmp_path: Path) -> None:
    plain, named = tmp_path / "plain.jsonl", tmp_path / "named.jsonl"
    assert main(["study", "export", str(study), "--out", str(plain), "--all"]) == 0
    assert main(["study", "export", str(study), "--out", str(named), "--all", "--with-external-ids"]) == 0
    assert "external_id" not in read_jsonl(plain)[0]
    rows = read_jsonl(named)
    assert {(row["rater"], row["external_id"], row["sessions"]) for row in rows} == {
        (1, NASTY, "s1"),
        (2, "gone", ""),
        (3, "here", ""),
    }
    assert [{name: row[name] for name in COLUMNS} for row in rows] == read_jsonl(plain)


def test_no_text_from_outside_is_a_formula_in_a_spreadsheet(tmp_path: Path) -> None:
    write_design(DESIGN, tmp_path)
    store = VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", DESIGN)
    place = ready(store, "=HYPERLINK(1)")
    given = answers(DESIGN, trial_at(DESIGN, place))
    assert place.sitting is not None
    timing = ResponseTimes(1, 2, 0, "@SUM(1)")
    store.vote(place.rater, place.sitting, "training", place.position, place.sequence, given, timing, "v")
    store.close()
    for kind, formula_starts in (("csv", "'"), ("jsonl", "")):
        path = tmp_path / f"votes.{kind}"
        assert main(["study", "export", str(tmp_path), "--out", str(path), "--all", "--with-external-ids"]) == 0
        texts = {(row["external_id"], row["client_time"]) for row in READERS[kind](path)}
        assert texts == {(f"{formula_starts}=HYPERLINK(1)", f"{formula_starts}@SUM(1)")}


def test_parquet_says_which_design_even_without_rows(tmp_path: Path) -> None:
    write_design(DESIGN, tmp_path)
    VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", DESIGN).close()
    path = tmp_path / "votes.parquet"
    assert main(["study", "export", str(tmp_path), "--out", str(path)]) == 0
    table = pq.read_table(path)
    assert (table.num_rows, table.column_names) == (0, list(COLUMNS))
    assert table.schema.metadata[b"design_sha256"] == DESIGN.sha256.encode()


def test_the_format_may_be_named(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "votes.data"
    assert main(["study", "export", str(study), "--out", str(path), "--format", "jsonl", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["format"], said["rows"]) == ("jsonl", len(read_jsonl(path)))


@pytest.mark.parametrize(
    ("out", "says"),
    [("votes.txt", "ends in none of csv, jsonl, parquet"), ("/proc/nowhere/votes.csv", "cannot write")],
)
def test_a_file_that_cannot_be(study: Path, capsys: pytest.CaptureFixture[str], out: str, says: str) -> None:
    assert main(["study", "export", str(study), "--out", out]) == 2
    assert says in capsys.readouterr().err
    assert not Path(out).exists()


def test_a_study_without_votes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_design(DESIGN, tmp_path)
    assert main(["study", "export", str(tmp_path), "--out", str(tmp_path / "votes.csv")]) == 2
    assert "no rater has come yet" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["design.json"]


def test_a_damaged_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = make_design(categories={"Colors": 60}, raters=1)
    write_design(design, tmp_path)
    path = tmp_path / "votes.sqlite"
    store = VoteStore.open(f"sqlite:///{path}", design)
    finish(store, design, ready(store, "one"))
    store.close()
    pages = path.read_bytes()
    path.write_bytes(pages[:-8192] + b"\xff" * 8192)
    assert main(["study", "export", str(tmp_path), "--out", str(tmp_path / "votes.csv")]) == 2
    said = capsys.readouterr().err
    assert said == f"drawbench: {path} is not a vote database, or is damaged: restore it from a backup.\n"
    assert not (tmp_path / "votes.csv").exists()
