"""Pieces of pages: what comes from outside stays text."""

import re
from html.parser import HTMLParser

import pytest

from human_eval_app.app.admin.look import bar, block, facts, heading, legend, plain, table, tiles

NASTY = "<img src=x onerror=alert(1)> \"' & **bold** :red[no]"


class _Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text, self.labels = "", list[str | None]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.labels += [value for name, value in attrs if name == "aria-label"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "piece",
    [
        heading(NASTY, NASTY),
        facts([(NASTY, NASTY)]),
        tiles([(NASTY, NASTY, NASTY)]),
        legend([("free", NASTY)]),
        table([(NASTY, True)], []),
        bar([("free", 1)], 2, NASTY),
    ],
    ids=["heading", "facts", "tiles", "legend", "table", "bar"],
)
def test_markup_in_a_text_stays_text(piece: str) -> None:
    found = _Tags(block(piece))
    assert "img" not in [tag for tag, _ in found.tags]
    assert not any(name.startswith("on") for _, names in found.tags for name in names)
    assert NASTY in found.text or NASTY in found.labels


def test_a_bar_is_as_long_as_its_parts_are_of_the_whole() -> None:
    drawn = bar([("complete", 3), ("away", 0), ("free", 2)], 10, "3 complete, 2 free")
    assert re.findall(r'class="(\w+)" style="flex:(\d+)', drawn) == [("complete", "3"), ("free", "2")]
    assert '<span style="flex:5 0 0"></span>' in drawn  # what is left of ten
    assert 'role="img" aria-label="3 complete, 2 free"' in drawn


def test_every_sign_that_means_something_to_markdown_is_escaped() -> None:
    assert plain("a **b** :red[c] $d$ <e>") == r"a \*\*b\*\* \:red\[c\] \$d\$ \<e\>"
    assert plain("naïve 3") == "naïve 3"
