"""A report in a real browser, opened from disk. Models and numbers here are made up."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.report.build import PAGES, write_report
from drawbench.report.sources import Sources, read_runs
from drawbench.runs.directory import RunDirectory
from tests.chromium import Tab, violations
from tests.drawbench.report.made_up import CATEGORIES, EVIL, MadeUp, add_scores, comparison, scored_run
from tests.drawbench.synthetic import human_result, preference

N = 40  # prompts of a category: more than are in sight
PROMPTS = PromptSet(
    "many",
    tuple(
        Prompt(f"{category.lower()}-{number:03d}", category, f"{'a heron' if number == 7 else 'a thing'} {number}")
        for category in CATEGORIES
        for number in range(1, N + 1)
    ),
)
LAST = f"text-{N:03d}"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three runs: one has a name of HTML, one refuses a prompt, one draws fewer samples."""
    folder = tmp_path_factory.mktemp("browser")
    made = {
        "one": MadeUp("first model", PROMPTS, samples=2, levels=(0.2, 0.6)),
        "two": MadeUp(EVIL, PROMPTS, ("colors-003",), samples=2, levels=(0.9, 0.5)),
        "three": MadeUp("third model", PROMPTS, samples=1, levels=(0.3, 0.3), notes=("Text",)),
    }
    paths = [scored_run(folder / name, each) for name, each in made.items()]
    for path in paths:
        add_scores(RunDirectory.open(path), MadeUp(levels=(0.1, 0.8)), "second")
    runs = read_runs(paths)
    human = human_result("first model", [preference(0.5, 0.3, scope=s, against=EVIL) for s in ("overall", *CATEGORIES)])
    made_up = (comparison(runs[0], runs[1], "A is higher"), comparison(runs[0], runs[2], "within noise"))
    return write_report(Sources(runs, (human,), None, made_up), folder / "report").parent


class _Tab(Tab):
    """With what its tests look at."""

    def __init__(self, browser: Any, folder: Path, address: str = "gallery.html", **context: Any) -> None:
        super().__init__(browser, folder, address, **context)

    def ids(self) -> list[str]:
        """The prompts of the rows in sight."""
        return [str(text) for text in self.page.locator("#rows .id").all_inner_texts()]

    def title(self) -> str:
        """Of the enlarged image, once there is one: a link is followed after the click on it."""
        self.page.locator("#zoom[open]").wait_for()
        return str(self.page.locator("#zoom-title").inner_text())

    def press(self, key: str, title: str) -> None:
        """A key, and what it leads to."""
        self.page.keyboard.press(key)
        self.page.wait_for_function("text => document.getElementById('zoom-title').textContent === text", arg=title)


@pytest.fixture
def gallery(browser: Any, report: Path) -> Iterator[_Tab]:
    """The gallery in a window."""
    tab = _Tab(browser, report)
    yield tab
    tab.close()


def test_filters_and_search_leave_what_fits(gallery: _Tab) -> None:
    page = gallery.page
    assert page.locator("#count").inner_text() == f"{2 * N} of {2 * N} prompts"
    assert gallery.ids()[:2] == ["colors-001", "colors-002"]
    assert page.locator("#rows li").count() < N  # only what is in sight
    page.get_by_label("Category").select_option(label=f"Text ({N})")
    assert gallery.ids()[0] == "text-001"
    page.get_by_label("Search").fill("heron TEXT")
    assert gallery.ids() == ["text-007"]
    page.get_by_label("Search").fill("nothing like it")
    assert page.get_by_text("No prompt fits.").is_visible()
    page.get_by_label("Search").fill("")
    page.get_by_label("Category").select_option(label="all")
    page.get_by_label("with refusals only").check()
    assert gallery.ids() == ["colors-003"]
    assert page.locator("#rows .none", has_text="refused").count() == 2
    assert page.locator("#rows .none").first.get_attribute("title") == "because <b>"


def test_it_sorts_by_best_worst_and_disagreement(gallery: _Tab) -> None:
    page, sort = gallery.page, gallery.page.get_by_label("Sort")
    sort.select_option("best")  # the means of three models: 0.466 and 0.01 for each number
    assert gallery.ids()[:2] == [f"colors-{N:03d}", LAST]
    sort.select_option("worst")
    assert gallery.ids()[0] == "colors-003"  # where the best model refused
    page.get_by_label("Best and worst of").select_option(label="first model")
    assert gallery.ids()[0] == "colors-001"  # 0.21, against 0.61 of the text
    sort.select_option("best")
    assert gallery.ids()[0] == LAST
    sort.select_option("models")  # 0.2, 0.9, 0.3 in Colors, 0.6, 0.5, 0.3 in Text
    assert gallery.ids()[0].startswith("colors")
    assert page.get_by_text("models differ by 0.700").count()
    sort.select_option("metrics")
    assert page.get_by_text(re.compile(r"metrics differ by \d+% of the ranks")).count()


def test_scores_stand_below_their_images(gallery: _Tab) -> None:
    row = gallery.page.locator("#rows li").first
    assert row.locator(".score").all_inner_texts() == ["0.210", "0.210", "0.910", "0.910", "0.310"]
    gallery.page.get_by_label("Score").select_option(index=1)
    assert row.locator(".score").first.inner_text() == "0.110"
    gallery.page.locator("#sample").select_option(label="number 2")
    assert row.locator("img").count() == 2
    assert row.locator(".none", has_text="not drawn").count() == 1


