"""Pieces of an image that are to be explained, and the colours that explain them best."""

from dataclasses import dataclass

import numpy as np

from reference_model.world.rich.shapes import Rect

NOISE_ENERGY = 400.0  # per pixel of a thing: pale things are not told by their noise
SEEN = 0.02  # share of a pixel that is hidden, from which on it is not compared
_RIM = 1.4  # pixels by which blur makes a thing's box larger
_ENOUGH_PIXELS = 1100  # of a window; of a larger one every other row and column is compared


@dataclass(frozen=True)
class Entry:
    """An object in a look of LOOKS. hides: whether its room or board is left out of the comparison."""

    name: str
    look: str
    hides: bool


@dataclass(frozen=True)
class Patch:
    """A piece of an image to explain. own: which pixels are the thing's; others: which belong to other things.

    pixels, behind: float32 (H, W, 3), the blurred image and its background. All arrays are of the whole image.
    """

    pixels: np.ndarray
    behind: np.ndarray
    own: np.ndarray
    others: np.ndarray

    @property
    def energy(self) -> float:
        """What there is to explain: squared difference from the background, and the noise that is to be expected."""
        difference = (self.pixels - self.behind)[self.own]
        return float((difference**2).sum()) + NOISE_ENERGY * float(self.own.sum())

    @property
    def box(self) -> Rect:
        """Left, top, right, bottom in pixels, without what blur adds."""
        rows, columns = np.flatnonzero(self.own.any(1)), np.flatnonzero(self.own.any(0))
        rim = _RIM / 2
        return columns[0] + rim, rows[0] + rim, columns[-1] + 1 - rim, rows[-1] + 1 - rim


@dataclass(frozen=True)
class Window:
    """The pixels around a thing: (3, P) and (P,)."""

    rows: np.ndarray
    columns: np.ndarray
    pixels: np.ndarray
    behind: np.ndarray
    weight: np.ndarray
    energy: np.ndarray

    @classmethod
    def around(cls, patch: Patch) -> "Window":
        sides = []
        for axis in (1, 0):
            there = np.flatnonzero(patch.own.any(axis))
            sides.append(np.arange(max(0, there[0] - 2), min(patch.own.shape[1 - axis], there[-1] + 3)))
        rows, columns = sides
        if len(rows) * len(columns) > _ENOUGH_PIXELS:
            rows, columns = rows[::2], columns[::2]
        window = np.ix_(rows, columns)
        pixels, behind = (a[window].reshape(-1, 3).T for a in (patch.pixels, patch.behind))
        weight = 1.0 - patch.others[window].ravel().astype(np.float32)
        energy = ((pixels - behind) ** 2).sum(axis=0) + NOISE_ENERGY * patch.own[window].ravel()
        return cls(rows, columns, pixels, behind, weight, energy)


def without_colours(
    target: np.ndarray, main: np.ndarray, second: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """target (N, 3, P) less main * c1 + second * c2 in the colours (N, 3) that leave least; also c1 and c2."""
    a, b = main * seen, second * seen
    aa, ab, bb = (a * main).sum(1) + 1e-3, (a * second).sum(1), (b * second).sum(1) + 1e-3
    at, bt = np.einsum("ncp,np->nc", target, a), np.einsum("ncp,np->nc", target, b)
    determinant = np.maximum(aa * bb - ab**2, 1e-6)[:, None]
    c1 = ((bb[:, None] * at - ab[:, None] * bt) / determinant).clip(0, 255)
    c2 = ((aa[:, None] * bt - ab[:, None] * at) / determinant).clip(0, 255)
    return target - c1[..., None] * main[:, None] - c2[..., None] * second[:, None], c1, c2
