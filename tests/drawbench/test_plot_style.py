"""Plots look like the pages that they stand beside."""

import re
from importlib.resources import files

from drawbench.plot_style import BEHIND, INK, LINE, NEUTRAL, SERIES, SOFT, WHISKER


def test_colours_and_whiskers_are_those_of_the_pages() -> None:
    pages = files("drawbench.pages")
    light = pages.joinpath("tables.css").read_text().partition("@media")[0]
    of_pages = dict(re.findall(r"--([a-z0-9]+): ([^;]+);", light))
    assert tuple(of_pages[name] for name in ("ink", "soft", "line", "neutral")) == (INK, SOFT, LINE, NEUTRAL)
    assert tuple(of_pages[f"s{number}"] for number in range(len(SERIES))) == SERIES
    assert (of_pages["whisker"], float(of_pages["behind"])) == (f"{WHISKER['elinewidth']}pt", BEHIND)
    style = pages.joinpath("style.css").read_text()
    assert re.findall(r"(?:whisker|known) {[^}]*stroke-width: ([^;]+);", style) == ["var(--whisker)"] * 2
