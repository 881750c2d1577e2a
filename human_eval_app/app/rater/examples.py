"""The examples of the instructions: drawn shapes, so that they favour no model and no prompt."""

from base64 import b64encode
from math import cos, pi, sin
from random import Random

_TILE, _GAP = 74, 8
_PAPER, _INK, _BLUE, _RED = "#f3f4f6", "#1f2933", "#2f6fde", "#d64545"


def fidelity_example() -> str:
    """Set A has clean shapes, set B the same with ragged edges. HTML."""
    return _two_sets([_disc(0), _box(0), _disc(0), _box(0)], [_disc(7), _box(7), _disc(8), _box(9)])


def alignment_example() -> str:
    """For "two blue circles": set A has one each, set B two. HTML."""
    one = f'<circle cx="37" cy="37" r="20" fill="{_BLUE}"/>'
    two = "".join(f'<circle cx="{x}" cy="37" r="14" fill="{_BLUE}"/>' for x in (20, 54))
    return _two_sets([one] * 4, [two] * 4)


def _two_sets(left: list[str], right: list[str]) -> str:
    return (
        '<div style="display:flex;gap:.6rem 2.5rem;flex-wrap:wrap;margin-bottom:.9rem" aria-hidden="true">'
        f"{_labelled('A', left)}{_labelled('B', right)}</div>"
    )


def _labelled(name: str, tiles: list[str]) -> str:
    """One set with its letter. The drawing is an image of its own, since pages may not hold bare SVG."""
    width = len(tiles) * (_TILE + _GAP) - _GAP
    drawn = "".join(
        f'<g transform="translate({i * (_TILE + _GAP)} 0)">'
        f'<rect width="{_TILE}" height="{_TILE}" rx="4" fill="{_PAPER}"/>{tile}</g>'
        for i, tile in enumerate(tiles)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_TILE}">{drawn}</svg>'
    source = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return f'<figure style="margin:0"><figcaption><b>{name}</b></figcaption><img alt="" src="{source}"></figure>'


def _disc(roughness: int) -> str:
    points = [(37 + 24 * cos(2 * pi * i / 40), 37 + 24 * sin(2 * pi * i / 40)) for i in range(40)]
    return _ragged(points, _RED, roughness)


def _box(roughness: int) -> str:
    side = [16 + 42 * i / 10 for i in range(10)]
    points = [(x, 16.0) for x in side] + [(58.0, y) for y in side]
    points += [(74 - x, 58.0) for x in side] + [(16.0, 74 - y) for y in side]
    return _ragged(points, _BLUE, roughness)


def _ragged(points: list[tuple[float, float]], colour: str, roughness: int) -> str:
    random = Random(roughness)
    moved = " ".join(
        f"{x + random.uniform(-roughness, roughness):.1f},{y + random.uniform(-roughness, roughness):.1f}"
        for x, y in points
    )
    return f'<polygon points="{moved}" fill="{colour}" stroke="{_INK}" stroke-width="1.5"/>'
