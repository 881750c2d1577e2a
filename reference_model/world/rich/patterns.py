"""Patterns and materials: the shapes that are painted over an object's main colour, in half sizes around its middle."""

import numpy as np

from reference_model.world.rich.shapes import oval

PATTERNS: tuple[str, ...] = ("striped", "dotted", "wooden", "glass")
COLOURED: tuple[str, ...] = ("striped", "dotted")  # these leave the object its colour; wood and glass have their own

_REACH = 1.5  # diagonal bands have to cross the whole square


def _bands(
    slope: float, period: float, width: float, starts: tuple[float, ...] | None = None
) -> tuple[np.ndarray, ...]:
    """Parallel bands through the square; `slope` is how far a band moves right on its way down by 1."""
    found = []
    positions = np.arange(-_REACH - 1, _REACH + 1, period) if starts is None else np.array(starts)
    for left in positions:
        top, bottom = left - slope * _REACH, left + slope * _REACH
        found.append(np.array([(top, -_REACH), (top + width, -_REACH), (bottom + width, _REACH), (bottom, _REACH)]))
    return tuple(found)


def _dots(period: float, radius: float) -> tuple[np.ndarray, ...]:
    """Dots in rows, every other row moved by half a period."""
    rows = np.arange(-1, 1.01, period * 0.87)
    return tuple(
        np.array(oval("", x + (period / 2 if i % 2 else 0), y, radius, steps=14).points)
        for i, y in enumerate(rows)
        for x in np.arange(-1.2, 1.2, period)
    )


def _grain() -> tuple[np.ndarray, ...]:
    """Wavy lines across."""
    found = []
    x = np.linspace(-1.1, 1.1, 23)
    for i, y in enumerate(np.arange(-0.95, 1.0, 0.27)):
        middle = y + 0.05 * np.sin(4 * x + 1.9 * i)
        upper, lower = np.stack([x, middle - 0.035], 1), np.stack([x, middle + 0.035], 1)
        found.append(np.concatenate([upper, lower[::-1]]))
    return tuple(found)


PATTERN_SHAPES: dict[str, tuple[np.ndarray, ...]] = {
    "striped": _bands(slope=-0.8, period=0.4, width=0.2),
    "dotted": _dots(period=0.4, radius=0.115),
    "wooden": _grain(),
    "glass": _bands(slope=-0.6, period=1.0, width=0.13, starts=(-0.62, -0.36, 0.3)),
}
