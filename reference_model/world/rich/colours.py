"""The colour words, and the colours that nothing in a scene changes."""

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "red": (220, 40, 40),
    "orange": (245, 140, 30),
    "yellow": (250, 220, 50),
    "green": (50, 165, 70),
    "blue": (45, 95, 215),
    "purple": (135, 60, 175),
    "pink": (250, 150, 190),
    "brown": (130, 80, 45),
    "black": (40, 40, 45),
    "white": (248, 248, 248),
    "gray": (140, 142, 148),
    "turquoise": (60, 205, 200),
}

OUTLINE: Rgb = (20, 20, 25)
LIGHT_INK: Rgb = (255, 255, 255)
DARK_INK: Rgb = (25, 25, 30)

# What a part may be filled with, besides a key of FIXED.
MAIN = "main"  # the colour a caption gives the object
SHADE = "shade"  # the same colour, darker
TINT = "tint"  # the same colour, paler
SECOND = "second"  # the colour of the object's named second part

FIXED: dict[str, Rgb] = {
    "ink": OUTLINE,
    "eye": (15, 15, 20),
    "shine": (255, 255, 255),
    "wood": (140, 90, 50),
    "leaf": (70, 150, 60),
    "pane": (195, 228, 245),
    "metal": (175, 182, 192),
    "cream": (250, 240, 215),
    "dough": (225, 175, 105),
    "beak": (245, 165, 40),
    "flame": (255, 170, 40),
    "blush": (245, 165, 170),
    "seed": (60, 40, 30),
    "rind": (60, 140, 70),
    "tyre": (48, 48, 54),
    "salami": (205, 70, 55),
    "stone": (165, 160, 155),
}

SHADE_FACTOR = 0.70
TINT_SHARE = 0.40  # of the colour; the rest is white

WOOD: Rgb = (205, 158, 100)  # of a wooden object, and of its grain
GRAIN: Rgb = (150, 98, 52)
GLASS: Rgb = (165, 222, 218)  # of a glass object, and of what shines on it
GLEAM: Rgb = (255, 255, 255)

_LIGHT = 150.0  # luminance from which on a colour bears dark stripes, dots and letters


def luminance(rgb: Rgb) -> float:
    """Perceived lightness of an RGB colour, 0 to 255 (Rec. 601)."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def ink_on(rgb: Rgb) -> Rgb:
    """The colour of stripes, dots and letters on a colour: light on dark, dark on light."""
    return DARK_INK if luminance(rgb) > _LIGHT else LIGHT_INK


def shade_of(rgb: Rgb) -> Rgb:
    """The colour of a part in the object's own shade."""
    red, green, blue = (round(SHADE_FACTOR * level) for level in rgb)
    return red, green, blue


def tint_of(rgb: Rgb) -> Rgb:
    """The colour of a part in the object's own tint."""
    red, green, blue = (round(TINT_SHARE * level + (1 - TINT_SHARE) * 255) for level in rgb)
    return red, green, blue
