"""Things that carry people: on roads and rails, on water, in the air."""

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
    stroke,
    within,
)


def _wheels(radius: float, y: float, *places: float, fill: str = SECOND) -> tuple[Part, ...]:
    """Wheels, each with a light hub."""
    return tuple(
        part
        for x in places
        for part in (*edged(oval(fill, x, y, radius)), *within(oval("metal", x, y, 0.42 * radius, steps=20)))
    )


_CAR = (
    blob(
        MAIN, (-1.0, 0.32), (-0.98, 0.02), (-0.72, -0.08), (-0.52, -0.14), (-0.3, -0.5), (0.0, -0.56), (0.32, -0.5),
        (0.6, -0.12), (0.9, -0.04), (1.0, 0.1), (1.0, 0.32), (0.9, 0.4), (-0.9, 0.4),
    ),
    *within(
        poly("pane", (-0.4, -0.12), (-0.22, -0.4), (0.0, -0.43), (0.0, -0.12)),
        poly("pane", (0.08, -0.12), (0.08, -0.43), (0.26, -0.4), (0.46, -0.12)),
        oval("flame", -0.92, 0.08, 0.06, 0.08, steps=12),
    ),
    *_wheels(0.24, 0.38, -0.55, 0.58),
)  # fmt: skip
_BUS = (
    rounded(MAIN, -1.0, -0.55, 1.0, 0.42, 0.12),
    *within(
        *(rect("pane", x, -0.38, x + 0.3, -0.02) for x in (-0.52, -0.14, 0.24)),
        rect("pane", -0.94, -0.38, -0.62, 0.06),
        rect(SHADE, 0.64, -0.38, 0.88, 0.38),
        stroke("shine", 0.06, (-1.0, 0.16), (0.6, 0.16)),
    ),
    *_wheels(0.22, 0.42, -0.58, 0.42),
)
_TRUCK = (
    rect(MAIN, -0.32, -0.62, 1.0, 0.34),
    rounded(SECOND, -1.0, -0.28, -0.34, 0.4, 0.1),
    rect("metal", -0.98, 0.28, 1.0, 0.4),
    *within(rect("pane", -0.9, -0.16, -0.56, 0.1), oval("flame", -0.94, 0.22, 0.05, steps=10)),
    *_wheels(0.21, 0.42, -0.66, 0.36, 0.76, fill="tyre"),
)
_TRAIN = (
    rect(MAIN, 0.25, -0.7, 0.95, 0.3),
    rounded(SHADE, 0.12, -0.86, 1.0, -0.66, 0.06),
    rounded(MAIN, -0.78, -0.24, 0.4, 0.3, 0.2),
    poly(SHADE, (-0.66, -0.75), (-0.3, -0.75), (-0.4, -0.2), (-0.56, -0.2)),
    blob(MAIN, (-0.15, -0.24), (-0.12, -0.42), (0.02, -0.46), (0.14, -0.42), (0.16, -0.24)),
    poly("metal", (-0.78, 0.22), (-1.0, 0.52), (-0.6, 0.52), (-0.6, 0.22)),
    rect("ink", -0.7, 0.28, 0.98, 0.38),
    *within(rect("pane", 0.42, -0.55, 0.8, -0.12), oval("flame", -0.72, 0.0, 0.08)),
    *_wheels(0.17, 0.44, -0.42, -0.02),
    *_wheels(0.26, 0.35, 0.6),
    *within(stroke("metal", 0.06, (-0.42, 0.44), (0.6, 0.36))),
)
_AIRPLANE = (
    poly(SHADE, (0.62, -0.1), (0.82, -0.62), (1.0, -0.62), (0.92, 0.0)),
    blob(
        MAIN, (-1.0, 0.12), (-0.86, -0.06), (-0.5, -0.17), (0.4, -0.15), (0.9, -0.08), (0.98, 0.04), (0.6, 0.2), (0.0,
        0.27),
        (-0.7, 0.28),
    ),
    *edged(
        poly(SECOND, (-0.18, 0.05), (0.2, 0.05), (0.52, 0.7), (0.3, 0.7)),
        poly(SECOND, (0.62, -0.02), (0.8, -0.02), (0.98, 0.24), (0.84, 0.24)),
    ),
    poly(SECOND, (-0.1, -0.16), (0.14, -0.16), (0.4, -0.55), (0.24, -0.55)),
    *within(
        *(oval("pane", x, -0.02, 0.065, steps=12) for x in (-0.45, -0.25, 0.3, 0.48)),
        poly("pane", (-0.9, -0.02), (-0.78, -0.1), (-0.64, -0.1), (-0.66, 0.02)),
    ),
)  # fmt: skip
_BOAT = (
    rect("wood", -0.1, -0.98, 0.0, 0.4),
    poly(SECOND, (-0.18, -0.86), (-0.18, 0.22), (-0.86, 0.22)),
    poly(SECOND, (0.08, -0.96), (0.08, 0.22), (0.8, 0.22)),
    poly(MAIN, (-1.0, 0.36), (1.0, 0.36), (0.66, 0.94), (-0.62, 0.94)),
    *within(stroke(SHADE, 0.07, (-0.86, 0.56), (0.88, 0.56))),
)


