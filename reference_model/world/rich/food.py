"""Fruit, vegetables and sweet things."""

import math

from reference_model.world.rich.colours import MAIN, SECOND, SHADE
from reference_model.world.rich.shapes import (
    Part,
    Recipe,
    arc,
    blob,
    edged,
    mirrored,
    oval,
    poly,
    rect,
    rounded,
    slice_of,
    stroke,
    within,
)


def _leaf(fill: str, x: float, y: float, length: float, turn: float) -> Part:
    """A pointed leaf that starts at (x, y)."""
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    outline = ((0, 0), (0.35, -0.24), (0.75, -0.18), (1, 0), (0.75, 0.14), (0.35, 0.2))
    return poly(fill, *((x + length * (cos * a - sin * b), y + length * (sin * a + cos * b)) for a, b in outline))


_APPLE = (
    stroke("wood", 0.1, (0.0, -0.45), (0.08, -0.95), end_width=0.13),
    _leaf(SECOND, 0.08, -0.68, 0.62, -25),
    blob(
        MAIN, (0, -0.42), (0.35, -0.6), (0.78, -0.35), (0.82, 0.2), (0.5, 0.8), (0.2, 0.92), (0, 0.84),
        (-0.2, 0.92), (-0.5, 0.8), (-0.82, 0.2), (-0.78, -0.35), (-0.35, -0.6),
    ),
    *within(oval("shine", -0.45, -0.15, 0.12, 0.2, 25)),
)  # fmt: skip
_BANANA = (
    blob(
        MAIN, (-0.98, -0.35), (-0.86, -0.42), (-0.6, 0.02), (-0.1, 0.22), (0.45, 0.08), (0.78, -0.4), (0.8, -0.66),
        (0.95, -0.7), (0.98, -0.3), (0.74, 0.32), (0.2, 0.68), (-0.4, 0.56), (-0.84, 0.14),
    ),
    *within(
        stroke(SHADE, 0.05, (-0.8, -0.08), (-0.4, 0.36), (0.15, 0.46), (0.6, 0.2), (0.86, -0.3), smooth=True),
        poly("seed", (0.78, -0.6), (0.8, -0.72), (0.95, -0.72), (0.98, -0.6)),
        poly("seed", (-0.99, -0.3), (-0.96, -0.41), (-0.87, -0.42), (-0.86, -0.34)),
    ),
)  # fmt: skip
_STRAWBERRY = (
    blob(MAIN, (0, -0.55), (0.5, -0.6), (0.78, -0.3), (0.6, 0.35), (0, 0.98), (-0.6, 0.35), (-0.78, -0.3), (-0.5,
    -0.6)),
    *within(
        *(
            oval("cream", x, y, 0.05, 0.085, steps=10)
            for x, y in (
                (-0.5, -0.2), (-0.17, -0.18), (0.17, -0.18), (0.5, -0.2), (-0.34, 0.1), (0, 0.12), (0.34, 0.1),
                (-0.18, 0.4), (0.18, 0.4), (0, 0.68),
            )
        )
    ),
    poly(
        "leaf", (0, -0.85), (0.15, -0.68), (0.7, -0.75), (0.42, -0.52), (0.55, -0.3), (0.2, -0.45), (0, -0.2), (-0.2,
        -0.45),
        (-0.55, -0.3), (-0.42, -0.52), (-0.7, -0.75), (-0.15, -0.68),
    ),
)  # fmt: skip
_CHERRY = (
    stroke("leaf", 0.08, (-0.42, 0.2), (-0.25, -0.4), (0.25, -0.9), smooth=True),
    stroke("leaf", 0.08, (0.5, 0.3), (0.45, -0.3), (0.25, -0.9), smooth=True),
    _leaf("leaf", 0.22, -0.86, 0.62, 10),
    oval(MAIN, -0.46, 0.5, 0.42),
    oval(MAIN, 0.52, 0.54, 0.4),
    *within(oval("shine", -0.6, 0.36, 0.08, 0.13, 30), oval("shine", 0.38, 0.4, 0.08, 0.13, 30)),
)
_PINEAPPLE = (
    *(_leaf(SECOND, 0, -0.22, 0.78, turn) for turn in (-35, -145, -65, -115, -90)),
    blob(MAIN, (0, -0.35), (0.4, -0.2), (0.54, 0.3), (0.4, 0.85), (0, 0.98), (-0.4, 0.85), (-0.54, 0.3), (-0.4, -0.2)),
    *within(
        *mirrored(*(stroke(SHADE, 0.05, start, end) for start, end in (
            ((-0.48, 0.0), (0.28, 0.9)), ((-0.3, -0.26), (0.48, 0.66)), ((0.02, -0.32), (0.52, 0.3)),
            ((-0.5, 0.4), (-0.06, 0.94)))))
    ),
)  # fmt: skip
_CARROT = (
    *(stroke(SECOND, 0.12, (0.0, -0.45), (x, -0.98), end_width=0.2) for x in (-0.38, 0.38, 0.0)),
    blob(
        MAIN, (0, -0.52), (0.3, -0.5), (0.42, -0.3), (0.24, 0.4), (0.02, 1.0), (-0.2, 0.4), (-0.42, -0.3), (-0.3, -0.5)
    ),
    *within(
        stroke(SHADE, 0.05, (-0.38, -0.2), (-0.08, -0.16)),
        stroke(SHADE, 0.05, (0.34, 0.02), (0.06, 0.06)),
        stroke(SHADE, 0.05, (-0.26, 0.25), (-0.02, 0.28)),
    ),
)
_PIZZA = (
    poly(MAIN, (-0.86, -0.65), (0.86, -0.65), (0.0, 1.0)),
    blob(
        "dough",
        (-0.95, -0.62),
        (-0.6, -0.86),
        (0, -0.95),
        (0.6, -0.86),
        (0.95, -0.62),
        (0.85, -0.44),
        (0, -0.62),
        (-0.85, -0.44),
    ),
    *edged(oval("salami", -0.34, -0.24, 0.19), oval("salami", 0.34, -0.2, 0.19), oval("salami", 0.02, 0.26, 0.18)),
)
_CAKE = (
    rounded("cream", -0.82, -0.02, 0.82, 0.9, 0.08),
    blob(
        MAIN, (-0.85, -0.1), (-0.7, -0.2), (0, -0.22), (0.7, -0.2), (0.85, -0.1), (0.82, 0.36), (0.62, 0.42), (0.45,
        0.22),
        (0.25, 0.24), (0.12, 0.5), (-0.1, 0.5), (-0.25, 0.24), (-0.45, 0.22), (-0.6, 0.46), (-0.8, 0.4),
    ),
    *(rect(SECOND, x - 0.06, -0.58, x + 0.06, -0.16) for x in (-0.5, 0.0, 0.5)),
    *(blob("flame", (x, -0.95), (x + 0.09, -0.7), (x, -0.6), (x - 0.09, -0.7)) for x in (-0.5, 0.0, 0.5)),
    poly("pane", (-0.98, 0.88), (0.98, 0.88), (0.8, 1.0), (-0.8, 1.0)),
)  # fmt: skip
_DONUT = (
    arc("dough", 0, 0, 0.98, 0.3, 0, 190),
    arc("dough", 0, 0, 0.98, 0.3, 180, 370),
    *within(
        arc(MAIN, 0, 0, 0.86, 0.4, 0, 190),
        arc(MAIN, 0, 0, 0.86, 0.4, 180, 370),
        *(
            stroke(
                fill,
                0.08,
                (0.63 * math.cos(a) - 0.07, 0.63 * math.sin(a) - 0.06),
                (0.63 * math.cos(a) + 0.07, 0.63 * math.sin(a) + 0.06),
            )
            for a, fill in zip(
                (0.3, 1.2, 2.1, 3.0, 3.9, 4.8, 5.6),
                ("shine", "seed", "beak", "shine", "seed", "beak", "shine"),
                strict=True,
            )
        ),
    ),
)
_ICE_CREAM = (
    poly(SECOND, (-0.46, -0.02), (0.46, -0.02), (0.0, 1.0)),
    *within(
        *mirrored(
            stroke("wood", 0.045, (-0.3, 0.05), (0.14, 0.66)),
            stroke("wood", 0.045, (0.08, 0.04), (0.3, 0.34)),
        )
    ),
    blob(
        MAIN, (0, -0.98), (0.48, -0.75), (0.62, -0.25), (0.58, 0.06), (0.38, 0.18), (0.2, 0.04), (0, 0.2), (-0.2, 0.04),
        (-0.38, 0.18), (-0.58, 0.06), (-0.62, -0.25), (-0.48, -0.75),
    ),
    *within(oval("shine", -0.28, -0.55, 0.1, 0.16, 30)),
)  # fmt: skip
_WATERMELON = (
    slice_of("rind", 0, -0.42, 0.98, 0.98, 0, 180),
    *within(slice_of("cream", 0, -0.42, 0.84, 0.84, 0, 180), slice_of(MAIN, 0, -0.42, 0.76, 0.76, 0, 180)),
    *within(
        *(
            oval("seed", x, y, 0.055, 0.085, steps=10)
            for x, y in (
                (-0.45, -0.22),
                (-0.15, -0.22),
                (0.15, -0.22),
                (0.45, -0.22),
                (-0.28, 0.02),
                (0.28, 0.02),
                (0, 0.1),
            )
        )
    ),
)

FOOD: dict[str, Recipe] = {
    "apple": Recipe(_APPLE, ("red", "green"), "leaf", "leaf"),
    "banana": Recipe(_BANANA, ("yellow",)),
    "cake": Recipe(_CAKE, ("pink", "white"), "candles", "red"),
    "carrot": Recipe(_CARROT, ("orange",), "leaves", "leaf"),
    "cherry": Recipe(_CHERRY, ("red",)),
    "donut": Recipe(_DONUT, ("pink", "brown"), patterned=False),
    "ice cream": Recipe(_ICE_CREAM, ("white", "pink", "brown"), "cone", "dough"),
    "pineapple": Recipe(_PINEAPPLE, ("yellow", "orange"), "leaves", "leaf", patterned=False),
    "pizza": Recipe(_PIZZA, ("yellow",), patterned=False),
    "strawberry": Recipe(_STRAWBERRY, ("red",), patterned=False),
    "watermelon": Recipe(_WATERMELON, ("red",), patterned=False),
}
