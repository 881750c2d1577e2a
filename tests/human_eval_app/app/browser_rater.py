"""A rater at a real browser: the steps that every browser test takes, each waiting for the screen that follows."""

import re
from typing import Any

Page = Any  # playwright.sync_api.Page
_TIMEOUT_MS = 60_000

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def open_page(browser: Any, link: str, **context: Any) -> Page:
    """A new window at the link, in English unless told otherwise."""
    page = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1280, "height": 720}, **context}).new_page()
    page.set_default_timeout(_TIMEOUT_MS)
    page.goto(link)
    return page


def consent(page: Page) -> None:
    """Agree on the first page and start."""
    start = page.get_by_role("button", name=re.compile("^(Start|Beginnen)$"))
    start.wait_for()
    assert start.is_disabled()
    page.get_by_text(re.compile("I am at least 18|mindestens 18")).click()
    page.get_by_role("button", name=re.compile("^(Start|Beginnen)$"), disabled=False).click()


def begin(page: Page) -> None:
    """Leave the instructions."""
    page.get_by_role("button", name=re.compile("I am ready|Ich bin bereit")).click()


def wait_for_screen(page: Page, text: str) -> None:
    """Until the progress line says so and every picture is there."""
    page.locator(".progress", has_text=re.compile(f"^{re.escape(text)}$")).wait_for()
    page.locator('.root[data-loaded="true"]').wait_for()


def shown_images(page: Page) -> list[str]:
    """The tokens of the pictures on the screen, in order."""
    return [
        str(source).split("/")[-1] for source in page.locator(".shot img").evaluate_all("all => all.map(i => i.src)")
    ]


def press(page: Page, keys: str) -> None:
    """Keys one after another, by their names."""
    for key in keys.split():
        page.keyboard.press(key)


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.1 A and AA on the page as it stands."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": LEVELS}}).response
    assert found["passes"]
    return [f"{each['id']}: {node['html'][:120]}" for each in found["violations"] for node in each["nodes"]]