def _bicycle() -> tuple[Part, ...]:
    rims = [arc(SECOND, x, 0.3, 0.5, 0.37, start, start + 185) for x in (-0.55, 0.55) for start in (0, 180)]
    left, right, pedals, seat, head = (-0.55, 0.3), (0.55, 0.3), (-0.02, 0.3), (-0.22, -0.32), (0.36, -0.32)
    tubes = ((left, pedals), (left, seat), (seat, pedals), (pedals, head), (seat, head), (head, right))
    return (
        *rims,
        *(stroke(MAIN, 0.17, *tube) for tube in tubes),
        stroke(MAIN, 0.14, head, (0.3, -0.6)),
        stroke("ink", 0.1, (0.12, -0.62), (0.5, -0.6)),
        stroke(MAIN, 0.14, seat, (-0.26, -0.44)),
        rounded("ink", -0.46, -0.54, -0.08, -0.44, 0.04),
        oval("metal", -0.02, 0.3, 0.09, steps=16),
    )


_ROCKET = (
    blob("flame", (-0.2, 0.6), (0.2, 0.6), (0.14, 0.82), (0, 1.0), (-0.14, 0.82)),
    *mirrored(poly(SECOND, (-0.3, 0.1), (-0.68, 0.48), (-0.68, 0.78), (-0.28, 0.56))),
    blob(MAIN, (0, -1.0), (0.26, -0.6), (0.36, 0.0), (0.3, 0.62), (-0.3, 0.62), (-0.36, 0.0), (-0.26, -0.6)),
    *edged(oval("pane", 0, -0.22, 0.17)),
    *edged(rounded(SECOND, -0.07, 0.3, 0.07, 0.78, 0.05)),
)
_BALLOON = (
    *(stroke("wood", 0.04, (x, 0.3), (x / 2, 0.75)) for x in (-0.3, 0.3)),
    blob(
        MAIN,
        (0, -1.0),
        (0.52, -0.82),
        (0.72, -0.35),
        (0.5, 0.12),
        (0.22, 0.46),
        (-0.22, 0.46),
        (-0.5, 0.12),
        (-0.72, -0.35),
        (-0.52, -0.82),
    ),
    *within(
        blob(
            SHADE,
            (0, -0.98),
            (0.24, -0.7),
            (0.28, -0.3),
            (0.16, 0.2),
            (0.08, 0.44),
            (-0.08, 0.44),
            (-0.16, 0.2),
            (-0.28, -0.3),
            (-0.24, -0.7),
        ),
    ),
    rounded(SECOND, -0.22, 0.7, 0.22, 1.0, 0.05),
)

VEHICLES: dict[str, Recipe] = {
    "airplane": Recipe(_AIRPLANE, ("white", "gray"), "wings", "metal", patterned=False),
    "balloon": Recipe(_BALLOON, ("red", "orange"), "basket", "wood"),
    "bicycle": Recipe(_bicycle(), ("red", "blue", "green"), "wheels", "black", patterned=False),
    "boat": Recipe(_BOAT, ("brown", "red", "blue"), "sails", "white"),
    "bus": Recipe(_BUS, ("red", "yellow"), "wheels", "black", patterned=False),
    "car": Recipe(_CAR, ("red", "blue", "black", "white"), "wheels", "black"),
    "rocket": Recipe(_ROCKET, ("white", "red"), "fins", "red"),
    "train": Recipe(_TRAIN, ("green", "red", "black"), "wheels", "black"),
    "truck": Recipe(_TRUCK, ("red", "blue", "white"), "cab"),
}
