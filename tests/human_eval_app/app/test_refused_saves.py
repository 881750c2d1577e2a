"""The database cannot keep an answer: the screen stays as the rater left it, says so, and sends the answer again."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.websocket_rater import WebsocketRater
from human_eval_app.app.invitations import invitations
from human_eval_app.app.rater.texts import texts
from human_eval_app.store.records import VoteRow
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import read_design
from tests.human_eval_app import postgresql
from tests.human_eval_app.app.browser_rater import begin, consent, enlarge, press, wait_for_screen
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import run_async, serving, write_study

DESIGN = make_design(categories={"Colors": 3}, samples=1, raters=1)
PATIENCE = "patience_seconds = 0.5"
NOT_SAVED = texts("en")["trial"]["not_saved"]


def _rows(study: Path, database: str) -> list[VoteRow]:
    with closing(VoteStore.open(database, read_design(study), read_only=True)) as store:
        return list(store.vote_rows())


def _is_refusal(frame: str | bytes) -> bool:
    return b'"attempt": 1' in (frame.encode() if isinstance(frame, str) else frame)


def _checked(page: Any) -> list[str]:
    return [str(value) for value in page.locator("input:checked").evaluate_all("all => all.map(i => i.value)")]


def test_a_refused_answer_stays_on_the_screen_and_next_sends_it_again(tmp_path: Path, browser: Any) -> None:
    study = write_study(DESIGN, tmp_path / "study", PATIENCE)
    votes = study / "votes.sqlite"
    with serving(study) as server, closing(sqlite3.connect(votes, isolation_level=None)) as other:
        page = browser.new_context(locale="en-GB").new_page()
        page.set_default_timeout(60_000)
        with page.expect_websocket() as opened:
            page.goto(invitations(study, server.url)[0]["link"])
        consent(page)
        begin(page)
        wait_for_screen(page, "Screen 1 of 3")
        enlarge(page)
        press(page, "Escape 1 4")
        other.execute("BEGIN IMMEDIATE")  # nobody else can write
        with opened.value.expect_event("framereceived", _is_refusal, timeout=60_000):
            press(page, "Enter")
        next_again = page.locator('.next[aria-disabled="false"]')
        next_again.wait_for()
        assert page.locator(".status").inner_text() == NOT_SAVED
        assert _checked(page) == ["left", "left"]
        other.execute("ROLLBACK")
        next_again.click()
        wait_for_screen(page, "Screen 2 of 3")
        assert _checked(page) == []
    rows = _rows(study, f"sqlite:///{votes}")
    assert [(row.position, row.answer, row.zooms, row.superseded) for row in rows] == [(0, "left", 1, False)] * 2


@pytest.mark.skipif(postgresql.missing() is not None, reason=str(postgresql.missing()))
def test_the_screen_stays_while_the_database_is_away(tmp_path: Path) -> None:
    study = write_study(DESIGN, tmp_path / "study", PATIENCE)

    async def rate(link: str, database: postgresql.Server) -> None:
        async with WebsocketRater(link) as rater:
            while (screen := rater.screen()) is None:
                assert await rater.leave_page()
            database.stop()
            await rater.answer(screen)
            refused = rater.screen()
            assert refused is not None
            assert (refused["key"], refused["notice"]) == (screen["key"], NOT_SAVED)
            database.start()
            await rater.take_part()

    with postgresql.server() as database:
        url = database.new_database()
        with serving(study, url) as server:
            run_async(rate(invitations(study, server.url)[0]["link"], database))
        assert [row.position for row in _rows(study, url)] == [0, 0, 1, 1, 2, 2]
