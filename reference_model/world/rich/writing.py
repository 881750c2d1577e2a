"""Reads the word on a sign or a shop by comparing it, letter by letter, with the world's own lettering."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from reference_model.world.rich.colours import DARK_INK, LIGHT_INK
from reference_model.world.rich.objects import figure
from reference_model.world.rich.words import LETTERS, LONGEST, SHORTEST, letter_places, lettering

_ALPHABET = "".join(sorted(LETTERS))
_POINTS = 5  # entries of a letter's picture per pixel of an image
_USUAL_HALF = 27.5  # pixels: half size of a board in an image of 64
_SHIFTS = (-0.6, 0.0, 0.6)  # pixels that a letter may be off its place, each way
_BLUR = 0.5  # pixels, of the letters and of the images compared with them
_STRENGTHS = (0.4, 1.15)  # of ink; blurred ink is paler
_MAX_UNREAD = 0.5  # of the energy of the ink
_MIN_INK = 4.0  # pixels full of ink
_MARGIN = 0.02  # of the board, whose edge is left out


def read_word(
    pixels: np.ndarray, carrier: str, board: tuple[float, ...], x: float, y: float, half: float
) -> str | None:
    """The word of two to eight letters on a board, or None where there is no ink or it does not look like letters.

    pixels: float32 (64, 64, 3). board: its colour. x, y, half: centre and half size of the sign or shop in pixels.
    Every letter is read for itself: the words of the training are not known here.
    """
    from scipy.ndimage import gaussian_filter

    centre, rows, columns = _board_pixels(carrier, x, y, half)
    if len(rows) < 4 or len(columns) < 8:
        return None
    ink = _ink(gaussian_filter(pixels, (_BLUR, _BLUR, 0))[np.ix_(rows, columns)], np.array(board, np.float32))
    energy = float(np.square(ink).sum())
    if energy < _MIN_INK:
        return None
    best_word, best_left = None, _MAX_UNREAD * energy
    for length in range(SHORTEST, LONGEST + 1):
        word, left_over = _spell(ink, length, carrier, rows - centre[1], columns - centre[0], half)
        if left_over < best_left:
            best_word, best_left = word, left_over
    return best_word


def board_colour(pixels: np.ndarray, carrier: str, x: float, y: float, half: float) -> tuple[float, ...] | None:
    """The colour (3,) of most of a board: the median, taken again over the nearer half of its pixels."""
    _, rows, columns = _board_pixels(carrier, x, y, half)
    if len(rows) < 4 or len(columns) < 8:
        return None
    board = pixels[np.ix_(rows, columns)].reshape(-1, 3)
    colour = np.median(board, axis=0)
    for _ in range(2):
        distance = np.square(board - colour).sum(axis=1)
        colour = np.median(board[distance <= np.median(distance)], axis=0)
    return tuple(colour.tolist())


def _board_pixels(carrier: str, x: float, y: float, half: float) -> tuple[tuple[float, float], np.ndarray, np.ndarray]:
    """The middle of a board, and the rows and columns that lie on it."""
    left, top, right, bottom = figure(carrier).board or (0.0, 0.0, 0.0, 0.0)
    centre = (x + half * (left + right) / 2, y + half * (top + bottom) / 2)
    size = (half * (right - left), half * (bottom - top))
    rows, columns = (
        _between(middle - (0.5 - _MARGIN) * extent, middle + (0.5 - _MARGIN) * extent)
        for middle, extent in zip(centre[::-1], size[::-1], strict=True)
    )
    return centre, rows, columns


def _ink(pixels: np.ndarray, board: np.ndarray) -> np.ndarray:
    """How far (H, W) each pixel is from the board's colour on the way to its ink: the ink that explains them better."""
    found = []
    for colour in (DARK_INK, LIGHT_INK):
        towards = np.array(colour, np.float32) - board
        share = np.clip((pixels - board) @ towards / max(1.0, float(towards @ towards)), -0.2, 1.2)
        rest = float(np.square(pixels - board - share[..., None] * towards).sum())
        found.append((rest, share))
    ink: np.ndarray = min(found, key=lambda pair: pair[0])[1]
    return ink


def _spell(
    ink: np.ndarray, length: int, carrier: str, rows: np.ndarray, columns: np.ndarray, half: float
) -> tuple[str, float]:
    """The best word of one length, and the energy (sum of squares) of all ink that it leaves over.

    rows, columns: the pixels' places from the middle of the board.
    """
    letters = _letters(carrier, length)
    places = [place * half for place in letter_places(_board_size(carrier)[0], length)]
    width = places[1] - places[0]
    word, left = "", float(np.square(ink).sum())
    count = letters.shape[1]
    scale = _POINTS * _USUAL_HALF / half
    for place in places:
        chosen = np.flatnonzero(np.abs(columns + 0.5 - place) <= width / 2)
        if not len(chosen):
            return "", np.inf
        seen = ink[:, chosen]
        energy = float(np.square(seen).sum())
        over = []
        for dy in _SHIFTS:
            i = _entries(rows + 0.5 - dy, scale, count)
            for dx in _SHIFTS:
                j = _entries(columns[chosen] + 0.5 - place - dx, scale, letters.shape[2])
                over.append(_left_over(letters[:, i[:, None], j], seen))
        best = np.min(over, axis=0)
        word += _ALPHABET[int(best.argmin())]
        left += float(best.min()) - energy
    return word, left


def _entries(places: np.ndarray, scale: float, count: int) -> np.ndarray:
    entries: np.ndarray = (count / 2 + places * scale).astype(np.intp).clip(0, count - 1)
    return entries


def _left_over(letters: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Energy of the ink that each letter (n, h, w) leaves over."""
    overlap = letters.reshape(len(letters), -1) @ seen.ravel()
    own = np.square(letters).sum(axis=(1, 2)) + 1e-6
    strength = np.clip(overlap / own, *_STRENGTHS)
    left: np.ndarray = np.square(seen).sum() - 2 * strength * overlap + strength**2 * own
    return left


@cache
def _letters(carrier: str, length: int) -> np.ndarray:
    """Every letter as it is in words of one length: ink float32 (26, H, W), the letter's place in the middle."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    wide, tall = _board_size(carrier)
    unit = _POINTS * _USUAL_HALF
    places = letter_places(wide, length)
    extent = 2 * round(unit * (places[1] - places[0]) * 0.8), 2 * round(unit * tall * 0.6)
    middle = np.array(extent) / 2
    pictures = []
    for letter in _ALPHABET:
        image = Image.new("L", extent)
        draw = ImageDraw.Draw(image)
        for corners in lettering(letter * length, wide, tall)[: _strokes(letter)]:
            draw.polygon(np.rint((corners - (places[0], 0)) * unit + middle - 0.5).astype(int).ravel().tolist(), 255)
        ink = uniform_filter(np.asarray(image, np.float32) / 255, _POINTS)
        pictures.append(gaussian_filter(ink, _BLUR * _POINTS, truncate=3))
    return np.stack(pictures)


def _board_size(carrier: str) -> tuple[float, float]:
    left, top, right, bottom = figure(carrier).board or (0.0, 0.0, 0.0, 0.0)
    return right - left, bottom - top


def _strokes(letter: str) -> int:
    """Of how many straight strokes a letter is made."""
    return sum(len(line) - 1 for line in LETTERS[letter])


def _between(start: float, stop: float) -> np.ndarray:
    """The pixels whose centres lie between two positions, on the image."""
    return np.arange(max(0, int(np.ceil(start - 0.5))), min(64, int(np.ceil(stop - 0.5))))
