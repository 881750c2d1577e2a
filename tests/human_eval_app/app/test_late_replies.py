"""Replies that come late, second windows and pauses, in a real browser: no answer is dropped without a word."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from human_eval_app.app.invitations import invitations
from human_eval_app.app.rater.texts import texts
from human_eval_app.store.store import VoteStore
from tests.human_eval_app.app.browser_rater import begin, consent, open_page, press, wait_for_screen
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import CODES, Server, serving, write_study

TEXTS = texts("en")
DESIGN = make_design(categories={"Colors": 4}, samples=1, raters=6)
CONTACT = "lab@example.org"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(write_study(DESIGN, tmp_path_factory.mktemp("late") / "study", f'contact = "{CONTACT}"')) as running:
        yield running


@pytest.fixture(scope="module")
def links(server: Server) -> Iterator[str]:
    return iter([row["link"] for row in invitations(server.study, server.url)])


@pytest.fixture(scope="module")
def store(server: Server) -> Iterator[VoteStore]:
    opened = VoteStore.open(f"sqlite:///{server.study / 'votes.sqlite'}", DESIGN)
    yield opened
    opened.close()


def votes_of(store: VoteStore, link: str) -> list[tuple[int, str, bool]]:
    """Position, answer to the first question and whether it is superseded, of the rater who came last by the link."""
    rater = max(row.rater for row in store.vote_rows())
    return [
        (row.position, row.answer, row.superseded)
        for row in store.vote_rows()
        if row.rater == rater and row.question == "fidelity"
    ]


def at_the_first_screen(page: Any) -> Any:
    consent(page)
    begin(page)
    wait_for_screen(page, "Screen 1 of 4")
    return page


class Line:
    """The page's connection to the server, on which nothing comes back while it is held."""

    def __init__(self) -> None:
        self.held = False
        self._waiting: list[Callable[[], None]] = []

    def route(self, browsers: Any) -> None:
        server = browsers.connect_to_server()
        server.on_message(lambda frame: self._pass(lambda: browsers.send(frame)))

    def _pass(self, send: Callable[[], None]) -> None:
        if self.held:
            self._waiting.append(send)
        else:
            send()

    def release(self) -> None:
        self.held = False
        for send in self._waiting:
            send()
        self._waiting.clear()


def test_an_answer_without_a_reply_stays_as_it_was_sent(links: Iterator[str], store: VoteStore, browser: Any) -> None:
    line, link = Line(), next(links)
    page = open_page(browser, "about:blank")
    page.route_web_socket(re.compile("/_stcore/stream"), line.route)
    page.clock.install()
    page.goto(link)
    at_the_first_screen(page)
    line.held = True
    press(page, "1 4 Enter")
    page.get_by_text(TEXTS["trial"]["saving"]).wait_for()
    for _ in range(6):  # the page sends the answer again, every few seconds
        page.clock.run_for(5_000)
        page.wait_for_timeout(50)
    page.locator(".status", has_text=TEXTS["trial"]["unconfirmed"]).wait_for()
    press(page, "3 6")
    assert page.locator("input:checked").evaluate_all("all => all.map(i => i.value)") == ["left", "left"]
    assert page.locator("input:enabled").count() == 0
    line.release()
    wait_for_screen(page, "Screen 2 of 4")
    assert votes_of(store, link) == [(0, "left", False)]


def test_another_answer_from_a_second_window_takes_the_place_of_the_first(
    links: Iterator[str], store: VoteStore, browser: Any
) -> None:
    link = next(links)
    one = at_the_first_screen(open_page(browser, link))
    other = open_page(browser, link)
    wait_for_screen(other, "Screen 1 of 4")
    press(one, "1 4 Enter")
    wait_for_screen(one, "Screen 2 of 4")
    press(other, "3 6 Enter")
    wait_for_screen(other, "Screen 2 of 4")
    assert votes_of(store, link) == [(0, "left", True), (0, "right", False)]


def test_a_window_left_behind_is_told_which_answer_stands(links: Iterator[str], store: VoteStore, browser: Any) -> None:
    link = next(links)
    one = at_the_first_screen(open_page(browser, link))
    other = open_page(browser, link)
    wait_for_screen(other, "Screen 1 of 4")
    for screen in ("Screen 2 of 4", "Screen 3 of 4"):
        press(one, "1 5 Enter")
        wait_for_screen(one, screen)
    press(other, "3 6 Enter")
    wait_for_screen(other, "Screen 3 of 4")
    told = other.locator(".status").inner_text()
    assert told == TEXTS["trial"]["stands"].format(answers="I prefer set A. I am indifferent.")
    assert votes_of(store, link) == [(0, "left", False), (1, "left", False)]


def test_a_paused_page_wakes_by_itself_with_the_answer_that_met_the_pause(
    links: Iterator[str], store: VoteStore, browser: Any
) -> None:
    link = next(links)
    page = at_the_first_screen(open_page(browser, link))
    store.set_status("paused")
    press(page, "2 5 Enter")
    page.get_by_role("heading", name=TEXTS["end"]["paused_heading"]).wait_for()
    page.get_by_text(CONTACT).wait_for()
    store.set_status("open")
    wait_for_screen(page, "Screen 2 of 4")
    assert votes_of(store, link) == [(0, "indifferent", False)]


def test_who_stops_and_who_comes_to_a_closed_study_get_a_code_and_the_contact(
    links: Iterator[str], store: VoteStore, browser: Any
) -> None:
    page = at_the_first_screen(open_page(browser, next(links)))
    rating = at_the_first_screen(open_page(browser, next(links)))
    page.get_by_role("button", name=TEXTS["common"]["stop"]).click()
    page.get_by_role("button", name=TEXTS["common"]["stop_yes"]).click()
    page.get_by_role("heading", name=TEXTS["end"]["withdrawn_heading"]).wait_for()
    page.get_by_text(CONTACT).wait_for()
    codes = store.codes()
    page.get_by_text(codes["partial"]).wait_for()
    store.set_status("closed")
    press(rating, "1 4 Enter")
    rating.get_by_role("heading", name=TEXTS["end"]["closed_heading"]).wait_for()
    rating.get_by_text(CONTACT).wait_for()
    rating.get_by_text(codes["closed"]).wait_for()
    assert codes["complete"] == CODES["complete"]


UNFILLED = ("", "&PROLIFIC_PID=", "&PROLIFIC_PID={{%PROLIFIC_PID%}}", "&PROLIFIC_PID=null")


def test_a_link_whose_id_was_not_filled_in_is_a_preview(server: Server, store: VoteStore, browser: Any) -> None:
    before = len(store.raters())
    (row,) = invitations(server.study, server.url, service="prolific")
    page = open_page(browser, "about:blank")
    for unfilled in UNFILLED:
        page.goto(row["link"].split("&")[0] + unfilled)
        page.get_by_role("heading", name=TEXTS["door"]["preview_heading"]).wait_for()
    assert len(store.raters()) == before
