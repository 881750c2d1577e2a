"""A rater's screen in a real browser: where things stand on a desktop and on a phone, and what opens above it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from human_eval_app.app.invitations import invitations
from human_eval_app.app.service import Service, open_service
from tests.human_eval_app.app.browser_rater import begin, consent, enlarge, open_page, press, wait_for_screen
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import Server, serving, write_study

CONTACT = "ask@lab.example"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BOXES = "all => all.map(each => each.getBoundingClientRect().toJSON())"
SCROLLED = "document.querySelector('[data-testid=stMain]').scrollTop"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    design = make_design(categories={"Colors": 2}, samples=8, raters=6)
    with serving(write_study(design, tmp_path_factory.mktemp("screen") / "study", f'contact = "{CONTACT}"')) as running:
        yield running


@pytest.fixture(scope="module")
def service(server: Server) -> Iterator[Service]:
    opened = open_service(server.study)
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def links(server: Server) -> Iterator[str]:
    return iter([row["link"] for row in invitations(server.study, server.url)])


def _boxes(page: Any, selector: str) -> list[dict[str, float]]:
    return list(page.locator(selector).evaluate_all(BOXES))


def _first_screen(browser: Any, link: str, **context: Any) -> Any:
    page = open_page(browser, link, **context)
    consent(page)
    page.get_by_role("heading", name="How it works").wait_for()
    if "is_mobile" in context:
        assert not page.get_by_text("with the keyboard").is_visible()
    begin(page)
    wait_for_screen(page, "Screen 1 of 2")
    return page


def test_both_questions_span_both_sets_and_the_caption_is_quoted(links: Iterator[str], browser: Any) -> None:
    page = _first_screen(browser, next(links))
    left, right = _boxes(page, ".set")
    for question in _boxes(page, "fieldset"):
        assert question["left"] <= left["left"]
        assert question["right"] >= right["right"]
        assert question["top"] >= max(left["bottom"], right["bottom"])
    assert _boxes(page, ".footer")[0]["bottom"] <= 720  # all of it is on a small laptop's screen
    quoted = page.locator(".caption q, legend q")
    facts = "all => all.map(q => [q.textContent, q.translate, q.dir, q.lang, getComputedStyle(q).fontWeight])"
    assert quoted.evaluate_all(facts) == [[quoted.first.inner_text(), False, "auto", "", "400"]] * 2
    assert "caption of colors-00" in quoted.first.inner_text()
    legend = page.locator("legend").last
    assert legend.evaluate("legend => getComputedStyle(legend).fontWeight") == "600"
    assert legend.inner_text().startswith("Which set of images better represents the text caption : ")


def test_a_phone_shows_pictures_to_judge_by_and_no_keys(links: Iterator[str], browser: Any) -> None:
    page = _first_screen(browser, next(links), **PHONE)
    first, second = _boxes(page, ".set")
    assert second["top"] > first["bottom"]
    assert min(box["width"] for box in _boxes(page, ".shot")) >= 150
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("kbd:visible").count() == 0
    page.locator(".shot").nth(2).tap()
    assert _boxes(page, ".zoom img")[0]["width"] >= 380
    assert "caption of colors-00" in page.locator(".zoom").inner_text()
    for name, x in (("touchstart", 300), ("touchend", 100)):  # a swipe to the left
        touch = [{"identifier": 1, "clientX": x, "clientY": 400}]
        page.locator(".zoom").dispatch_event(name, {"touches": touch, "changedTouches": touch})
    assert page.locator(".zoom .title").inner_text() == "Set A, picture 4 of 8"
    page.locator(".zoom .close").tap()
    for name in ("fidelity", "alignment"):
        page.locator(f"input[name={name}]").first.tap()
    page.locator(".next").first.tap()
    wait_for_screen(page, "Screen 2 of 2")
    assert page.evaluate(SCROLLED) == 0  # read from its beginning


def test_an_enlarged_picture_has_the_screen_to_itself(links: Iterator[str], browser: Any) -> None:
    page = _first_screen(browser, next(links), viewport={"width": 820, "height": 1180})
    enlarge(page)
    assert _boxes(page, ".zoom img")[0]["width"] == 820
    colour = page.locator(".zoom").evaluate("zoom => getComputedStyle(zoom).backgroundColor")
    assert colour.startswith("rgb(")  # nothing shines through
    page.set_viewport_size({"width": 1280, "height": 720})
    (picture,), sides = _boxes(page, ".zoom img"), _boxes(page, ".zoom .before, .zoom .after")
    assert sides[0]["right"] <= picture["left"]
    assert picture["right"] <= sides[1]["left"]
    assert picture["height"] >= 620


def test_a_late_close_of_the_enlarged_picture_takes_no_focus_from_the_answers(
    links: Iterator[str], browser: Any
) -> None:
    """The browser's event comes when it likes: Enter would open the picture again, not send the answers."""
    page = _first_screen(browser, next(links))
    enlarge(page)
    press(page, "Escape 1 4")
    page.locator(".zoom").dispatch_event("close")
    press(page, "Enter")
    wait_for_screen(page, "Screen 2 of 2")


