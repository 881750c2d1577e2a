"""Where a scene is: twelve backgrounds, each a few flat layers that every image of the setting shares."""

import math
from dataclasses import dataclass
from random import Random

import numpy as np

from reference_model.world.rich.colours import Rgb
from reference_model.world.rich.shapes import oval

HORIZON = 0.62  # of the image's height


@dataclass(frozen=True)
class Layer:
    """Polygons of one colour, in the unit square."""

    rgb: Rgb
    polygons: tuple[np.ndarray, ...]


def _rect(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _all(rgb: Rgb) -> Layer:
    return Layer(rgb, (_rect(-0.1, -0.1, 1.1, 1.1),))


def _ground(rgb: Rgb, top: float = HORIZON, bottom: float = 1.1) -> Layer:
    return Layer(rgb, (_rect(-0.1, top, 1.1, bottom),))


def _waves(rgb: Rgb) -> Layer:
    """Short wavy lines on the water."""
    x = np.linspace(0, 0.16, 9)
    found = []
    for left, y in (
        (0.06, 0.7),
        (0.42, 0.67),
        (0.76, 0.72),
        (0.22, 0.82),
        (0.6, 0.84),
        (0.04, 0.93),
        (0.4, 0.94),
        (0.8, 0.93),
    ):
        middle = y + 0.008 * np.sin(x / 0.16 * 4 * math.pi)
        upper, lower = np.stack([left + x, middle - 0.007], 1), np.stack([left + x, middle + 0.007], 1)
        found.append(np.concatenate([upper, lower[::-1]]))
    return Layer(rgb, tuple(found))  # fmt: skip


def _specks(rgb: Rgb, count: int, radius: float, bottom: float, seed: str) -> Layer:
    """Stars or snowflakes, the same in every image."""
    random = Random(seed)
    places = [(random.uniform(0.02, 0.98), random.uniform(0.02, bottom)) for _ in range(count)]
    return Layer(rgb, tuple(np.array(oval("", x, y, radius, steps=8).points) for x, y in places))


def _skyline(rgb: Rgb) -> Layer:
    towers = (
        (0.0, 0.13, 0.34),
        (0.15, 0.1, 0.22),
        (0.27, 0.15, 0.4),
        (0.44, 0.1, 0.28),
        (0.56, 0.14, 0.38),
        (0.72, 0.09, 0.18),
        (0.83, 0.17, 0.32),
    )
    return Layer(rgb, tuple(_rect(left, top, left + width, 0.7) for left, width, top in towers))  # fmt: skip


def _trunks(rgb: Rgb) -> Layer:
    places = ((0.05, 0.05), (0.19, 0.04), (0.36, 0.05), (0.52, 0.04), (0.67, 0.05), (0.83, 0.04), (0.95, 0.05))
    return Layer(rgb, tuple(_rect(x - width / 2, -0.1, x + width / 2, 0.66) for x, width in places))


def _dunes(rgb: Rgb) -> Layer:
    x = np.linspace(-0.1, 1.1, 40)
    top = 0.76 + 0.05 * np.sin(5.2 * x + 0.6)
    return Layer(rgb, (np.concatenate([np.stack([x, top], 1), [(1.1, 1.1), (-0.1, 1.1)]]),))


BACKGROUNDS: dict[str, tuple[Layer, ...]] = {
    "plain": (_all((205, 205, 210)),),
    "grass": (_all((165, 212, 245)), _ground((126, 196, 100))),
    "beach": (_all((150, 215, 245)), _ground((85, 150, 205), 0.53), _ground((236, 212, 158))),
    "snow": (_all((184, 200, 222)), _ground((212, 224, 240)), _specks((225, 234, 246), 34, 0.011, 0.6, "snow")),
    "night": (_all((52, 60, 128)), _ground((62, 84, 92)), _specks((190, 192, 215), 16, 0.007, 0.58, "night")),
    "room": (_all((235, 218, 190)), _ground((176, 128, 112)), _ground((208, 190, 162), 0.59, HORIZON)),
    "road": (
        _all((175, 215, 240)),
        _ground((134, 190, 112), 0.54),
        _ground((98, 100, 108)),
        Layer((176, 174, 142), tuple(_rect(x, 0.79, x + 0.14, 0.82) for x in (0.04, 0.3, 0.56, 0.82))),
    ),
    "sea": (_all((190, 225, 245)), _ground((70, 140, 190)), _waves((100, 163, 206))),
    "space": (_all((70, 56, 132)), _specks((200, 195, 225), 34, 0.008, 0.98, "space")),
    "desert": (_all((252, 232, 200)), _ground((232, 190, 130)), _dunes((221, 177, 116))),
    "forest": (_all((76, 122, 98)), _trunks((62, 104, 84)), _ground((118, 134, 88))),
    "city": (_all((200, 212, 228)), _skyline((168, 176, 196)), _ground((186, 180, 172))),
}
SETTINGS: tuple[str, ...] = tuple(BACKGROUNDS)
