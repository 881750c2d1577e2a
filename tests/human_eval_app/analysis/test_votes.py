"""Votes from files: every format gives the same table, and what contradicts the design is refused in one sentence."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from drawbench.errors import UserError
from human_eval_app.analysis.votes import COLUMNS, check_votes, main_votes, read_votes, rows_of
from human_eval_app.simulate import Truth, simulate_votes
from tests.human_eval_app.analysis.made_up import rows_with
from tests.human_eval_app.designs import make_design

DESIGN = make_design(raters=2, gold=1, mirrored=1)
Rows = list[dict[str, Any]]


def _rows() -> Rows:
    return rows_with(DESIGN, lambda row: "left")


def _write(path: Path, rows: Rows) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        pd.DataFrame(rows).to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_every_format_gives_the_votes_of_the_store(tmp_path: Path, suffix: str) -> None:
    votes = simulate_votes(DESIGN, Truth(), 0)
    path = _write(tmp_path / f"votes{suffix}", [vars(vote) for vote in votes])
    assert read_votes(path) == rows_of(votes)


def test_choices_are_about_models_and_not_sides() -> None:
    table = check_votes(_rows(), DESIGN).table
    for row in table.to_dict("records"):
        assert row["choice"] == ("a" if row["left_model"] == "model one" else "b")
        assert row["left_is_a"] == (row["left_model"] == "model one")
    assert set(main_votes(table)["kind"]) == {"main"}


def test_raw_answers_about_single_images_stay() -> None:
    design = make_design("coco-alignment", raters=2)
    table = check_votes(rows_with(design, lambda row: "somewhat"), design).table
    assert set(table["choice"]) == {"somewhat"}
    assert not table["left_is_a"].any()


def test_only_standing_answers_of_complete_sittings_count() -> None:
    rows = _rows()
    undone = {**rows[0], "superseded": True, "answer": "right"}
    training = {**rows[1], "part": "training"}
    gone = [{**row, "sitting": "99", "rater": "99", "sitting_state": "expired"} for row in rows[:4]]
    votes = check_votes([undone, *rows, training, *gone], DESIGN)
    assert len(votes.table) == len(rows)
    assert set(votes.table["answer"]) == {"left"}
    assert votes.sittings == {"complete": 4, "expired": 1}


def test_a_half_filled_study_is_analysed_with_the_seats_it_has() -> None:
    rows = [row for row in _rows() if not row["seat"].endswith("2")]
    assert set(check_votes(rows, DESIGN).table["seat"]) == {"colors-001", "counting-001"}


def test_one_simulated_rater_makes_the_whole_study_simulated() -> None:
    rows = _rows()
    assert not check_votes(rows, DESIGN).simulated
    some = [{**row, "source": "simulated"} if row["seat"] == "colors-001" else row for row in rows]
    assert check_votes(some, DESIGN).simulated
    design = make_design(raters=2, simulated=True)
    assert check_votes(rows_with(design, lambda row: "left"), design).simulated


def _changed(place: int, **changes: Any) -> Callable[[Rows], Rows]:
    return lambda rows: [{**row, **changes} if number == place else row for number, row in enumerate(rows)]


def _seat_renamed(rows: Rows) -> Rows:
    return [{**row, "rater": "1"} for row in rows]


REFUSALS: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "another design": (_changed(3, design_sha256="f" * 64), "another design"),
    "no votes": (lambda rows: [], "no complete sitting"),
    "nobody finished": (lambda rows: [{**row, "sitting_state": "active"} for row in rows], "no complete sitting"),
    "an answer missing": (lambda rows: rows[1:], "no answer at seat colors-001, position 0"),
    "an answer twice": (lambda rows: [*rows, rows[0]], "two standing answers"),
    "a strange seat": (_changed(0, seat="nowhere-001"), "answer where the design asks for none at seat nowhere-001"),
    "a strange position": (_changed(0, position=99), "asks for none at seat colors-001, position 99"),
    "another model": (_changed(0, left_model="model three"), "contradict the design in left_model"),
    "another prompt": (_changed(0, prompt_id="colors-099"), "contradict the design in prompt_id"),
    "another kind": (_changed(0, kind="mirror"), "contradict the design in kind"),
    "another mirror": (_changed(0, mirror_of_position=1), "contradict the design in mirror_of_position"),
    "no such answer": (_changed(0, answer="maybe"), "'maybe'"),
    "an answer of another type": (_changed(0, answer="yes"), "'yes'"),
    "one rater twice": (_seat_renamed, "rater 1 has two complete sittings"),
    "one seat twice": (
        lambda rows: [*rows, *({**row, "sitting": "77", "rater": "77"} for row in rows if row["seat"] == "colors-001")],
        "seat colors-001 has two complete sittings",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_votes_that_cannot_be_true_are_refused_in_one_sentence(name: str) -> None:
    change, complaint = REFUSALS[name]
    with pytest.raises(UserError, match=complaint) as refusal:
        check_votes(change(_rows()), DESIGN)
    assert str(refusal.value).count(". ") == 0


def test_a_file_that_is_no_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_votes(tmp_path / "absent.csv")
    with pytest.raises(UserError, match="ends in"):
        read_votes(tmp_path / "votes.xlsx")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UserError, match="no column study"):
        read_votes(tmp_path / "other.csv")
    (tmp_path / "broken.jsonl").write_text("{\n", encoding="utf-8")
    with pytest.raises(UserError, match="is not JSON lines"):
        read_votes(tmp_path / "broken.jsonl")
    (tmp_path / "broken.parquet").write_bytes(b"nothing")
    with pytest.raises(UserError, match="is not parquet"):
        read_votes(tmp_path / "broken.parquet")


@pytest.mark.parametrize(("column", "value"), [("position", "first"), ("superseded", "perhaps"), ("dwell_ms", "")])
def test_a_cell_of_the_wrong_type_is_named(tmp_path: Path, column: str, value: str) -> None:
    path = _write(tmp_path / "votes.csv", [{**_rows()[0], column: value}])
    with pytest.raises(UserError, match=f"row 1 of .* in column {column}"):
        read_votes(path)
