"""Labels beside the points of a plot: off each other, inside of the plot, at every width that it may have."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SIDES = ((1, 1), (-1, 1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))  # of a point, as they are tried
DIAGONAL = 0.6  # of the gap, both across and up, at a corner

Place = tuple[float, float]


@dataclass(frozen=True)
class Label:
    """A label of one point. across: where the point is, as a share of the plot's width. All else in pixels.

    gap: from the point to the label. needed: it may cover marks rather than be left out.
    """

    across: float
    up: float
    width: float
    height: float
    gap: float
    needed: bool = False


@dataclass(frozen=True)
class _Box:
    """Its middle is at `across` times the plot's width and `right` pixels; all else in pixels."""

    across: float
    right: float
    up: float
    width: float
    height: float

    def overlaps(self, other: "_Box", widths: tuple[float, float]) -> bool:
        """Whether two boxes do at any width of the plot between the two."""
        if abs(self.up - other.up) >= (self.height + other.height) / 2:
            return False
        apart = [(self.across - other.across) * width + self.right - other.right for width in widths]
        crossing = min(apart) < 0 < max(apart)
        return crossing or min(map(abs, apart)) < (self.width + other.width) / 2

    def is_inside(self, widths: tuple[float, float], height: float) -> bool:
        """Whether it is in the plot at both widths, and so at all between them."""
        middles = [(self.across * width + self.right, width) for width in widths]
        fits = all(self.width / 2 <= middle <= width - self.width / 2 for middle, width in middles)
        return fits and self.height / 2 <= self.up <= height - self.height / 2

    def is_struck(self, start: Place, end: Place, width: float) -> bool:
        """Whether the line from `start` to `end` goes through it: no straight line lies between the two."""
        middle = self.across * width + self.right
        x, y, z, w = start[0] * width - middle, start[1] - self.up, end[0] * width - middle, end[1] - self.up
        across, up = abs(z - x), abs(w - y)
        near = abs(x + z) < across + self.width and abs(y + w) < up + self.height
        return near and abs(x * w - y * z) < (across * self.height + up * self.width) / 2


def place_labels(
    labels: Sequence[Label], lines: Sequence[Sequence[Place]], mark: float, widths: tuple[float, float], height: float
) -> list[Place | None]:
    """How far, in pixels to the right and up, the middle of each label lies from its point; None: there is no room.

    labels: the most important first. lines: the points of each, (share of the width, pixels up), with marks `mark`
    pixels wide; a label covers no mark, and as little of lines as can be. widths: the smallest and the largest that a
    plot of this height may have, in pixels.
    """
    points = [_Box(across, 0, up, mark, mark) for line in lines for across, up in line]
    segments = [segment for line in lines for segment in pairwise(line)]
    taken: list[_Box] = []
    found: list[Place | None] = []
    for label in labels:
        boxes = [_beside(label, right, up) for right, up in SIDES]
        others = [point for point in points if (point.across, point.up) != (label.across, label.up)]  # its own is round
        free = [
            box
            for box in boxes
            if box.is_inside(widths, height) and not any(box.overlaps(other, widths) for other in taken)
        ]
        covered = [
            (
                sum(box.overlaps(point, widths) for point in others),
                sum(box.is_struck(*segment, width) for segment in segments for width in widths),
            )
            for box in free
        ]
        if not free or (min(covered)[0] and not label.needed):
            found.append(None)
            continue
        best = free[covered.index(min(covered))]
        taken.append(best)
        found.append((best.right, best.up - label.up))
    return found


def _beside(label: Label, right: int, up: int) -> _Box:
    gap = label.gap * (DIAGONAL if right and up else 1)
    return _Box(
        label.across,
        right * (gap + label.width / 2),
        label.up + up * (gap + label.height / 2),
        label.width,
        label.height,
    )


def beneath(places: Sequence[Place], size: float) -> list[int]:
    """Below how many earlier marks each mark lies, all of them `size` wide and high."""
    return [
        sum(abs(x - a) < size and abs(y - b) < size for a, b in places[:number]) for number, (x, y) in enumerate(places)
    ]
