"""The server is killed with kill -9 while raters answer: every screen that moved on is a vote, and counts once."""

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from benchmarks.websocket_rater import WebsocketRater
from human_eval_app.app.invitations import invitations
from human_eval_app.app.service import open_service
from tests.human_eval_app import postgresql
from tests.human_eval_app.app.browser_rater import begin, consent, open_page, press, wait_for_screen
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import Server, run_async, write_study

RATERS, TRIALS = 6, 30


async def _rate_through_kills(link: str, acknowledged: list[str], stop: asyncio.Event) -> None:
    """Answer until the study ends, coming back after every loss of the connection; note each screen that moved on."""
    while not stop.is_set():
        try:
            async with WebsocketRater(link) as rater:
                while (screen := rater.screen()) is None:
                    if not await rater.leave_page():
                        return
                while screen is not None:
                    await asyncio.sleep(0.02)
                    await rater.answer(screen)
                    following = rater.screen()
                    if following is None or following["key"] != screen["key"]:
                        acknowledged.append(screen["key"])
                    screen = following
                return
        except (ConnectionClosed, OSError, TimeoutError):
            await asyncio.sleep(0.2)


async def _kill_often(server: Server, kills: int, random: Random) -> dict[str, list[str]]:
    links = [row["link"] for row in invitations(server.study, server.url)]
    acknowledged: dict[str, list[str]] = {link: [] for link in links}
    stop = asyncio.Event()
    raters = [asyncio.create_task(_rate_through_kills(link, acknowledged[link], stop)) for link in links]
    try:
        for _ in range(kills):
            before = sum(map(len, acknowledged.values()))
            while sum(map(len, acknowledged.values())) < before + 3 and not all(rater.done() for rater in raters):
                await asyncio.sleep(0.01)  # each kill meets a server that has taken votes since the last one
            await asyncio.sleep(random.uniform(0, 0.15))
            server.kill()
            await asyncio.to_thread(server.start)
        await asyncio.wait_for(asyncio.gather(*raters), 120)
    finally:
        stop.set()
    return acknowledged


def _survives(folder: Path, kills: int, database: str | None) -> None:
    design = make_design(categories={"Colors": TRIALS}, samples=1, raters=RATERS)
    server = Server(write_study(design, folder / "study"), database).start()
    try:
        acknowledged = run_async(_kill_often(server, kills, Random(7)))
    finally:
        server.stop()
    service = open_service(server.study, database)
    rows = list(service.store.vote_rows())
    counted = Counter((row.sitting, row.position, row.question) for row in rows if not row.superseded)
    keys = {f"{row.sitting}-{row.part}-{row.position}-{row.sequence}" for row in rows}
    states = [rater.stage for rater in service.store.raters()]
    service.store.close()
    told = [key for keys_of_one in acknowledged.values() for key in keys_of_one]
    assert len(told) >= 3 * kills
    assert set(told) <= keys  # no acknowledged vote is lost
    assert set(counted.values()) == {1}  # none counts twice
    assert len(counted) == RATERS * TRIALS * len(design.questions)
    assert states == ["complete"] * RATERS


def test_votes_survive_kills_of_the_server(tmp_path: Path) -> None:
    _survives(tmp_path, 2, None)


def test_an_answer_given_while_the_server_is_away_arrives_by_itself(tmp_path: Path, browser: Any) -> None:
    study = write_study(make_design(categories={"Colors": 3}, samples=1, raters=1), tmp_path / "study")
    server = Server(study).start()
    try:
        page = open_page(browser, invitations(study, server.url)[0]["link"])
        consent(page)
        begin(page)
        wait_for_screen(page, "Screen 1 of 3")
        server.kill()
        press(page, "1 4 Enter")
        server.start()
        wait_for_screen(page, "Screen 2 of 3")  # without another key
    finally:
        server.stop()


@pytest.mark.proof
def test_votes_survive_ten_kills_of_the_server(tmp_path: Path) -> None:
    _survives(tmp_path, 10, None)


@pytest.mark.proof
@pytest.mark.skipif(postgresql.missing() is not None, reason=str(postgresql.missing()))
def test_votes_survive_ten_kills_of_the_server_before_postgresql(tmp_path: Path) -> None:
    with postgresql.server() as database:
        _survives(tmp_path, 10, database.new_database())
