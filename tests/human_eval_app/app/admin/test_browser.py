"""The admin page in a real browser: the door, what reaches raters, downloads, texts that try to be more than text."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from human_eval_app.analysis.votes import read_votes, rows_of
from human_eval_app.app.service import Service, open_service
from human_eval_app.app.tokens import TOKEN
from human_eval_app.store.records import Identity
from human_eval_app.study.design import Exclusion, Stopping
from tests.chromium import violations
from tests.human_eval_app.app.admin.conftest import PASSWORD, WITH_PASSWORD
from tests.human_eval_app.app.browser_rater import begin, consent, open_page, press, wait_for_screen
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import Server, serving, write_study
from tests.human_eval_app.store.sitting import finish, ready

NASTY = "<img src=x onerror=alert(1)> **bold** :red[red]"
MODELS = ("SECRETONE <img src=x onerror=alert(2)>", "SECRETTWO **bold**")
PARTS = {
    "Overview": "Quotas",
    "Decision": "What this is",
    "Raters": "Everyone",
    "Problems": "Problems with screens",
    "Quality": "Conspicuous raters",
    "Invitations": "Make links",
    "Export": "Every answer ever given",
    "Design": "Departures from the paper",
    "Results": "hidden until the study is closed",
}
DRAWN = ("Overview", "Quality")  # with all colours of ours


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    rules = (Exclusion(rule="straight_lining", threshold=0.5),)
    design = make_design(
        categories={NASTY: 3}, models=MODELS, raters=6, gold=1, mirrored=1, exclusions=rules, name=f"Study {NASTY}"
    )
    design = design.model_copy(update={"stopping": Stopping(at_decision="advise", pause_minutes=60)})
    with serving(write_study(design, tmp_path_factory.mktemp("admin") / "study", WITH_PASSWORD)) as running:
        yield running


@pytest.fixture(scope="module")
def service(server: Server) -> Iterator[Service]:
    opened = open_service(server.study)
    place = ready(opened.store, "somebody")
    opened.store.report_problem(place.rater, place.sitting or 0, "main", 1, f"A problem {NASTY}")
    finish(opened.store, opened.design, place)
    yield opened
    opened.store.close()


def _enter(page: Any, password: str = PASSWORD) -> None:
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")


def _open(page: Any, part: str) -> None:
    page.get_by_role("radio", name=part, exact=True).click()
    page.get_by_text(PARTS[part]).first.wait_for()


def test_a_wrong_password_is_refused_and_the_right_one_lets_in(server: Server, service: Service, browser: Any) -> None:
    page = open_page(browser, f"{server.url}/admin")
    _enter(page, "not the password")
    page.get_by_text("This is not the password.").wait_for()
    assert page.get_by_text("Quotas").count() == 0
    _enter(page)
    page.get_by_text("Quotas").wait_for()
    page.reload()  # nothing in the browser keeps the door open
    page.get_by_label("Password", exact=True).wait_for()
    assert page.get_by_text("Quotas").count() == 0


def test_a_rater_sees_the_door_and_is_told_of_no_admin_page(server: Server, service: Service, browser: Any) -> None:
    invitation = f"?{TOKEN}={service.signer.invitation('curious')}"
    page = open_page(browser, f"{server.url}/admin{invitation}")
    page.get_by_label("Password", exact=True).wait_for()
    content = page.content()
    assert not any(secret in content for secret in ("SECRET", "Study ", service.design.sha256[:12], "Quotas"))

    page = browser.new_context(locale="en-GB").new_page()
    seen: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: seen.append(repr(frame))))
    page.goto(f"{server.url}/{invitation}")
    consent(page)
    begin(page)
    wait_for_screen(page, "Screen 1 of 5")
    everything = "".join([*seen, page.content()]).lower()
    assert "trial" in everything
    assert "admin" not in everything


def test_a_pause_reaches_a_rater_at_the_next_answer(server: Server, service: Service, browser: Any) -> None:
    rater = open_page(browser, f"{server.url}/?{TOKEN}={service.signer.invitation('to be paused')}")
    consent(rater)
    begin(rater)
    wait_for_screen(rater, "Screen 1 of 5")
    admin = open_page(browser, f"{server.url}/admin")
    _enter(admin)
    admin.get_by_role("button", name="Pause").click()
    admin.get_by_role("button", name="Pause now").wait_for()
    assert violations(admin) == []
    admin.get_by_role("button", name="Pause now").click()
    admin.get_by_role("button", name="Resume").wait_for()
    press(rater, "1 4 Enter")
    rater.get_by_role("heading", name="paused").wait_for()
    admin.get_by_role("button", name="Resume").click()
    admin.get_by_role("button", name="Pause").wait_for()
    rater.reload()
    wait_for_screen(rater, "Screen 1 of 5")  # the answer during the pause was not taken


def test_a_download_holds_the_stores_rows(server: Server, service: Service, browser: Any, tmp_path: Path) -> None:
    page = open_page(browser, f"{server.url}/admin")
    _enter(page)
    _open(page, "Export")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").last.click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == f"votes-all-{service.design.sha256[:12]}.csv"
    assert read_votes(path) == rows_of(service.store.vote_rows())


def test_markup_in_any_text_stays_text_and_axe_finds_nothing(server: Server, service: Service, browser: Any) -> None:
    service.store.enter(Identity("prolific", NASTY))  # as one that came when the door took any text for an id
    page = open_page(browser, f"{server.url}/admin")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    _enter(page)
    found, shown = {}, []
    for part in PARTS:
        _open(page, part)
        if part == "Raters":  # the table is drawn on a canvas; what it says stands beside it for screen readers
            page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
        assert page.locator('main img[src="x"], main [onerror], main strong:text("bold")').count() == 0
        assert page.locator("main span:text-is('red')").count() == 0
        shown.append(page.locator("main").text_content())
        _wait_until_it_fits_a_phone(page)
        for colours in ("dark", "light") if part in DRAWN else ("light",):
            _paint(page, colours)
            found[part, colours] = violations(page)
    assert dialogs == []
    assert f"Study {NASTY}" in shown[0]
    assert all(model in shown[list(PARTS).index("Design")] for model in MODELS)
    assert f"A problem {NASTY}" in shown[list(PARTS).index("Problems")]
    assert NASTY in {rater.external_id for rater in service.store.raters()}
    assert {where: each for where, each in found.items() if each} == {}


def _wait_until_it_fits_a_phone(page: Any) -> None:
    """Until nothing has to be pushed sideways on a screen of 390 pixels; tables and charts take a moment."""
    before = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    _until(page, "document.querySelector('[data-testid=stMain]').scrollWidth", 390)
    page.set_viewport_size(before)


def _paint(page: Any, colours: str) -> None:
    """Change the colours as the system's setting would, and wait until the page has them."""
    page.emulate_media(color_scheme=colours)
    _until(page, "getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme", colours)