def test_an_image_is_enlarged_turned_by_keys_and_closed(gallery: _Tab) -> None:
    page = gallery.page
    page.locator("#rows .shot").first.click()
    assert gallery.title() == "colors-001, image 1 of 2, first model"
    assert page.get_by_text("Same prompt, same seed").is_visible()
    original = page.locator("#facts a", has_text="colors-001-0.png").evaluate("link => link.href")
    assert page.locator("#picture img").evaluate("image => image.decode().then(() => image.src)") == original
    for key, title in (
        ("ArrowRight", "colors-001, image 2 of 2, first model"),
        ("ArrowRight", "colors-002, image 1 of 2, first model"),
        ("ArrowDown", f"colors-002, image 1 of 2, {EVIL}"),
        ("ArrowRight", f"colors-002, image 2 of 2, {EVIL}"),
        ("ArrowRight", f"colors-003, image 1 of 2, {EVIL}"),
    ):
        gallery.press(key, title)
    assert page.get_by_text("Refused: because <b>").is_visible()
    gallery.press("ArrowLeft", f"colors-002, image 2 of 2, {EVIL}")
    page.keyboard.press("Escape")
    page.locator("#zoom:not([open])").wait_for(state="attached")
    focused = "text => document.activeElement.querySelector('img')?.alt === text"
    page.wait_for_function(focused, arg=f"colors-002, image 2, {EVIL}")
    page.keyboard.press("Enter")  # a link like any other
    page.locator("#zoom[open]").wait_for()
    page.locator("#close").click()


def test_an_address_leads_to_a_prompt_and_to_an_image(browser: Any, report: Path) -> None:
    tab = _Tab(browser, report, f"gallery.html#many/{LAST}")
    row = tab.page.locator("#rows li.found")
    assert row.locator(".id").inner_text() == LAST
    assert row.evaluate("row => row.getBoundingClientRect().top < innerHeight")
    row.locator("img").first.evaluate("image => image.decode()")  # the thumbnail is there
    tab.page.evaluate(f"location.hash = '#many/{LAST}/2/first-model'")
    tab.page.locator("#zoom[open]").wait_for()
    assert tab.title() == f"{LAST}, image 2 of 2, first model"
    tab.page.evaluate("location.hash = '#many/colors-001'")
    tab.page.locator("#zoom:not([open])").wait_for(state="attached")
    assert tab.page.locator("#rows li.found .id").inner_text() == "colors-001"
    tab.close()


@pytest.mark.parametrize(
    "number", ["mean over all", "a category in the plot", "a difference", "a preference", "an image"]
)
def test_any_number_is_two_clicks_from_its_command(browser: Any, report: Path, number: str) -> None:
    links = {
        "mean over all": "#scores td a.number",
        "a category in the plot": '#scores .rows a[aria-label*="Text"]',
        "a difference": "#differences a.number",
        "a preference": "#human .rows a",
    }
    if number == "an image":
        tab = _Tab(browser, report, "gallery.html")
        tab.page.locator("#rows .score").first.click()
    else:
        tab = _Tab(browser, report, "index.html")
        tab.page.locator(links[number]).first.click()
    row = tab.page.locator("tr:target")
    assert row.locator("td").count() == 6
    row.get_by_role("link", name="command, hash, date").click()
    section = tab.page.locator("section:target")
    assert section.locator("pre", has_text="drawbench").first.is_visible()
    assert re.search("[0-9a-f]{64}", section.locator("dl").inner_text())
    tab.close()


def test_five_numbers_at_random_lead_to_definition_and_command_by_two_keys(browser: Any, report: Path) -> None:
    tab = _Tab(browser, report, "index.html")
    show = "document.querySelectorAll('main details').forEach(each => each.open = true)"
    tab.page.evaluate(show)
    links = "main a[href^='provenance.html#']"
    count = tab.page.locator(links).count()
    assert count > 20
    for number in Random(19).sample(range(count), 5):
        tab.page.locator(links).nth(number).press("Enter")
        row = tab.page.locator("tr:target")
        row.wait_for()
        assert row.locator("xpath=ancestor::section").locator(".definition").first.inner_text()
        row.get_by_role("link", name="command, hash, date").press("Enter")
        section = tab.page.locator("section:target")
        assert section.locator("pre", has_text="drawbench").first.is_visible()
        tab.page.goto(f"{report.as_uri()}/index.html")
        tab.page.evaluate(show)
    tab.close()


def test_refused_images_stand_in_line_with_others(browser: Any, report: Path) -> None:
    tab = _Tab(browser, report, "gallery.html#many/colors-003")
    tab.page.evaluate("document.getElementById('list').style.setProperty('--cols', 1)")  # as in narrow columns
    row = tab.page.locator("#rows li.found")
    tops = row.locator(".shots").evaluate_all(
        "all => all.map(shots => [...shots.querySelectorAll('.shot')].map(each => each.getBoundingClientRect().top))"
    )
    assert tops[0] == pytest.approx(tops[1], abs=1)
    tab.close()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, report: Path, colours: str) -> None:
    found = {}
    for name, _ in PAGES:
        tab = _Tab(browser, report, name, color_scheme=colours)
        tab.page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
        found[name] = violations(tab.page)
        if name == "gallery.html":
            tab.page.locator("#rows .shot").first.click()
            found["enlarged"] = violations(tab.page)
        tab.page.context.close()
    assert {name: each for name, each in found.items() if each} == {}


def test_on_a_phone_nothing_but_tables_is_wider_than_the_screen(browser: Any, report: Path) -> None:
    for name, _ in PAGES:
        tab = _Tab(browser, report, name, viewport={"width": 390, "height": 844})
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390, name
        tab.close()


def test_paper_shows_every_row(browser: Any, report: Path) -> None:
    tab = _Tab(browser, report)
    tab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.page.locator("#rows li").count() == 2 * N
    tab.close()
