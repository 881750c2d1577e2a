"""A study under a path of a host that has other pages: the shipped site with another location, and a real browser."""

import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from human_eval_app.app.invitations import invitations
from tests.human_eval_app.app.admin.conftest import PASSWORD, WITH_PASSWORD
from tests.human_eval_app.app.browser_rater import begin, consent, open_page, press, wait_for_screen
from tests.human_eval_app.deploy import proxy as nginx
from tests.human_eval_app.deploy.proxy import Proxy, proxy
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import serving, write_study

PATH = "/lab/study"
HOME = "the lab's own page"
SITE = {"location / {": f'location = / {{ return 200 "{HOME}"; }}\n    location {PATH}/ {{'}
pytestmark = pytest.mark.skipif(nginx.missing() is not None, reason=str(nginx.missing()))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    design = make_design(categories={"Colors": 2}, samples=2, raters=3)
    return write_study(
        design, tmp_path_factory.mktemp("under a path") / "study", f'base_path = "{PATH}"\n{WITH_PASSWORD}'
    )


@pytest.fixture(scope="module")
def site(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with (
        serving(study) as server,
        proxy(tmp_path_factory.mktemp("nginx"), [server.port], PATH, SITE) as running,
    ):
        yield running


def _text(url: str, tls: ssl.SSLContext) -> str:
    with urllib.request.urlopen(url, timeout=30, context=tls) as reply:
        return str(reply.read().decode())


def test_a_rater_takes_part_beside_other_pages(study: Path, site: Proxy, browser: Any) -> None:
    assert _text(site.url.removesuffix(PATH), site.tls) == HOME
    link = invitations(study, site.url)[0]["link"]
    page = open_page(browser, link, ignore_https_errors=True)
    consent(page)
    begin(page)
    wait_for_screen(page, "Screen 1 of 2")  # with all its pictures
    assert all(size > 0 for size in page.locator(".shot img").evaluate_all("all => all.map(i => i.naturalWidth)"))
    press(page, "1 4 Enter")
    wait_for_screen(page, "Screen 2 of 2")
    assert "/study/image/... 200" in site.log()
    assert "/study/image/1/" not in site.log()  # no signed address


def test_the_lab_finds_its_page_and_makes_links_there(site: Proxy, browser: Any) -> None:
    page = open_page(browser, f"{site.url}/admin", ignore_https_errors=True)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("radio", name="Invitations", exact=True).click()
    address = page.get_by_label("Address of the app, as raters reach it")
    address.wait_for()
    assert address.input_value() == site.url
    page.get_by_role("button", name="Make links").click()
    page.get_by_text("3 links, good for").wait_for()
