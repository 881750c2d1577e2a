"""What each object and letter looks like, as pictures made by the world's own renderer, to compare images with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from reference_model.world.objects import COLOURS, LETTERS, OBJECTS, OUTLINE
from reference_model.world.render import Layout, Placement, render
from reference_model.world.scene import SIGN_OBJECT

SIZE = 64  # the side of the images that are read
BLUR = 0.7  # pixels, of objects' templates and of the images compared with them: noise and half pixels then matter less
_OVERSAMPLING = 4  # templates are finer than the images, so that an object may lie between pixels
_HALVES = (0.20, 0.27, 0.35)  # half sizes of the templates: an outline's width does not grow with its object
_LETTERS_HALF = 0.34
_WRITING = 1.8  # width of a sign's writing in half sizes: letters share it evenly (render.py)


@dataclass(frozen=True)
class Template:
    """An object as an affine function of its colour c and of the background b: image = main * c + back * b + fixed.

    layers: float32 (5, S, S): main, back, and fixed red, green, blue; every entry is the mean over one image
    pixel's area around it, blurred by BLUR. half: of the image's side. unit: entries per half size. box: left, top,
    right, bottom of what is drawn, in half sizes. written_on: whether ink may stand on the main part.
    """

    layers: np.ndarray
    half: float
    unit: float
    box: tuple[float, float, float, float]
    written_on: bool = False

    def at(self, x: float, y: float, half: float, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The layers (5, len(rows), len(columns)) on an image's pixels. x, y, half: in pixels of that image."""
        scale, count = self.unit / half, self.layers.shape[1]
        i, j = (
            (count / 2 + 0.5 + (pixels + 0.5 - centre) * scale).astype(np.intp).clip(0, count - 1)
            for pixels, centre in ((rows, y), (columns, x))
        )
        places = (i[:, None] * count + j).ravel()
        return self.layers.reshape(len(self.layers), -1).take(places, axis=1).reshape(-1, len(rows), len(columns))


def background(setting: str, size: int = SIZE) -> np.ndarray:
    """A setting without objects, float32 (size, size, 3)."""
    return render(Layout(setting, None, ()), size).astype(np.float32)


@lru_cache(maxsize=1)
def object_templates() -> dict[str, tuple[Template, ...]]:
    """Templates of every object and of the sign, one per size."""
    return {name: tuple(_object_template(name, half) for half in _HALVES) for name in (*sorted(OBJECTS), SIGN_OBJECT)}


def nearest(templates: Sequence[Template], half: float) -> Template:
    """The template whose half size (a fraction of the image's side) is nearest."""
    return min(templates, key=lambda template: abs(math.log(template.half / half)))


def _object_template(name: str, half: float) -> Template:
    """Three renderings that differ in the colour or in the background give the layers."""
    from scipy.ndimage import gaussian_filter

    side = SIZE * _OVERSAMPLING

    def picture(setting: str, colour: str) -> np.ndarray:
        return render(Layout(setting, None, (Placement(name, colour, 0.5, 0.5, half),)), side).astype(np.float32)

    light, dark = np.array(COLOURS["white"], np.float32), np.array(COLOURS["black"], np.float32)
    day, night = background("plain", side), background("night", side)
    reference = picture("plain", "white")
    main = ((reference - picture("plain", "black")) / (light - dark)).mean(axis=2, keepdims=True)
    back = ((reference - picture("night", "white")) / (day - night)).mean(axis=2, keepdims=True)
    layers = np.concatenate([main, back, reference - main * light - back * day], axis=2).transpose(2, 0, 1)
    drawn = back[..., 0] < 0.5
    unit = half * side
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    edges = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    left, top, right, bottom = (float(edge - side / 2) / unit for edge in edges)
    margin = math.ceil(max(0.0, side / 2 - 1.35 * unit))
    smooth = np.stack([gaussian_filter(_pixel_means(layer), BLUR * _OVERSAMPLING) for layer in layers])
    smooth = smooth[:, margin : side - margin, margin : side - margin]
    return Template(
        np.ascontiguousarray(smooth), half, unit, (left, top, right, bottom), written_on=name == SIGN_OBJECT
    )


@dataclass(frozen=True)
class Alphabet:
    """The ink of every letter at each place of a word of `length` letters: a Template with one layer per letter."""

    length: int
    letters: str
    ink: Template

    def slot(self, position: int) -> tuple[float, float]:
        """Left and right end of the place of one letter, in half sizes from the sign's centre."""
        width = _WRITING / self.length
        return -_WRITING / 2 + position * width, -_WRITING / 2 + (position + 1) * width


@lru_cache(maxsize=1)
def alphabets() -> tuple[Alphabet, ...]:
    """The letters as they are written in words of one to four letters."""
    return tuple(_alphabet(length) for length in range(1, 5))


def _alphabet(length: int) -> Alphabet:
    side = SIZE * _OVERSAMPLING
    sign = (Placement(SIGN_OBJECT, "white", 0.5, 0.5, _LETTERS_HALF),)
    blank = render(Layout("plain", None, sign), side).astype(np.float32)
    contrast = np.array(COLOURS["white"], np.float32) - np.array(OUTLINE, np.float32)
    ink = [
        _pixel_means(((blank - render(Layout("plain", letter * length, sign), side)) / contrast).mean(axis=2))
        for letter in LETTERS
    ]
    unit = _LETTERS_HALF * side
    return Alphabet(length, "".join(LETTERS), Template(np.stack(ink), _LETTERS_HALF, unit, (-1.0, -1.0, 1.0, 1.0)))


def _pixel_means(layer: np.ndarray) -> np.ndarray:
    """Means over the area of one image pixel; entry i is centred on the edge between entries i - 1 and i."""
    from scipy.ndimage import uniform_filter

    means: np.ndarray = uniform_filter(layer.astype(np.float32), size=_OVERSAMPLING, mode="nearest")
    return means
