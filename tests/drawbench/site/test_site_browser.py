"""The site in a real browser, opened from disk. All results are made up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drawbench.results.files import read_result
from drawbench.site.build import Options, write_site
from tests.chromium import Tab, violations
from tests.drawbench.site.made_up import EVIL, made, results

FIRST = "made-up-protocol-made-up-256-px-1-image-per-prompt"
CLIP = "CLIP score by category"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With more rows in the first table than are in the page."""
    more = [made(f"other {number}", 0.1 + number / 1e4) for number in range(120)]
    return write_site([*results(), *more], tmp_path_factory.mktemp("site") / "public", Options()).parent


class _Tab(Tab):
    """With what its tests look at."""

    def __init__(self, browser: Any, folder: Path, address: str = "index.html", **context: Any) -> None:
        super().__init__(browser, folder, address, **context)

    def names(self) -> list[str]:
        """Of the rows of the first table."""
        return [str(text) for text in self.page.locator(f"#{FIRST} tbody th").all_inner_texts()]

    def column(self, number: int) -> list[str]:
        """The first lines of a column of the first table."""
        cells = self.page.locator(f"#{FIRST} tbody tr > :nth-child({number})").all_inner_texts()
        return [str(text).split("\n")[0].strip() for text in cells]


@pytest.fixture
def index(browser: Any, site: Path) -> Iterator[_Tab]:
    """The first page in a window."""
    tab = _Tab(browser, site)
    yield tab
    tab.close()


def test_search_and_filters_leave_what_fits(index: _Tab) -> None:
    page = index.page
    assert page.locator("#count").inner_text() == "130 of 130 results"
    assert index.names()[0] == EVIL
    assert len(index.names()) == 100
    page.locator(f"#{FIRST}").get_by_role("button", name="Show 100 more").click()
    assert len(index.names()) == 127
    page.get_by_label("Model").fill("MODEL a")
    assert page.locator("#count").inner_text() == "3 of 130 results"
    page.get_by_label("Prompt set").select_option("world")
    assert page.locator(".board:visible tbody th").all_inner_texts() == ["model a"]
    page.get_by_label("Model").fill("nothing like it")
    assert page.get_by_text("No result fits.").is_visible()


def test_a_heading_sorts_by_mouse_and_by_keyboard(index: _Tab) -> None:
    page = index.page
    page.get_by_label("Model").fill("model")
    head = page.locator(f"#{FIRST} thead button", has_text="model")
    head.focus()
    page.keyboard.press("Enter")
    assert index.names() == [f"model {letter}" for letter in "abcde"]
    page.keyboard.press("Space")
    assert index.names() == [f"model {letter}" for letter in "edcba"]
    assert head.locator("xpath=..").get_attribute("aria-sort") == "descending"
    page.locator(f"#{FIRST} thead button", has_text="CLIP score").click()  # the best first
    assert index.column(3) == sorted(index.column(3), reverse=True)


def test_categories_come_and_go_and_a_missing_one_is_a_dash(index: _Tab) -> None:
    page = index.page
    page.get_by_label("Model").fill("lacking")
    page.get_by_label("Categories").select_option(CLIP)
    page.locator(f"#{FIRST} td:nth-child(18)").wait_for()
    assert index.column(18) == ["–"]  # the eleventh category
    assert page.locator(f"#{FIRST} th:visible", has_text="Text").count() == 1
    page.get_by_label("Text", exact=True).uncheck()
    assert page.locator(f"#{FIRST} tbody tr").first.locator("th, td").count() == 17
    assert page.locator(f"#{FIRST} th:visible", has_text="Text").count() == 0
    page.get_by_label("Categories").select_option("hidden")
    assert page.locator(f"#{FIRST} tbody tr").first.locator("th, td").count() == 7


def test_a_footnote_is_there_while_its_mark_is(browser: Any, tmp_path: Path) -> None:
    committed = Path(__file__).parents[3] / "results" / "imagen-tiny--open--bundled.json"
    tab = _Tab(browser, write_site([read_result(committed)], tmp_path / "public", Options()).parent)
    notes, sups = tab.page.locator(".db-notes li:visible"), tab.page.locator("tbody sup")
    overall = notes.all_inner_texts()
    assert not any("wrong word" in note for note in overall)  # of the category of texts alone
    tab.page.get_by_label("Categories").select_option(CLIP)
    tab.page.get_by_text("wrong word").wait_for()  # the categories' numbers are a file of their own
    assert len(overall) < notes.count() == tab.page.locator(".db-notes li").count()
    for note in notes.locator("sup").all_inner_texts():
        assert any(note in mark for mark in sups.all_inner_texts())
    tab.close()


