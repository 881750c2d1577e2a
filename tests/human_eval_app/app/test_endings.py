"""Every way a study can end for a rater, with its own sentence and its own completion code."""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.websocket_rater import WebsocketRater
from human_eval_app.app.service import Service, open_service
from human_eval_app.app.tokens import TOKEN
from human_eval_app.store.records import Ending
from human_eval_app.study.design import Answer, Trial
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import CODES, Server, run_async, serving, write_study

TIMING = {"load_ms": 10, "dwell_ms": 900, "zooms": 0, "shown_at": "2026-01-01T00:00:00Z"}
CONTACT = "lab@example.org"
OTHER: dict[Answer, Answer] = {"left": "right", "right": "left"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    design = make_design(categories={"Colors": 2, "Counting": 1}, samples=1, raters=1, gold=2, minimum_gold_correct=0.8)
    study = write_study(
        design,
        tmp_path_factory.mktemp("endings") / "study",
        f'return_url = "https://back.example/?cc={{code}}"\ncontact = "{CONTACT}"',
    )
    with serving(study) as running:
        yield running


@pytest.fixture(scope="module")
def service(server: Server) -> Iterator[Service]:
    opened = open_service(server.study)
    yield opened
    opened.store.close()


def _link(server: Server, service: Service, name: str, panel: str = "colors") -> str:
    return f"{server.url}/?{TOKEN}={service.signer.invitation(name, panel)}"


def _everything(rater: WebsocketRater) -> str:
    return " ".join(str(element) for element in rater.elements.values())


def _codes_on(page: str, service: Service) -> list[Ending]:
    return [ending for ending, code in service.store.codes().items() if code in page]


async def _come(link: str) -> str:
    async with WebsocketRater(link) as rater:
        return _everything(rater)


async def _rate(link: str, service: Service, right: bool) -> str:
    """Take part to the end, with every known answer right or wrong; the last page."""
    async with WebsocketRater(link) as rater:
        while await _step(rater, service, right):
            pass
        return _everything(rater)


async def _step(rater: WebsocketRater, service: Service, right: bool) -> bool:
    screen = rater.screen()
    if screen is None:
        return await rater.leave_page()
    trial = _trial(service, screen)
    answers: dict[str, Answer] = {question["id"]: "indifferent" for question in screen["questions"]}
    answers |= {question: known if right else OTHER[known] for question, known in trial.expected.items()}
    await rater.send_event("answer", {"key": screen["key"], "answers": answers, "timing": TIMING})
    return True


def _trial(service: Service, screen: dict[str, Any]) -> Trial:
    """The trial on the screen, which the design knows by its place and the browser does not."""
    return service.design.trials_of_seat["colors-001"][int(screen["key"].split("-")[2])]


def test_raters_are_screened_out_finish_and_find_no_place_left_each_with_their_own_code(
    server: Server, service: Service
) -> None:
    careless = run_async(_rate(_link(server, service, "careless"), service, right=False))
    assert CODES["screened_out"] in careless
    careful = run_async(_rate(_link(server, service, "careful"), service, right=True))
    assert CODES["complete"] in careful  # the careless rater's seat was free again
    late = run_async(_rate(_link(server, service, "late"), service, right=True))
    assert CODES["full"] in late
    pages = {"screened_out": careless, "complete": careful, "full": late}
    for name, page in pages.items():
        assert _codes_on(page, service) == [name]
        assert CONTACT in page
        assert f"https://back.example/?cc={CODES[name]}" in page
        assert "close this page" not in page  # before they went back, nobody would pay them


def test_an_answer_after_the_end_of_a_sitting_meets_the_ending_alone(server: Server, service: Service) -> None:
    async def answer_late() -> str:
        async with WebsocketRater(_link(server, service, "too late", "counting")) as rater:
            while (screen := rater.screen()) is None:
                await rater.leave_page()
            service.store.withdraw(max(each.rater for each in service.store.raters()))
            answers = {question["id"]: "indifferent" for question in screen["questions"]}
            await rater.send_event("answer", {"key": screen["key"], "answers": answers, "timing": TIMING})
            while rater.screen() is not None:
                await rater.leave_page()
            return _everything(rater)

    page = run_async(answer_late())
    assert "You have stopped" in page
    assert "another window" not in page


def test_the_end_of_a_study_has_a_code_and_a_pause_has_none(server: Server, service: Service) -> None:
    link = _link(server, service, "waiting")
    try:
        service.store.set_status("paused")
        paused = run_async(_come(link))
        service.store.set_status("closed")
        closed = run_async(_come(link))
    finally:
        service.store.set_status("open")
    assert "The study is paused" in paused
    assert _codes_on(paused, service) == []
    assert "The study is closed" in closed
    assert _codes_on(closed, service) == ["closed"]
    assert CONTACT in paused
    assert CONTACT in closed


def test_a_task_that_was_not_accepted_shows_a_preview_and_registers_nobody(server: Server, service: Service) -> None:
    before = len(service.store.raters())
    token = service.signer.recruitment("mturk")
    page = run_async(_come(f"{server.url}/?{TOKEN}={token}&assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE"))
    assert "preview" in page
    assert len(service.store.raters()) == before


def test_a_rater_who_stops_is_thanked_and_gives_the_place_back(server: Server, service: Service) -> None:
    link = _link(server, service, "stopping", "counting")

    async def stop() -> str:
        async with WebsocketRater(link) as rater:
            assert await rater.leave_page()  # the box is ticked
            assert await rater.leave_page()
            assert "How it works" in rater.text()
            service.store.withdraw(service.store.raters()[-1].rater)
        return await _come(link)

    page = run_async(stop())
    assert "You have stopped" in page
    assert _codes_on(page, service) == ["partial"]
    assert CONTACT in page
    (seat,) = [seat for seat in service.store.seats() if seat.panel == "counting"]
    assert seat.status == "free"
