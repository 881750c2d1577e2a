"""A whole study in a real browser, by keyboard: from the invitation to the exported votes."""

import csv
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from drawbench.cli.main import main
from human_eval_app.analysis.records import Analysis
from human_eval_app.app.service import default_database
from human_eval_app.store.records import VoteRow
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design, read_design
from tests.chromium import violations
from tests.human_eval_app.app.browser_rater import (
    begin,
    consent,
    open_page,
    press,
    shown_images,
    wait_for_screen,
)
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import CODES, Server, serving, write_study

SECRETS = ("SECRETONE", "SECRETTWO")
PLAIN = ("fidelity", "overall", "micro")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    design = make_design(categories={"Rare Words": 7}, models=SECRETS, samples=8, training=1, gold=1, raters=4)
    with serving(write_study(design, tmp_path_factory.mktemp("study") / "study")) as running:
        yield running


def _votes(study: Path, rater: int) -> list[VoteRow]:
    with closing(VoteStore.open(default_database(study), read_design(study), read_only=True)) as store:
        return [row for row in store.vote_rows() if row.rater == rater and row.part == "main"]


def _train(page: Any, design: Design) -> None:
    """Answer the practice screen wrongly, be told so, and answer it rightly."""
    wait_for_screen(page, "Practice 1 of 1")
    expected = design.training[0].expected
    right = {"left": "1", "right": "3"}
    wrong = {"left": "3", "right": "1"}
    for keys in (wrong, right):
        for question, offset in (("fidelity", 0), ("alignment", 3)):
            answer = expected.get(question)
            press(page, str(int(keys[answer]) + offset) if answer else str(2 + offset))
        press(page, "Enter")
        if keys is wrong:
            page.get_by_role("alert").and_(page.locator(":focus")).wait_for()  # where reading goes on
            assert violations(page) == []


def test_a_rater_finishes_a_panel_by_keyboard(
    server: Server, links: Iterator[str], browser: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = open_page(browser, next(links))
    design = read_design(server.study)
    consent(page)
    begin(page)
    _train(page, design)
    total = len(design.panels[0].seats[0].order)
    assert total == 8  # the seven prompts of the category and one with a known answer

    wait_for_screen(page, f"Screen 1 of {total}")
    press(page, "1 5 Enter")

    wait_for_screen(page, f"Screen 2 of {total}")
    before = shown_images(page)
    page.reload()  # in the middle: the same screen comes back
    wait_for_screen(page, f"Screen 2 of {total}")
    assert shown_images(page) == before
    press(page, "Enter")  # not answered: nothing happens
    press(page, "3 6")
    page.get_by_role("button", name="Next ⏎").or_(page.locator(".next")).first.dblclick()

    wait_for_screen(page, f"Screen 3 of {total}")  # the second click of the double click counted nowhere
    page.locator(".undo").click()
    wait_for_screen(page, f"Screen 2 of {total}")
    assert shown_images(page) == before
    press(page, "2 4 Enter")

    for screen in range(3, total + 1):
        wait_for_screen(page, f"Screen {screen} of {total}")
        press(page, "1 4 Enter")
    page.get_by_text(CODES["complete"]).wait_for()

    rows = list(_votes(server.study, 1))
    standing = [row for row in rows if not row.superseded]
    assert len(standing) == 2 * total
    assert {row.sitting_state for row in rows} == {"complete"}
    first, second = ({row.question: row.answer for row in standing if row.position == at} for at in (0, 1))
    assert first == {"fidelity": "left", "alignment": "indifferent"}
    assert second == {"fidelity": "indifferent", "alignment": "left"}
    undone = {row.question: row.answer for row in rows if row.superseded}
    assert undone == {"fidelity": "right", "alignment": "right"}
    assert all(row.dwell_ms < 60_000 for row in rows)

    page.goto(page.url)  # the same link again: the code is still there, and nothing can be answered
    page.get_by_text(CODES["complete"]).wait_for()
    _export_and_analyse(server, tmp_path, capsys)


def _export_and_analyse(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The votes come out as an export, and as the rates of the models that the design says were on either side."""
    votes = tmp_path / "votes.csv"
    assert main(["study", "export", str(server.study), "--format", "csv", "--out", str(votes)]) == 0
    with votes.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["sitting_state"] == "complete" and row["kind"] == "main"]
    design = read_design(server.study)
    assert {row["design_sha256"] for row in rows} == {design.sha256}
    assert len(rows) == 7 * len(design.questions)
    out = tmp_path / "analysis"
    assert main(["study", "analyse", str(server.study), "--look", "--out", str(out)]) == 0
    assert "1 of 4" in capsys.readouterr().out  # one seat is complete, and the tables say so
    analysis = Analysis.model_validate_json((out / "analysis.json").read_bytes())
    (comparison,) = analysis.versions[0].comparisons
    (measured,) = [row for row in comparison.rows if (row.question, row.scope, row.average) == PLAIN]
    fidelity = [row for row in rows if row["question"] == "fidelity"]
    winners = [row[f"{row['answer']}_model"] for row in fidelity if row["answer"] != "indifferent"]
    assert measured.votes == len(fidelity) == 7
    assert measured.a.value == pytest.approx(winners.count(comparison.model_a) / 7)
    assert measured.b.value == pytest.approx(winners.count(comparison.model_b) / 7)


def test_nothing_in_the_browser_names_a_model(server: Server, links: Iterator[str], browser: Any) -> None:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    seen: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: seen.append(repr(frame))))
    page.on("response", lambda response: seen.append(f"{response.url} {response.headers}"))
    page.goto(next(links))
    consent(page)
    begin(page)
    _train(page, read_design(server.study))
    wait_for_screen(page, "Screen 1 of 8")
    everything = "".join([*seen, page.content(), page.evaluate("document.documentElement.innerHTML"), page.title()])
    assert "trial" in everything
    for word in (*SECRETS, *(name.lower() for name in SECRETS)):
        assert word not in everything


def test_a_rater_goes_on_at_another_device_and_no_screen_counts_twice(
    server: Server, links: Iterator[str], browser: Any
) -> None:
    link = next(links)
    laptop = open_page(browser, link)
    consent(laptop)
    begin(laptop)
    _train(laptop, read_design(server.study))
    wait_for_screen(laptop, "Screen 1 of 8")
    tablet = open_page(browser, link, viewport={"width": 820, "height": 1180})
    wait_for_screen(tablet, "Screen 1 of 8")
    assert shown_images(tablet) == shown_images(laptop)
    press(tablet, "1 4 Enter")
    wait_for_screen(tablet, "Screen 2 of 8")
    press(laptop, "3 6 Enter")  # the same screen, answered elsewhere meanwhile
    wait_for_screen(laptop, "Screen 2 of 8")
    votes = {(row.position, row.question): row.answer for row in _votes(server.study, 3) if not row.superseded}
    assert votes == {(0, "fidelity"): "right", (0, "alignment"): "right"}
