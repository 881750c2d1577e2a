"""A drawing in Mermaid as HTML, since Mermaid's own script would be fetched from elsewhere: houses, floors, rooms.

It knows what docs/architecture.md is drawn with: subgraphs of boxes, and arrows between boxes and between subgraphs.
"""

import re
from collections.abc import Collection, Sequence
from html import escape
from itertools import pairwise

STYLE = """
.drawing, .drawing .house { display: flex; flex-direction: column; gap: .5rem; }
.drawing { margin: 1.5em 0; line-height: 1.35; }
.drawing .floor { display: flex; flex-wrap: wrap; gap: .5rem; }
.drawing .house { flex: 1 1 17rem; padding: .7rem; border: 1px solid; border-radius: .3rem; }
.drawing .room { flex: 1 1 6rem; padding: .35rem .55rem; border-radius: .2rem; background: var(--md-code-bg-color); }
.md-typeset .drawing p { margin: 0; font-size: .7rem; }
.drawing .name { font-weight: 700; }
.md-typeset .drawing small { display: block; opacity: 1; font-size: .58rem; font-weight: 400; }
"""

Arrows = Collection[tuple[str, str]]


def drawn(source: str) -> str:
    """The drawing as an element of HTML: what imports stands above what it imports, with the names of it."""
    houses: dict[str, dict[str, str]] = {}
    arrows = []
    for line in map(str.strip, source.splitlines()):
        if house := re.fullmatch(r"subgraph (\w+)", line):
            houses[house[1]] = {}
        elif box := re.fullmatch(r'(\w+)\["(.+)"\]', line):
            houses[list(houses)[-1]][box[1]] = box[2]
        elif "-->" in line:
            ends = [part.split(" & ") for part in line.split(" --> ")]
            arrows += [(a, b) for left, right in pairwise(ends) for a in left for b in right]
    built = {name: _house(name, boxes, arrows) for name, boxes in houses.items()}
    return f'<style>{STYLE}</style>\n<div class="drawing">{_floors(built, arrows)}</div>\n'


def _house(name: str, boxes: dict[str, str], arrows: Arrows) -> str:
    rooms = {box: _room(box, text, arrows) for box, text in boxes.items()}
    heading = f'<p class="name">{escape(name)}{_imported(name, arrows)}</p>'
    return f'<div class="house">{heading}{_floors(rooms, arrows)}</div>'


def _room(box: str, text: str, arrows: Arrows) -> str:
    """A box, with its own name where that is none of its rooms."""
    name = _short(box)
    rooms = [room.strip("_") for room in text.split(" · ")]
    title = "" if name in rooms else f'<span class="name">{escape(name)}:</span> '
    return f'<p class="room">{title}{escape(text)}{_imported(box, arrows)}</p>'


def _imported(name: str, arrows: Arrows) -> str:
    names = ", ".join(escape(_short(end)) for start, end in arrows if start == name)
    return f"<small>↓ {names}</small>" if names else ""


def _short(box: str) -> str:
    """Without the letter of its house."""
    return re.sub(r"^[a-z]_", "", box)


def _floors(parts: dict[str, str], arrows: Arrows) -> str:
    rows = _rows(parts, arrows)
    return "".join(f'<div class="floor">{"".join(parts[name] for name in row)}</div>' for row in rows)


def _rows(names: Collection[str], arrows: Arrows) -> Sequence[Sequence[str]]:
    """The names in rows, each as high as what imports it allows."""
    left, rows = list(names), []
    while left:
        row = [name for name in left if not any(end == name and start in left for start, end in arrows)]
        rows.append(row)
        left = [name for name in left if name not in row]
    return rows
