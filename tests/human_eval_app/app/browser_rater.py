"""A rater at a real browser: the steps that every browser test takes, each waiting for the screen that follows."""

import re
from typing import Any

Page = Any  # playwright.sync_api.Page
_TIMEOUT_MS = 60_000


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


def enlarge(page: Page) -> None:
    """A click on the first image, and the large one that it opens; a key that is pressed earlier goes to the screen."""
    page.locator(".shot").first.click()
    page.locator(".zoom[open]").wait_for()


def press(page: Page, keys: str) -> None:
    """Keys one after another, by their names."""
    for key in keys.split():
        page.keyboard.press(key)