def _until(page: Any, expression: str, value: object) -> None:
    """Asked from outside: Playwright's own waiting evaluates text in the page, which the page's policy forbids."""
    for _ in range(400):
        if page.evaluate(expression) == value:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{expression} is {page.evaluate(expression)!r}, not {value!r}")


def test_the_results_of_a_closed_study_can_be_read_on_a_phone(tmp_path: Path, browser: Any) -> None:
    with serving(write_study(make_design(samples=1, raters=2), tmp_path / "study", WITH_PASSWORD)) as server:
        service = open_service(server.study)
        for number in range(4):
            finish(service.store, service.design, ready(service.store, f"rater {number}"))
        service.store.set_status("closed")
        service.store.close()
        page = open_page(browser, f"{server.url}/admin", viewport={"width": 390, "height": 844})
        _enter(page)
        page.get_by_role("radio", name="Results", exact=True).click()
        page.get_by_text("Show which model raters preferred").click()
        chart = page.locator("main img.chart")
        chart.wait_for()
        page.get_by_role("rowheader", name="fidelity").first.wait_for()
        _wait_until_it_fits_a_phone(page)
        assert chart.bounding_box()["width"] > 600  # pushed sideways, not made too small to read
        heights = "all => Math.max(...all.map(row => row.getBoundingClientRect().height))"
        assert page.locator("main tr:visible").evaluate_all(heights) < 130  # no word is broken letter by letter
        assert violations(page) == []


def test_raters_pages_load_nothing_of_the_admins(server: Server, service: Service) -> None:
    script = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from human_eval_app.app.server import SCRIPT\n"
        "page = AppTest.from_file(str(SCRIPT), default_timeout=60)\n"
        f"page.query_params[{TOKEN!r}] = {service.signer.invitation('light')!r}\n"
        "assert page.run().checkbox, page\n"
        "assert not page.exception\n"
        "print([name for name in sys.modules if 'admin' in name or name.split('.')[0] in ('altair', 'matplotlib')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"DRAWBENCH_STUDY": str(server.study), "PATH": ""},
    )
    assert done.stdout.splitlines()[-1] == "[]"
