"""WCAG 2.1 A and AA by axe-core on every kind of page, in light and dark, and a way through by keyboard alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chromium import violations
from tests.human_eval_app.app.browser_rater import begin, consent, enlarge, open_page, press, wait_for_screen
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import CODES, Server, serving, write_study


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    design = make_design(categories={"Colors": 2}, samples=8, raters=6)
    with serving(write_study(design, tmp_path_factory.mktemp("accessible") / "study")) as running:
        yield running


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(links: Iterator[str], browser: Any, colours: str) -> None:
    page = open_page(browser, next(links), color_scheme=colours)
    found = {}
    page.get_by_text("I am at least 18").click()
    page.get_by_role("button", name="Start", disabled=False).wait_for()
    found["consent"] = violations(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="I am ready").wait_for()
    found["instructions"] = violations(page)
    begin(page)
    wait_for_screen(page, "Screen 1 of 2")
    found["trial"] = violations(page)
    press(page, "1 4")
    found["answered trial"] = violations(page)
    enlarge(page)
    found["enlarged"] = violations(page)
    press(page, "Escape")
    page.get_by_role("button", name="Stop taking part").click()
    found["stop"] = violations(page)
    press(page, "Escape")
    page.get_by_role("button", name="Report a problem").click()
    found["report"] = violations(page)
    press(page, "Escape 1 Enter")
    wait_for_screen(page, "Screen 2 of 2")
    press(page, "1 4 Enter")
    page.get_by_text(CODES["complete"]).wait_for()
    found["end"] = violations(page)
    assert {name: each for name, each in found.items() if each} == {}


_FOCUSED = """() => {
    let at = document.activeElement;
    while (at && at.shadowRoot && at.shadowRoot.activeElement) at = at.shadowRoot.activeElement;
    if (!at || !["A", "BUTTON", "INPUT"].includes(at.tagName)) return "";
    return [at.innerText, at.value, at.getAttribute("aria-label"), at.closest("label")?.innerText].join("|");
}"""


def _tab_to(page: Any, name: str) -> None:
    """Press Tab until the control with this name has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if re.search(name, focused):
            return
    raise AssertionError(f"Tab never reaches {name}")


def test_tab_space_and_enter_are_enough(links: Iterator[str], browser: Any) -> None:
    page = open_page(browser, next(links))
    page.get_by_role("button", name="Start").wait_for()
    _tab_to(page, "I am at least 18")
    press(page, "Space")
    page.get_by_role("button", name="Start", disabled=False).wait_for()
    _tab_to(page, "Start")
    press(page, "Enter")
    page.get_by_role("button", name="I am ready").wait_for()
    _tab_to(page, "I am ready")
    press(page, "Enter")
    wait_for_screen(page, "Screen 1 of 2")
    _tab_to(page, "left")  # the first answer of the first question
    press(page, "Space Tab Space")  # the arrows would move inside a question; Tab goes to the next
    _tab_to(page, "Next")
    press(page, "Enter")
    wait_for_screen(page, "Screen 2 of 2")


def test_an_enlarged_picture_turns_and_closes_by_keyboard(links: Iterator[str], browser: Any) -> None:
    page = open_page(browser, next(links))
    consent(page)
    begin(page)
    wait_for_screen(page, "Screen 1 of 2")
    page.locator(".shot").nth(2).focus()
    press(page, "Enter")
    title = page.locator(".zoom .title")
    assert title.inner_text() == "Set A, picture 3 of 8"
    press(page, "ArrowRight")
    assert title.inner_text() == "Set A, picture 4 of 8"
    press(page, "1 Escape")  # keys of the answers do nothing behind an enlarged picture
    assert page.locator("input:checked").count() == 0
    press(page, "Enter")  # the focus is back on the picture that was last seen
    assert title.inner_text() == "Set A, picture 4 of 8"
