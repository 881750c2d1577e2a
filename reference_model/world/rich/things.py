"""Tools, and things of every day."""

from reference_model.world.rich.colours import MAIN, SECOND, SHADE, TINT
from reference_model.world.rich.shapes import (
    Recipe,
    Room,
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

_HAMMER = (
    poly(MAIN, (-0.12, -0.5), (0.12, -0.5), (0.16, 1.0), (-0.16, 1.0)),
    poly(SECOND, (-0.68, -0.9), (-0.45, -0.9), (-0.4, -0.82), (0.3, -0.82), (0.72, -0.72), (0.84, -0.5), (0.4, -0.58),
         (0.3, -0.44), (-0.4, -0.44), (-0.45, -0.36), (-0.68, -0.36)),
)  # fmt: skip
_KEY = (
    arc(MAIN, 0, -0.6, 0.4, 0.18, 0, 190),
    arc(MAIN, 0, -0.6, 0.4, 0.18, 180, 370),
    rect(MAIN, -0.1, -0.24, 0.1, 1.0),
    rect(MAIN, 0.05, 0.45, 0.36, 0.62),
    rect(MAIN, 0.05, 0.78, 0.44, 0.97),
)
_UMBRELLA = (
    stroke(SECOND, 0.1, (0, -0.2), (0, 0.72), (0.06, 0.9), (0.2, 0.96), (0.34, 0.88), (0.36, 0.72), smooth=True),
    rect(SECOND, -0.05, -1.0, 0.05, -0.8),
    blob(
        MAIN, (-1.0, 0.08), (-0.88, -0.4), (-0.45, -0.78), (0, -0.88), (0.45, -0.78), (0.88, -0.4), (1.0, 0.08),
        (0.66, -0.06),
        (0.33, 0.1), (0, -0.06), (-0.33, 0.1), (-0.66, -0.06),
    ),
    *within(*mirrored(stroke(SHADE, 0.05, (0.0, -0.86), (-0.28, -0.5), (-0.33, 0.06), smooth=True))),
)  # fmt: skip
_BOOK = (
    rounded(MAIN, -0.72, -0.98, 0.72, 0.98, 0.12),
    *edged(rect("cream", -0.5, 0.66, 0.74, 0.86)),
    *within(stroke("metal", 0.03, (-0.48, 0.76), (0.72, 0.76))),
    *edged(rect(MAIN, -0.5, -0.98, 0.72, 0.66)),
    *within(rect(SHADE, -0.72, -0.86, -0.52, 0.86), rect("cream", -0.26, -0.6, 0.5, -0.2)),
    *within(stroke("ink", 0.06, (-0.14, -0.48), (0.38, -0.48)), stroke("ink", 0.06, (-0.14, -0.32), (0.24, -0.32))),
)
_CUP = (
    arc(SECOND, 0.5, -0.05, 0.46, 0.26, -92, 92),
    blob(
        MAIN,
        (-0.8, -0.7),
        (0.55, -0.7),
        (0.53, 0.1),
        (0.42, 0.62),
        (0.3, 0.82),
        (-0.55, 0.82),
        (-0.67, 0.62),
        (-0.78, 0.1),
    ),
    *edged(oval(SHADE, -0.125, -0.66, 0.66, 0.17)),
)
_BOTTLE = (
    blob(
        MAIN, (-0.12, -0.7), (0.12, -0.7), (0.14, -0.35), (0.34, -0.05), (0.36, 0.4), (0.34, 0.96), (-0.34, 0.96),
        (-0.36, 0.4),
        (-0.34, -0.05), (-0.14, -0.35),
    ),
    *edged(rounded("metal", -0.17, -1.0, 0.17, -0.74, 0.04)),
    *edged(rect("cream", -0.33, 0.14, 0.33, 0.62)),
)  # fmt: skip
_HAT = (
    blob(MAIN, (-0.52, 0.3), (-0.46, -0.35), (-0.3, -0.6), (0, -0.5), (0.3, -0.6), (0.46, -0.35), (0.52, 0.3)),
    poly(SECOND, (-0.51, 0.0), (0.51, 0.0), (0.54, 0.32), (-0.54, 0.32)),
    blob(MAIN, (-1.0, 0.34), (-0.6, 0.24), (0, 0.2), (0.6, 0.24), (1.0, 0.34), (0.6, 0.54), (0, 0.6), (-0.6, 0.54)),
)
_GUITAR = (
    rect("wood", -0.08, -0.9, 0.08, 0.2),
    rounded("wood", -0.14, -1.05, 0.14, -0.76, 0.04),
    blob(
        MAIN, (0, -0.12), (0.3, -0.08), (0.36, 0.16), (0.3, 0.36), (0.5, 0.62), (0.4, 0.92), (0, 1.0), (-0.4, 0.92),
        (-0.5, 0.62),
        (-0.3, 0.36), (-0.36, 0.16), (-0.3, -0.08),
    ),
    *within(
        oval("seed", 0, 0.34, 0.15),
        rect("seed", -0.22, 0.7, 0.22, 0.78),
        *(rect("cream", x - 0.012, -0.8, x + 0.012, 0.74) for x in (-0.045, 0.0, 0.045)),
    ),
)  # fmt: skip
_CANDLE = (
    slice_of(SECOND, 0, 0.78, 0.7, 0.22, 0, 180),
    rect(SECOND, -0.7, 0.7, 0.7, 0.8),
    rect(MAIN, -0.26, -0.3, 0.26, 0.72),
    *within(stroke(SHADE, 0.09, (0.16, -0.28), (0.16, 0.7))),
    stroke("ink", 0.05, (0, -0.5), (0, -0.28)),
    blob("flame", (0, -1.05), (0.17, -0.68), (0.1, -0.48), (0, -0.44), (-0.1, -0.48), (-0.17, -0.68)),
    *within(oval("cream", 0, -0.6, 0.07, 0.12, steps=14)),
)
_BALL = (
    oval(MAIN, 0, 0, 0.97, steps=56),
    *within(
        stroke("ink", 0.09, (-0.95, 0.1), (-0.3, 0.24), (0.3, 0.18), (0.93, -0.08), smooth=True),
        stroke("ink", 0.09, (0.1, -0.95), (0.24, -0.3), (0.18, 0.3), (-0.1, 0.95), smooth=True),
        stroke("ink", 0.09, (-0.66, -0.68), (-0.36, -0.1), (-0.4, 0.4), (-0.7, 0.64), smooth=True),
        oval("shine", -0.32, -0.5, 0.17, 0.24, 40),
    ),
)
_BOX = (
    poly(MAIN, (-0.78, -0.5), (-1.0, -0.86), (-0.3, -0.86), (-0.08, -0.5)),
    poly(MAIN, (0.78, -0.5), (1.0, -0.86), (0.3, -0.86), (0.08, -0.5)),
    *edged(rect(MAIN, -0.82, -0.54, 0.82, 0.9)),
    *edged(rect(SHADE, -0.66, -0.38, 0.66, 0.74)),
)
_JAR = (
    rounded(MAIN, -0.72, -0.6, 0.72, 1.0, 0.22),
    *within(rounded(TINT, -0.6, -0.48, 0.6, 0.88, 0.16)),
    rounded(SECOND, -0.62, -0.98, 0.62, -0.66, 0.08),
)


_SIGN = (
    *mirrored(rect("wood", -0.72, 0.3, -0.6, 0.7)),
    rounded(MAIN, -1.0, -0.42, 1.0, 0.42, 0.06),
)
_SHOP = (
    rect("cream", -0.9, -0.1, 0.9, 0.95),
    *edged(rect("pane", -0.78, 0.36, 0.1, 0.82), rect("wood", 0.3, 0.36, 0.72, 0.95)),
    *(poly(fill, (-1.0 + 0.25 * i, -0.04), (-0.75 + 0.25 * i, -0.04), (-0.75 + 0.25 * i, 0.22), (-1.0 + 0.25 * i, 0.22))
      for i, fill in enumerate((SECOND, "shine") * 4)),
    rounded(MAIN, -1.0, -0.75, 1.0, -0.04, 0.05),
)  # fmt: skip

THINGS: dict[str, Recipe] = {
    "ball": Recipe(_BALL, ("red", "blue"), patterned=False),
    "book": Recipe(_BOOK, ("red", "blue", "brown")),
    "bottle": Recipe(_BOTTLE, ("green", "brown"), patterned=False),
    "box": Recipe(_BOX, ("brown",), room=Room("inside", (-0.62, -0.34, 0.62, 0.7)), patterned=False),
    "candle": Recipe(_CANDLE, ("white", "red"), "holder", "metal", patterned=False),
    "cup": Recipe(_CUP, ("white", "red", "blue"), "handle"),
    "guitar": Recipe(_GUITAR, ("brown", "red"), patterned=False),
    "hammer": Recipe(_HAMMER, ("brown", "red"), "head", "metal", patterned=False),
    "hat": Recipe(_HAT, ("black", "brown"), "band", "red"),
    "jar": Recipe(_JAR, ("blue", "white"), "lid", "red", Room("inside", (-0.5, -0.4, 0.5, 0.8)), patterned=False),
    "key": Recipe(_KEY, ("yellow", "gray"), patterned=False),
    "umbrella": Recipe(_UMBRELLA, ("red", "blue", "black"), "handle", "wood", Room("under", (-0.86, 0.14, -0.1, 0.95))),
}
# What words are written on; they are no objects of other scenes.
CARRIERS: dict[str, Recipe] = {
    "shop": Recipe(_SHOP, (), "awning", "red", board=(-0.98, -0.71, 0.98, -0.08), patterned=False),
    "sign": Recipe(_SIGN, (), board=(-0.98, -0.4, 0.98, 0.4), patterned=False),
}
