"""Plants, and plain shapes."""

import math

from reference_model.world.rich.colours import MAIN, SECOND, SHADE
from reference_model.world.rich.shapes import (
    Part,
    Recipe,
    Room,
    blob,
    edged,
    oval,
    poly,
    rect,
    rounded,
    star_points,
    stroke,
    within,
)

_TREE = (
    poly(SECOND, (-0.14, 0.2), (0.14, 0.2), (0.2, 1.0), (-0.2, 1.0)),
    blob(
        MAIN, (-0.2, -0.95), (0.25, -0.92), (0.55, -0.6), (0.78, -0.3), (0.66, 0.12), (0.3, 0.32), (-0.1, 0.28),
        (-0.5, 0.32), (-0.78, 0.02), (-0.72, -0.4), (-0.5, -0.68),
    ),
    *within(stroke(SHADE, 0.07, (-0.45, -0.2), (-0.2, 0.02), (0.05, -0.06), smooth=True)),
    *within(stroke(SHADE, 0.07, (0.05, -0.55), (0.3, -0.35), (0.5, -0.42), smooth=True)),
)  # fmt: skip


def _flower() -> tuple[Part, ...]:
    petals = (
        oval(MAIN, 0.4 * math.cos(a), -0.42 + 0.4 * math.sin(a), 0.25)
        for a in (math.radians(60 * i + 30) for i in range(6))
    )
    return (
        stroke("leaf", 0.11, (0, -0.2), (0, 1.0)),
        blob("leaf", (0, 0.85), (0.2, 0.5), (0.6, 0.36), (0.45, 0.72)),
        blob("leaf", (0, 0.95), (-0.2, 0.62), (-0.6, 0.5), (-0.45, 0.84)),
        *petals,
        *edged(oval(SECOND, 0, -0.42, 0.24)),
    )


_CACTUS = (
    stroke(MAIN, 0.26, (-0.1, 0.2), (-0.6, 0.18), (-0.6, -0.3)),
    stroke(MAIN, 0.26, (0.1, 0.0), (0.6, -0.02), (0.6, -0.55)),
    *(oval(MAIN, x, y, 0.13) for x, y in ((-0.6, -0.3), (0.6, -0.55), (-0.6, 0.18), (0.6, 0.0))),
    rounded(MAIN, -0.24, -0.98, 0.24, 0.7, 0.22),
    *within(*(stroke(SHADE, 0.05, (x, -0.75), (x, 0.5)) for x in (-0.09, 0.09))),
    poly(SECOND, (-0.44, 0.5), (0.44, 0.5), (0.32, 1.0), (-0.32, 1.0)),
    *edged(rect(SECOND, -0.5, 0.42, 0.5, 0.58)),
)
_MUSHROOM = (
    blob(SECOND, (-0.22, 0.0), (0.22, 0.0), (0.3, 0.6), (0.34, 0.92), (-0.34, 0.92), (-0.3, 0.6)),
    blob(MAIN, (-0.95, 0.1), (-0.85, -0.4), (-0.4, -0.82), (0, -0.9), (0.4, -0.82), (0.85, -0.4), (0.95, 0.1), (0.5,
    0.2), (-0.5, 0.2)),
    *within(
        oval("shine", -0.46, -0.3, 0.17, 0.15), oval("shine", 0.08, -0.56, 0.16, 0.14), oval("shine", 0.5, -0.18,
        0.17, 0.15),
        oval("shine", -0.04, -0.06, 0.13, 0.1),
    ),
)  # fmt: skip


def _palm() -> tuple[Part, ...]:
    leaves = []
    for angle, length in ((-165, 0.85), (-125, 0.62), (-55, 0.72), (-15, 1.15), (25, 1.1), (160, 0.7)):
        a = math.radians(angle)
        x, y = -0.3 + length * math.cos(a), -0.52 + 0.62 * length * math.sin(a)
        middle = (-0.3 + 0.55 * length * math.cos(a), -0.72 + 0.34 * length * math.sin(a))
        leaves.append(stroke(MAIN, 0.26, (-0.3, -0.55), middle, (x, y + 0.12), end_width=0.03, smooth=True))
    return (
        stroke(SECOND, 0.24, (-0.72, 1.0), (-0.62, 0.4), (-0.3, -0.5), end_width=0.15, smooth=True),
        *leaves,
        *edged(oval("wood", -0.38, -0.4, 0.11, steps=16), oval("wood", -0.2, -0.4, 0.11, steps=16)),
    )


def _heart() -> tuple[tuple[float, float], ...]:
    angles = [2 * math.pi * (i + 0.5) / 48 for i in range(48)]
    return tuple(
        (
            math.sin(t) ** 3,
            -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16,
        )
        for t in angles
    )


def _moon() -> tuple[tuple[float, float], ...]:
    outer = [math.radians(48 + 264 * i / 30) for i in range(31)]
    inner = [math.radians(292 - 224 * i / 24) for i in range(25)]
    return (
        *((math.cos(a), math.sin(a)) for a in outer),
        *((0.38 + 0.8 * math.cos(a), 0.8 * math.sin(a)) for a in inner),
    )


PLANTS: dict[str, Recipe] = {
    "cactus": Recipe(_CACTUS, ("green",), "pot", "brown"),
    "flower": Recipe(_flower(), ("red", "pink", "yellow", "purple"), "center", "yellow", patterned=False),
    "mushroom": Recipe(_MUSHROOM, ("red", "brown"), "stem", "cream", patterned=False),
    "palm tree": Recipe(_palm(), ("green",), "trunk", "wood", Room("under", (-0.42, -0.02, 0.8, 1.0)), patterned=False),
    "tree": Recipe(_TREE, ("green",), "trunk", "wood"),
}

# Shapes have no colour of their own in life: every colour of theirs may be held out.
FORMS: dict[str, Recipe] = {
    "circle": Recipe((oval(MAIN, 0, 0, 1, steps=64),), (), room=Room("inside", (-0.6, -0.6, 0.6, 0.6))),
    "heart": Recipe((poly(MAIN, *_heart()),), (), room=Room("inside", (-0.52, -0.5, 0.52, 0.3))),
    "moon": Recipe((poly(MAIN, *_moon()),), ("yellow", "white")),
    "square": Recipe((rect(MAIN, -1, -1, 1, 1),), (), room=Room("inside", (-0.75, -0.75, 0.75, 0.75))),
    "star": Recipe((poly(MAIN, *star_points(5, 0.42)),), ("yellow",)),
    "triangle": Recipe((poly(MAIN, (0, -0.9), (1, 0.83), (-1, 0.83)),), ()),
}
