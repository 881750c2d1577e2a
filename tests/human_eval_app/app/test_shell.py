"""The page around every page: pasted links, no JavaScript, no websocket, the language, and where the focus goes."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.websocket_rater import WebsocketRater
from human_eval_app.app.invitations import invitations
from human_eval_app.app.rater.texts import texts
from human_eval_app.app.shell import shell_page
from tests.human_eval_app.app.browser_rater import begin, consent, open_page, wait_for_screen
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import Server, run_async, serving, write_study

CONTACT = "ask@lab.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    design = make_design(categories={"Colors": 2}, samples=2, raters=9)
    folder = tmp_path_factory.mktemp("shell") / "study"
    with serving(write_study(design, folder, f'contact = "{CONTACT}"')) as running:
        yield running


@pytest.mark.parametrize("end", [".", ")", ">", "/", "%20", "%3E", "%22,", "%E2%80%9D."])
def test_a_link_with_what_stood_behind_it_leads_to_the_study(server: Server, end: str) -> None:
    async def visit(link: str) -> str:
        async with WebsocketRater(link) as rater:
            return rater.text()

    link = invitations(server.study, server.url)[0]["link"]
    assert "Before you start" in run_async(visit(link + end))


def test_who_has_a_link_that_is_not_valid_reads_whom_to_ask(server: Server, browser: Any) -> None:
    page = open_page(browser, f"{server.url}/?t=guess")
    page.get_by_role("heading", name="not valid").wait_for()
    page.get_by_text(CONTACT).wait_for()


def test_without_javascript_one_sentence_says_what_to_do(links: Iterator[str], browser: Any) -> None:
    for locale, language in (("en-GB", "en"), ("de-CH", "de")):
        page = browser.new_context(java_script_enabled=False, locale=locale).new_page()
        page.goto(next(links))
        assert page.inner_text("body").strip() == texts(language)["shell"]["no_javascript"]
        assert page.evaluate("document.documentElement.lang") == language


def test_without_a_websocket_the_page_says_what_is_blocked_and_whom_to_ask(links: Iterator[str], browser: Any) -> None:
    page = browser.new_context(locale="de-DE").new_page()
    page.route_web_socket("**/_stcore/stream", lambda socket: socket.close())
    page.clock.install()
    page.goto(next(links))
    page.locator("#root > *").first.wait_for(state="attached")
    page.clock.run_for(9_000)
    assert page.get_by_role("alert").count() == 0
    page.clock.run_for(3_000)
    alert = page.get_by_role("alert").filter(has_text=texts("de")["shell"]["blocked_heading"])
    alert.wait_for(timeout=60_000)
    assert "Websocket" in alert.inner_text()
    assert CONTACT in alert.inner_text()
    page.unroute_all()
    with page.expect_navigation():
        alert.get_by_role("button").click()


def test_the_pages_language_is_that_of_its_texts(links: Iterator[str], browser: Any) -> None:
    page = open_page(browser, next(links), locale="de-DE")
    page.get_by_role("heading", name="Bevor Sie beginnen").wait_for()
    assert page.evaluate("document.documentElement.lang") == "de"
    assert page.title() == "Bilder vergleichen"
    page.get_by_role("combobox").click()
    page.get_by_role("option", name="English").click()
    page.locator('html[lang="en"]').wait_for(state="attached")
    page.get_by_role("heading", name="Before you start").wait_for()


def test_the_next_page_is_read_from_its_beginning(links: Iterator[str], browser: Any) -> None:
    page = open_page(browser, next(links), viewport={"width": 390, "height": 500})
    consent(page)
    heading = page.get_by_role("heading", name="How it works")
    heading.and_(page.locator(":focus")).wait_for()
    assert heading.evaluate("heading => heading.getBoundingClientRect().top") >= 0
    begin(page)
    wait_for_screen(page, "Screen 1 of 2")
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.className") == "caption"


def test_every_address_gets_our_page_as_it_is_and_nothing_of_it_is_kept(server: Server) -> None:
    for path in ("/", "/admin", "/anything/else"):
        request = urllib.request.Request(
            server.url + path, headers={"Accept-Language": "de,en", "Accept-Encoding": "gzip"}
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            assert reply.read() == shell_page("de", contact=CONTACT)
            assert reply.headers["ETag"] is None


def test_a_contact_with_markup_stays_text() -> None:
    page = shell_page("en", contact='"><img src=x onerror=alert(1)>').decode()
    assert "<img" not in page
    assert page.count("<script") == shell_page("en").decode().count("<script")


def test_the_page_is_under_the_base_path(tmp_path: Path) -> None:
    assert 'src="/lab/study/study/shell.js"' in shell_page("en", "/lab/study").decode()
