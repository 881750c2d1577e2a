"""Which setting an image has, and what its background looks like in the image's own shade."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from reference_model.world.rich.layout import Layout
from reference_model.world.rich.render import render
from reference_model.world.rich.settings import BACKGROUNDS, SETTINGS
from reference_model.world.rich.templates import BLUR

SIZE = 64  # the side of the images that are read
_LIKELY = 2  # settings that are laid over the image in several places
_ASIDE = (-2, -1, 0, 1, 2)  # pixels
_STRAYING = 0.05  # of distance, that a pixel aside has to save at least
_BORDER = 3  # pixels around the image in which nothing is drawn
_FAR = 90.0  # distance of a pixel from the background's, above which it says no more
_MAX_DISTANCE = 38.0  # mean distance of the border from a setting's: above it, the background is none
_TINTED = 30.0  # levels by which a region's colour may be off
_FOREGROUND = 26.0  # distance from the background
_ACROSS = ((1, 0), (0, 1), (1, 1), (1, -1))  # to both sides of a pixel


@dataclass(frozen=True)
class Backdrop:
    """A setting and its blurred background, float32 (64, 64, 3)."""

    setting: str
    pixels: np.ndarray


def blurred(pixels: np.ndarray) -> np.ndarray:
    """float32 (H, W, 3), as blurred as the templates are."""
    from scipy.ndimage import gaussian_filter

    smooth: np.ndarray = gaussian_filter(pixels, (BLUR, BLUR, 0), mode="nearest")
    return smooth


def find_backdrop(pixels: np.ndarray) -> Backdrop | None:
    """The setting whose border the image's is nearest to, or None where none is near. pixels: float32 (64, 64, 3).

    The whole background may be up to two pixels aside, as the horizon of a generated image can be.
    """
    smooth = blurred(pixels)
    seen = smooth[_border()]
    ranked = sorted(SETTINGS, key=lambda setting: _distance(seen, background(setting)[_border()]))[:_LIKELY]
    found = [
        (_distance(seen, border) + _STRAYING * (abs(dy) + abs(dx)), setting, (dy, dx))
        for setting in ranked
        for (dy, dx), border in _borders(setting).items()
    ]
    distance, setting, aside = min(found)
    if distance > _MAX_DISTANCE:
        return None
    behind, numbers = _moved(background(setting), *aside), _moved(_region_numbers(setting), *aside)
    return Backdrop(setting, _in_own_shade(smooth, behind, numbers))


def _distance(seen: np.ndarray, known: np.ndarray) -> float:
    """Mean distance of two borders (P, 3), where large differences say no more than others."""
    return float(np.minimum(np.sqrt(np.square(seen - known).sum(axis=1)), _FAR).mean())


@cache
def _borders(setting: str) -> dict[tuple[int, int], np.ndarray]:
    """A setting's border (P, 3) with the background moved by so many pixels down and to the right."""
    moves = [(dy, dx) for dy in _ASIDE for dx in _ASIDE]
    return {move: _moved(background(setting), *move)[_border()] for move in moves}


def _moved(picture: np.ndarray, dy: int, dx: int) -> np.ndarray:
    """A picture moved by whole pixels; its edge is repeated."""
    rows, columns = ((np.arange(SIZE) - move).clip(0, SIZE - 1) for move in (dy, dx))
    return picture[np.ix_(rows, columns)]


def foreground(pixels: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Which pixels (64, 64) differ from the background, wherever within a pixel that lies, and what they enclose."""
    from scipy.ndimage import binary_fill_holes

    padded = np.pad(behind, ((1, 1), (1, 1), (0, 0)), mode="edge")

    def seen_from(dy: int, dx: int) -> np.ndarray:
        return padded[1 + dy : 1 + dy + SIZE, 1 + dx : 1 + dx + SIZE]

    distances = [_to_blends(pixels, seen_from(-dy, -dx), seen_from(dy, dx)) for dy, dx in _ACROSS]
    filled: np.ndarray = binary_fill_holes(np.min(distances, axis=0) > _FOREGROUND**2)
    return filled


def _to_blends(pixels: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Squared distance (H, W) of each pixel to the nearest blend of two colours."""
    along, off = other - one, pixels - one
    share = ((off * along).sum(axis=2) / np.maximum((along**2).sum(axis=2), 1e-3)).clip(0, 1)
    distance: np.ndarray = np.square(off - share[..., None] * along).sum(axis=2)
    return distance


def beyond(pixels: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """How far (64, 64) each pixel is from all colours that lie between those of the pixels around it in `behind`.

    So an edge in `behind` may be a fraction of a pixel aside.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    low, high = (reach(behind, size=(3, 3, 1), mode="nearest") for reach in (minimum_filter, maximum_filter))
    distance: np.ndarray = np.linalg.norm(pixels - pixels.clip(low, high), axis=2)
    return distance


@cache
def background(setting: str) -> np.ndarray:
    """A setting without objects, blurred, float32 (64, 64, 3)."""
    return blurred(render(Layout(setting, None, ()), SIZE).astype(np.float32))


def _in_own_shade(smooth: np.ndarray, behind: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The background, each of its regions moved to the colour that the image's border has there."""
    shaded, border = behind.copy(), _border()
    for number in np.unique(numbers):
        there = border & (numbers == number)
        if there.sum() >= 2 * _BORDER:
            off = np.median(smooth[there] - behind[there], axis=0).clip(-_TINTED, _TINTED)
            shaded[numbers == number] += off
    return shaded


@cache
def _region_numbers(setting: str) -> np.ndarray:
    """Which layer of the background each pixel (64, 64) shows: that of the nearest colour."""
    colours = np.array([layer.rgb for layer in BACKGROUNDS[setting]], np.float32)
    pixels = render(Layout(setting, None, ()), SIZE).astype(np.float32)
    numbers: np.ndarray = np.linalg.norm(pixels[:, :, None] - colours, axis=3).argmin(axis=2)
    return numbers


@cache
def _border() -> np.ndarray:
    border = np.ones((SIZE, SIZE), bool)
    border[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    return border
