"""Reads the word on a sign by comparing it, letter by letter, with the world's own lettering."""

from itertools import product

import numpy as np

from reference_model.world.objects import OUTLINE
from reference_model.world.templates import SIZE, Alphabet, alphabets

_ROWS = (-0.52, 0.32)  # of the writing, in half sizes below the sign's centre
_SHIFTS = (-1.0, -0.5, 0.0, 0.5, 1.0)  # pixels that a letter may be off its place, each way
_STRENGTHS = (0.4, 1.2)  # of ink
_MAX_UNREAD = 0.5  # of the energy of the ink
_MIN_INK = 4.0  # pixels full of ink


def read_word(pixels: np.ndarray, board: np.ndarray, x: float, y: float, half: float) -> str | None:
    """The word of one to four letters on a sign, or None where there is no ink or it does not look like letters.

    pixels: float32 (64, 64, 3). board: the sign's colour (3,). x, y, half: the sign's centre and half size in pixels.
    Every letter is read for itself: the words of the training are not known here.
    """
    towards_ink = np.array(OUTLINE, np.float32) - board
    ink = np.clip((pixels - board) @ towards_ink / max(1.0, float(towards_ink @ towards_ink)), -0.2, 1.2)
    best_word, best_left = None, _MAX_UNREAD
    for alphabet in alphabets():
        word, left = _spell(ink, alphabet, x, y, half)
        if left < best_left:
            best_word, best_left = word, left
    return best_word


def _spell(ink: np.ndarray, alphabet: Alphabet, x: float, y: float, half: float) -> tuple[str, float]:
    """The best word of one length, and the fraction of the ink's energy (sum of squares) that it leaves over."""
    rows = _between(y + _ROWS[0] * half, y + _ROWS[1] * half)
    word, left, energy = "", 0.0, 0.0
    for position in range(alphabet.length):
        columns = _between(*(x + edge * half for edge in alphabet.slot(position)))
        if not len(rows) or not len(columns):
            return "", np.inf
        seen = ink[np.ix_(rows, columns)]
        differences = np.stack(
            [
                _left_over(alphabet.ink.at(x + dx, y + dy, half, rows, columns), seen)
                for dx, dy in product(_SHIFTS, _SHIFTS)
            ]
        ).min(axis=0)
        word += alphabet.letters[int(differences.argmin())]
        left += float(differences.min())
        energy += float(np.square(seen).sum())
    return word, left / energy if energy >= _MIN_INK else np.inf


def _left_over(letters: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Energy of the ink that each letter (n, h, w) leaves over; blurred ink may be paler than a letter's."""
    overlap = letters.reshape(len(letters), -1) @ seen.ravel()
    own = np.square(letters).sum(axis=(1, 2)) + 1e-6
    strength = np.clip(overlap / own, *_STRENGTHS)
    left: np.ndarray = np.square(seen).sum() - 2 * strength * overlap + strength**2 * own
    return left


def _between(start: float, stop: float) -> np.ndarray:
    """The pixels whose centres lie between two positions, on the image."""
    return np.arange(max(0, int(np.ceil(start - 0.5))), min(SIZE, int(np.ceil(stop - 0.5))))
