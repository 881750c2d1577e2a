"""Buildings, and what stands in a room."""

from reference_model.world.rich.colours import MAIN, SECOND, SHADE
from reference_model.world.rich.shapes import (
    Recipe,
    Room,
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

_CHAIR = (
    *mirrored(rect(SECOND, -0.55, 0.3, -0.39, 1.0)),
    *mirrored(rect(SECOND, -0.3, 0.3, -0.2, 0.8)),
    rounded(MAIN, -0.55, -1.0, 0.55, 0.2, 0.12),
    *within(rounded(SHADE, -0.4, -0.85, 0.4, 0.1, 0.08)),
    *edged(rounded(MAIN, -0.64, 0.08, 0.64, 0.36, 0.08)),
)
_TABLE = (
    *mirrored(rect(MAIN, -0.9, -0.35, -0.74, 0.75)),
    rounded(MAIN, -1.0, -0.6, 1.0, -0.34, 0.06),
    *within(stroke(SHADE, 0.07, (-0.96, -0.38), (0.96, -0.38))),
)
_BED = (
    rect("wood", -0.95, 0.1, -0.82, 0.75),
    rect("wood", 0.84, 0.2, 0.97, 0.75),
    rounded("wood", -1.0, -0.85, -0.8, 0.5, 0.06),
    rounded("wood", 0.82, -0.2, 1.0, 0.5, 0.06),
    rect("cream", -0.82, 0.15, 0.84, 0.48),
    rounded(MAIN, -0.36, -0.06, 0.86, 0.46, 0.1),
    rounded(SECOND, -0.82, -0.2, -0.34, 0.16, 0.1),
)
_SOFA = (
    *mirrored(rect("wood", -0.82, 0.6, -0.68, 0.8)),
    rounded(MAIN, -0.85, -0.6, 0.85, 0.4, 0.16),
    *edged(rounded(SECOND, -0.72, 0.08, 0.0, 0.36, 0.08), rounded(SECOND, 0.0, 0.08, 0.72, 0.36, 0.08)),
    *edged(rounded(MAIN, -1.0, -0.12, -0.7, 0.64, 0.13), rounded(MAIN, 0.7, -0.12, 1.0, 0.64, 0.13)),
    *edged(rect(MAIN, -0.72, 0.34, 0.72, 0.64)),
)
_LAMP = (
    rect(SECOND, -0.06, -0.2, 0.06, 0.85),
    blob(SECOND, (-0.42, 0.96), (-0.3, 0.8), (0, 0.76), (0.3, 0.8), (0.42, 0.96)),
    poly(MAIN, (-0.34, -1.0), (0.34, -1.0), (0.66, -0.18), (-0.66, -0.18)),
    *within(poly("flame", (-0.66, -0.24), (0.66, -0.24), (0.66, -0.16), (-0.66, -0.16))),
)
_CLOCK = (
    *mirrored(stroke(MAIN, 0.16, (-0.5, 0.6), (-0.68, 0.98))),
    *mirrored(oval(MAIN, -0.55, -0.75, 0.26, 0.2, -40)),
    oval(MAIN, 0, 0.05, 0.85),
    *within(oval("shine", 0, 0.05, 0.64)),
    *within(
        stroke("ink", 0.09, (0, 0.05), (0, -0.42)),
        stroke("ink", 0.09, (0, 0.05), (0.34, 0.22)),
        oval("ink", 0, 0.05, 0.09, steps=14),
        *(rect("ink", x - 0.04, y - 0.04, x + 0.04, y + 0.04) for x, y in ((0, -0.5), (0.55, 0.05), (0, 0.6), (-0.55,
        0.05))),
    ),
)  # fmt: skip
_HOUSE = (
    rect("stone", 0.35, -0.9, 0.56, -0.4),
    rect(MAIN, -0.76, -0.2, 0.76, 0.95),
    poly(SECOND, (-1.0, -0.14), (0.0, -0.98), (1.0, -0.14)),
    *edged(rect("wood", -0.18, 0.35, 0.18, 0.95)),
    *edged(*mirrored(rect("pane", -0.6, 0.08, -0.32, 0.4))),
)
_CASTLE = (
    *mirrored(
        stroke("wood", 0.05, (-0.72, -0.6), (-0.72, -1.0)),
        rect(MAIN, -0.98, -0.35, -0.46, 0.95),
        *(rect(MAIN, x, -0.55, x + 0.14, -0.3) for x in (-1.0, -0.79, -0.58)),
    ),
    poly(SECOND, (-0.7, -1.0), (-0.36, -0.88), (-0.7, -0.76)),
    poly(SECOND, (0.74, -1.0), (1.08, -0.88), (0.74, -0.76)),
    rect(MAIN, -0.46, 0.0, 0.46, 0.95),
    *(rect(MAIN, x, -0.16, x + 0.13, 0.05) for x in (-0.36, -0.07, 0.22)),
    *within(
        poly("seed", (-0.2, 0.95), (-0.2, 0.5), (-0.12, 0.36), (0, 0.3), (0.12, 0.36), (0.2, 0.5), (0.2, 0.95)),
        *mirrored(rounded("seed", -0.79, -0.05, -0.64, 0.25, 0.07)),
    ),
)
_LIGHTHOUSE = (
    *(poly("flame", (s * 0.24, -0.68), (s * 0.85, -0.86), (s * 0.85, -0.5)) for s in (-1, 1)),
    poly(MAIN, (-0.26, -0.45), (0.26, -0.45), (0.42, 0.9), (-0.42, 0.9)),
    *within(
        poly("shine", (-0.295, -0.15), (0.295, -0.15), (0.33, 0.15), (-0.33, 0.15)),
        poly("shine", (-0.365, 0.45), (0.365, 0.45), (0.4, 0.72), (-0.4, 0.72)),
    ),
    rect("pane", -0.2, -0.82, 0.2, -0.52),
    *edged(rect("tyre", -0.36, -0.54, 0.36, -0.42)),
    poly(SHADE, (-0.3, -0.8), (0, -1.08), (0.3, -0.8)),
    poly("stone", (-0.62, 1.0), (-0.5, 0.84), (0.5, 0.84), (0.62, 1.0)),
)
_WINDMILL = (
    poly(MAIN, (-0.3, -0.3), (0.3, -0.3), (0.46, 1.0), (-0.46, 1.0)),
    blob("wood", (-0.36, -0.28), (-0.26, -0.54), (0, -0.64), (0.26, -0.54), (0.36, -0.28)),
    *edged(
        *(
            poly(SECOND, *((c * u - s * v, -0.32 + s * u + c * v) for u, v in ((0.1, 0.02), (0.76, 0.02), (0.76,
            0.26), (0.16, 0.26))))
            for c, s in ((0.71, 0.71), (-0.71, 0.71), (-0.71, -0.71), (0.71, -0.71))
        ),
    ),
    *within(
        *(stroke("ink", 0.06, (0, -0.32), (0.56 * c, -0.32 + 0.56 * s)) for c, s in ((1, 1), (-1, 1), (-1, -1), (1,
        -1))),
        oval("ink", 0, -0.32, 0.09, steps=14),
        rounded("seed", -0.12, 0.62, 0.12, 1.0, 0.06),
    ),
)  # fmt: skip
_TENT = (
    *mirrored(stroke("wood", 0.05, (-0.75, 0.6), (-1.0, 0.78))),
    poly(MAIN, (0, -0.72), (0.95, 0.74), (-0.95, 0.74)),
    *within(stroke(SHADE, 0.06, (0, -0.72), (-0.42, 0.74)), stroke(SHADE, 0.06, (0, -0.72), (0.42, 0.74))),
    *edged(poly(SECOND, (0, -0.2), (0.3, 0.74), (-0.3, 0.74))),
)
_BRIDGE = (
    *mirrored(rect(SECOND, -1.0, 0.0, -0.72, 0.7)),
    *mirrored(poly(MAIN, (-0.74, 0.02), (-0.4, 0.02), (-0.62, 0.22), (-0.74, 0.5))),
    rect(MAIN, -1.0, -0.14, 1.0, 0.08),
    rect(MAIN, -1.0, -0.5, 1.0, -0.42),
    *(rect(MAIN, x - 0.04, -0.48, x + 0.04, -0.1) for x in (-0.94, -0.57, -0.19, 0.19, 0.57, 0.94)),
)

HOMES: dict[str, Recipe] = {
    "bed": Recipe(
        _BED, ("blue", "red", "white"), "pillow", "white", Room("on", (-0.32, -0.98, 0.8, -0.09)), patterned=False
    ),
    "bridge": Recipe(
        _BRIDGE, ("gray", "red"), "pillars", "stone", Room("under", (-0.66, 0.1, 0.66, 0.7)), patterned=False
    ),
    "castle": Recipe(_CASTLE, ("gray",), "flags", "red"),
    "chair": Recipe(_CHAIR, ("brown", "red"), "legs", "wood", Room("on", (-0.5, -0.95, 0.5, 0.08))),
    "clock": Recipe(_CLOCK, ("red", "black"), patterned=False),
    "house": Recipe(_HOUSE, ("white", "yellow"), "roof", "brown"),
    "lamp": Recipe(_LAMP, ("yellow", "white"), "stand", "metal"),
    "lighthouse": Recipe(_LIGHTHOUSE, ("red",), patterned=False),
    "sofa": Recipe(_SOFA, ("blue", "red", "gray"), "cushions", SHADE, Room("on", (-0.64, -0.64, 0.64, 0.06))),
    "table": Recipe(_TABLE, ("brown", "white"), room=Room("under", (-0.7, -0.28, 0.7, 0.75))),
    "tent": Recipe(_TENT, ("orange", "green", "blue"), "door", "cream"),
    "windmill": Recipe(_WINDMILL, ("white", "brown"), "sails", "cream", patterned=False),
}