def test_an_address_brings_everything_back(browser: Any, site: Path, index: _Tab) -> None:
    page = index.page
    page.get_by_label("Model").fill("model")
    page.get_by_label("Prompt set").select_option("made-up")
    page.get_by_label("Categories").select_option(CLIP)
    page.get_by_label("Colors").uncheck()
    page.locator(f"#{FIRST} thead button", has_text="CLIP score").dblclick()
    again = _Tab(browser, site, f"index.html{page.evaluate('location.hash')}")
    again.page.locator(f"#{FIRST} td:nth-child(17)").first.wait_for()
    assert again.names() == index.names() == [f"model {letter}" for letter in "abcde"]
    assert again.page.get_by_label("Prompt set").input_value() == "made-up"
    assert not again.page.get_by_label("Colors").is_checked()
    again.close()


def test_a_number_is_two_clicks_from_its_command(index: _Tab) -> None:
    index.page.locator(f"#{FIRST} tbody td a.number").first.click()
    row = index.page.locator("tr:target")
    row.get_by_role("link", name="command, hash, date").click()
    section = index.page.locator("section:target")
    assert section.locator("pre", has_text="drawbench score").is_visible()


def test_models_are_chosen_and_compared_by_keyboard(browser: Any, site: Path) -> None:
    tab = _Tab(browser, site, "compare.html")
    page = tab.page
    for name in ("model a", "model b"):
        page.get_by_label("Add a model").fill(name)
        page.keyboard.press("Enter")
        page.locator("#chosen").get_by_text(name, exact=True).wait_for()
    assert page.evaluate("location.hash") == "#model-a/model-b"
    page.locator(".compared").first.wait_for()
    assert page.locator(".compared h2").count() == 2  # not the one that is partial
    assert page.locator(".compared .plot .s1 .shape").count()
    assert page.get_by_text("These intervals are unpaired").count() == 2
    command = page.locator(".compared pre").first.inner_text()
    assert command == "drawbench compare runs/model-a-world runs/model-b-world --protocol made-up"
    page.get_by_role("button", name="Remove model a").click()
    page.get_by_text("Choose two models or more.").wait_for()
    tab.close()


def test_a_comparison_tells_what_is_true_of_all_once(browser: Any, tmp_path: Path) -> None:
    folder = Path(__file__).parents[3] / "results"
    both = [read_result(folder / f"imagen-tiny{which}--world--bundled.json") for which in ("", "-guidance-1")]
    site = write_site(both, tmp_path / "public", Options()).parent
    tab = _Tab(browser, site, "compare.html#imagen-tiny/imagen-tiny-guidance-1")
    tab.page.locator(".compared").wait_for()
    repeated = tab.page.get_by_text("repeat the text of another")
    assert repeated.count() == 1
    tab.close()


def test_an_address_compares(browser: Any, site: Path) -> None:
    tab = _Tab(browser, site, "compare.html#model-c/img-src-x-onerror-alert-1/lacking/model-d")
    heads = tab.page.locator(".compared thead th").first.locator("xpath=..").locator("th")
    assert [text.split("\n")[0] for text in heads.all_inner_texts()] == ["model c", EVIL, "lacking", "model d"]
    assert tab.page.get_by_text("4 are chosen").is_visible()
    tab.close()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, site: Path, colours: str) -> None:
    found = {}
    index = f"index.html#query=model&by={CLIP.replace(' ', '+')}&sort={FIRST},1,true"
    dark = ["human.html", "models/model-b.html", "compare.html#model-a/model-b"]  # the same colours elsewhere
    for address in [index, *dark, *(["published.html", "data.html"] if colours == "light" else [])]:
        tab = _Tab(browser, site, address, color_scheme=colours)
        tab.page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
        if "#" in address:
            tab.page.locator(f".compared, #{FIRST} td:nth-child(18)").first.wait_for()
        found[address] = violations(tab.page)
        tab.page.context.close()
    assert {name: each for name, each in found.items() if each} == {}


def test_on_a_phone_nothing_but_tables_is_wider_than_the_screen(browser: Any, site: Path) -> None:
    names = [*(path.name for path in site.glob("*.html")), "models/model-a.html", "compare.html#model-a/model-b"]
    for name in names:
        tab = _Tab(browser, site, name, viewport={"width": 390, "height": 844})
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390, name
        tab.close()