def test_the_question_whether_to_stop_catches_keys_and_can_be_declined(
    links: Iterator[str], service: Service, browser: Any
) -> None:
    page = _first_screen(browser, next(links))
    stop = page.get_by_role("button", name="Stop taking part")
    stop.click()
    page.get_by_role("button", name="No, go on").and_(page.locator(":focus")).wait_for()
    press(page, "1 4 u Enter")  # Enter is "No, go on"
    assert page.locator("dialog[open]").count() == 0
    assert page.locator("input:checked").count() == 0
    stop.click()
    page.get_by_role("button", name="Yes, stop").click()
    page.get_by_role("heading", name="You have stopped").wait_for()
    assert service.store.raters()[-1].stage == "withdrawn"
    page.get_by_text(service.store.codes()["partial"]).wait_for()
    page.get_by_text(CONTACT).wait_for()


def test_a_problem_is_reported_beside_the_answers(links: Iterator[str], service: Service, browser: Any) -> None:
    page = _first_screen(browser, next(links))
    press(page, "3")
    for text in ("Picture 1 of 4 is\nall black <b>", "and so is another"):
        page.get_by_role("button", name="Report a problem").click()
        page.get_by_role("textbox").fill(text)
        press(page, "1")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("Thank you.").wait_for()
        assert not page.get_by_role("textbox").is_visible()  # nor is there anything to send
        assert page.locator("dialog[open] button:visible").all_text_contents() == ["Close"]
        press(page, "Enter")  # closes it
    assert page.locator("input:checked").evaluate_all("all => all.map(i => i.value)") == ["right"]
    rater = service.store.raters()[-1].rater
    told = [(problem.rater, problem.part, problem.position, problem.text) for problem in service.store.problems()]
    assert told == [(rater, "main", 0, "Picture 1 of 4 is\nall black <b>1"), (rater, "main", 0, "and so is another1")]
    press(page, "4 Enter")
    wait_for_screen(page, "Screen 2 of 2")


def test_coco_calls_an_image_by_one_name(tmp_path: Path, browser: Any) -> None:
    design = make_design("coco-photorealism", categories={"": 2}, samples=1, raters=1)
    with serving(write_study(design, tmp_path / "study")) as server:
        page = _first_screen(browser, invitations(server.study, server.url)[0]["link"])
        pictures = page.locator(".shot img").evaluate_all("all => all.map(i => i.alt)")
        sides, answers = (page.locator(name).all_text_contents() for name in ("h2", "fieldset label span"))
        assert pictures == sides == answers == ["Image A", "Image B"]


def test_the_caption_of_a_single_image_stands_above_it(tmp_path: Path, browser: Any) -> None:
    design = make_design("coco-alignment", categories={"": 2}, samples=1, raters=1)
    with serving(write_study(design, tmp_path / "study")) as server:
        page = _first_screen(browser, invitations(server.study, server.url)[0]["link"])
        (caption,), (questions,), (image,) = (_boxes(page, name) for name in (".caption", ".questions", ".set"))
        assert caption["left"] == questions["left"] > 200
        assert caption["bottom"] < image["top"]
        enlarge(page)
        assert page.locator(".zoom button:visible").all_text_contents() == ["×"]  # there is no other to turn to
