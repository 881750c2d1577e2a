"""Plots look like the pages that they stand beside."""

import re
from importlib.resources import files

from drawbench.plot_style import INK, LINE, NEUTRAL, SERIES, SOFT


def test_the_colours_are_those_of_the_pages() -> None:
    light = files("drawbench.pages").joinpath("tables.css").read_text().partition("@media")[0]
    of_pages = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6});", light))
    assert tuple(of_pages[name] for name in ("ink", "soft", "line", "neutral")) == (INK, SOFT, LINE, NEUTRAL)
    assert tuple(of_pages[f"s{number}"] for number in range(len(SERIES))) == SERIES
