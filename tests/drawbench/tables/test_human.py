"""The table of human studies: all its numbers, in every format. All numbers here are made up."""

import csv
import io
import json

import pytest

from drawbench.results.files import Result
from drawbench.tables.human import human_sheet
from drawbench.tables.leaderboard import build_tables
from drawbench.tables.render import FORMATS, render_tables
from tests.drawbench.synthetic import human_result, preference, result

STUDY = human_result(
    "alpha",
    [
        preference(0.512, 0.214, against="omega"),
        preference(0.333, 0.456, against="omega", question="alignment", half=None),
        preference(0.61, 0.19, against="omega", scope="Colors"),
        preference(0.41, 0.29, against="omega", scope="Text"),
    ],
)


def test_a_row_has_rates_interval_votes_raters_and_prompts() -> None:
    (table,) = build_tables([STUDY])
    overall, fidelity = human_sheet(table).blocks
    assert [cell.joined() for cell in overall.rows[0]] == [
        "alpha",
        "omega",
        "fidelity",
        "votes",
        "51.2 [46.2, 56.2]",
        "27.4",
        "21.4",
        "29.8 [24.8, 34.8]",
        "500",
        "25",
        "20",
    ]
    assert [column.header for column in fidelity.columns] == ["A", "B", "Colors", "Text"]
    assert [cell.text for cell in fidelity.rows[0]] == ["alpha", "omega", "61.0", "41.0"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_both_models_the_questions_and_the_numbers(form: str) -> None:
    text = render_tables([STUDY, result("measured by a scorer")], form)  # type: ignore[arg-type]
    for expected in ("alpha", "omega", "fidelity", "alignment", "Colors", "human-drawbench", "not available"):
        assert expected in text
    assert "51.2" in text or "0.512" in text


def test_csv_has_a_row_per_number_with_full_precision() -> None:
    rows = list(csv.DictReader(io.StringIO(render_tables([STUDY], "csv"))))
    assert len(rows) == 4 * len(STUDY.human)
    (preferred,) = [row for row in rows if row["metric"] == "fidelity: preferred" and row["scope"] == "overall"]
    assert float(preferred["value"]) == 0.512
    assert float(preferred["low"]) == pytest.approx(0.462)
    assert (preferred["n"], preferred["rank"]) == ("500", "")
    assert "omega" in preferred["note"]


def test_json_holds_the_whole_result() -> None:
    document = json.loads(render_tables([STUDY], "json"))
    assert Result.model_validate(document["tables"][0]["rows"][0]["result"]) == STUDY


def test_an_unfinished_study_is_marked_where_it_stands() -> None:
    text = render_tables([human_result("alpha", [preference(0.5, 0.3)], complete=False)])
    assert "PARTIAL" in text
    assert "alpha [partial]" in text
    assert "49 of 50 seats" in text


def test_under_the_table_stands_which_study_and_what_it_does_not_say() -> None:
    (table,) = build_tables([STUDY])
    facts = human_sheet(table).provenance
    assert any("design dddddddddddd" in text for name, text in facts if name == "study")
    assert any("no row has a rank" in text for name, text in facts if name == "caution")


def test_made_up_raters_are_told_even_where_nothing_refuses_them() -> None:
    (table,) = build_tables([STUDY.model_copy(update={"kind": "simulated"})])
    sheet = human_sheet(table)
    assert "SIMULATED" in sheet.title
    assert any("no person took part" in text for _, text in sheet.provenance)


def test_different_questions_at_different_studies_leave_gaps_not_errors() -> None:
    other = human_result("beta", [preference(0.5, 0.3, against="omega", question="alignment", scope="Colors")])
    (table,) = build_tables([STUDY, other])
    sheet = human_sheet(table)
    assert all(len(row) == len(block.columns) for block in sheet.blocks for row in block.rows)
