"""The tables of an analysis: every number is where it belongs, and what must be said is said in each."""

from drawbench.tables.layout import Sheet
from drawbench.tables.text import sheet_text
from human_eval_app.analysis.analyse import analyse
from human_eval_app.analysis.report.sheets import SIMULATED, marks, p_text, percent, sheets, span
from human_eval_app.analysis.votes import check_votes
from human_eval_app.simulate import Truth
from human_eval_app.study.design import Design, Exclusion
from tests.human_eval_app.analysis.made_up import answered, anything, preferring, rows_with, simulated
from tests.human_eval_app.designs import make_design


def _sheets(design: Design, truth: Truth | None = None) -> list[Sheet]:
    return sheets(analyse(design, simulated(design, truth)))


def _text(found: list[Sheet]) -> str:
    return "\n".join(sheet_text(sheet, 140) for sheet in found)


def test_every_table_of_simulated_raters_says_so() -> None:
    found = _sheets(make_design(raters=3, exclusions=(Exclusion(rule="gold", threshold=0.5),)))
    assert all(SIMULATED in sheet.title for sheet in found[:-1])
    assert "SIMULATED" in _text(found[-1:])


def test_an_unfinished_study_says_so_in_every_table() -> None:
    design = make_design(raters=3)
    rows = [row for row in rows_with(design, lambda row: "left") if row["seat"] != "colors-001"]
    analysis = analyse(design, check_votes(rows, design))
    assert marks(analysis) == ["INCOMPLETE: 5 of 6 seats"]
    found = sheets(analysis)
    assert all("INCOMPLETE: 5 of 6 seats" in sheet.title for sheet in found[:-1])
    assert "colors 2 of 3" in _text(found[-1:])


def test_people_and_all_seats_need_no_mark() -> None:
    design = make_design(raters=3)
    assert marks(analyse(design, answered(design, lambda row: "left"))) == []


def test_rates_stand_in_the_row_of_their_category_with_votes_raters_and_prompts() -> None:
    design = make_design(categories={"Colors": 2, "Text": 4}, raters=3, models=("a model", "b model"))
    votes = answered(design, preferring(lambda row: "a" if row["category"] == "Colors" else "b"))
    (sheet, *_) = sheets(analyse(design, votes))
    assert sheet.title.startswith("a model against b model · all raters")
    overall, fidelity, _, beside = sheet.blocks
    assert [cell.text for cell in overall.rows[0]][2:6] == ["50.0", "0.0", "50.0", "0.0"]
    assert [cell.text for cell in overall.rows[1]][2:6] == ["33.3", "0.0", "66.7", "-33.3"]
    assert [[cell.text for cell in row][:4] for row in fidelity.rows] == [
        ["Colors", "100.0", "0.0", "0.0"],
        ["Text", "0.0", "0.0", "100.0"],
    ]
    assert [cell.text for cell in fidelity.rows[1]][-3:] == ["12", "3", "4"]
    assert [cell.text for cell in beside.rows[0]][2:5] == ["2", "0", "4"]
    assert all(len(row) == len(block.columns) for block in sheet.blocks for row in block.rows)


def test_a_category_of_one_prompt_stands_among_the_categories() -> None:
    design = make_design(categories={"Colors": 3, "Rare": 1}, raters=4)
    (sheet, *_) = sheets(analyse(design, answered(design, anything(1))))
    overall, fidelity, alignment, _ = sheet.blocks
    assert {row[1].text.split(",")[0] for row in overall.rows} == {"all"}
    for block in (fidelity, alignment):
        assert [row[0].text for row in block.rows] == ["Colors", "Rare"]
        assert block.columns[5].header == "p"
        assert block.rows[1][5].text == "unknown"


def test_photorealism_has_no_column_of_indifferent_votes() -> None:
    (sheet, *_) = _sheets(make_design("coco-photorealism", raters=3))
    assert all("indifferent" not in column.header for block in sheet.blocks for column in block.columns)


def test_the_methods_name_the_design_its_departures_and_every_rule() -> None:
    rules = (Exclusion(rule="gold", threshold=0.5), Exclusion(rule="too_fast", threshold=800))
    design = make_design(raters=3, gold=1, exclusions=rules)
    text = " ".join(_text(_sheets(design)[-1:]).split())
    assert design.sha256 in text
    assert "It is made up." in text
    assert "gold 0.5" in text
    assert "too_fast 800" in text
    assert "Cameron, Gelbach and Miller" in text


def test_methods_of_one_type_do_not_speak_of_another() -> None:
    captions, pairs = (_text(_sheets(make_design(kind, raters=3))[-1:]) for kind in ("coco-alignment", "drawbench"))
    assert "100 for yes" in captions
    assert "sign test" not in captions
    assert "sign test" in pairs
    assert "Bradley" not in pairs
    assert "Bradley" in _text(_sheets(make_design(models=("x", "y", "z"), raters=3))[-1:])


def test_three_models_stand_on_a_scale_and_a_lone_winner_is_told() -> None:
    design = make_design(models=("x", "y", "z"), raters=4, categories={"Only": 6})
    text = _text(_sheets(design))
    assert "all models on one scale" in text
    won = sheets(analyse(design, answered(design, preferring(lambda row: "a"))))
    assert "won every vote" in _text(won)


def test_rules_that_leave_nobody_leave_a_sentence() -> None:
    design = make_design(raters=2, exclusions=(Exclusion(rule="too_fast", threshold=1e9),))
    assert "the rules leave no rater" in _text(_sheets(design))


def test_numbers_are_written_alike() -> None:
    assert percent(0.12345) == "12.3"
    assert percent(-0.00001) == "0.0"
    assert span(None) == span("not available") == "[unknown]"
    assert [p_text(p) for p in (None, 0.0001, 0.0005, 0.0494, 1.0)] == ["unknown", "<0.001", "0.001", "0.049", "1.000"]
