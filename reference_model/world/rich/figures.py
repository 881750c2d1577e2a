"""Recipes made ready to draw: normalised, with the directions in which their outlines grow."""

from dataclasses import dataclass

import numpy as np

from reference_model.world.rich.shapes import Part, Recipe, Rect

OUTLINE_WIDTH = 0.05  # in half sizes: outlines grow with their object, so that it looks alike in every size
_ROUNDS = 12
_LEVEL = 0.04  # half sizes within which points are equally high
_MITRE_LIMIT = 3.0  # a corner's outline reaches no farther than so many widths


@dataclass(frozen=True)
class Figure:
    """A recipe in half sizes: outlines included, its longer side reaches from -1 to 1, and (0, 0) is its middle.

    points: float64 (N, 2), all parts' corners. outward: (N, 2), by how much each moves where its part grows by 1.
    ends: where each part's corners end. box: left, top, right, bottom of what is drawn. head, foot: x of its highest
    and of its lowest point, or the middle where there are several. room, board: of the recipe.
    """

    recipe: Recipe
    points: np.ndarray
    outward: np.ndarray
    ends: tuple[int, ...]
    box: Rect
    head: float
    foot: float
    room: Rect | None
    board: Rect | None


def figure_of(recipe: Recipe) -> Figure:
    """The figure of a recipe."""
    points = np.concatenate([np.array(part.points, float) for part in recipe.parts])
    outward = np.concatenate([_outward(np.array(part.points, float)) for part in recipe.parts])
    ends = tuple(np.cumsum([len(part.points) for part in recipe.parts]).tolist())
    outline = OUTLINE_WIDTH * outward * _grows(recipe.parts)[:, None]
    middle, scale = _fitting(points, outline)
    points = (points - middle) * scale
    grown = points + outline

    def moved(rect: Rect | None) -> Rect | None:
        if rect is None:
            return None
        (left, top), (right, bottom) = ((np.array(corner) - middle) * scale for corner in (rect[:2], rect[2:]))
        return float(left), float(top), float(right), float(bottom)

    room = moved(recipe.room.rect) if recipe.room else None
    left, top, right, bottom = np.concatenate([grown.min(axis=0), grown.max(axis=0)]).tolist()
    head, foot = (_middle(grown[abs(grown[:, 1] - edge) < _LEVEL, 0]) for edge in (top, bottom))
    return Figure(recipe, points, outward, ends, (left, top, right, bottom), head, foot, room, moved(recipe.board))


def _fitting(points: np.ndarray, outline: np.ndarray) -> tuple[np.ndarray, float]:
    """The middle and the scale with which points, and outlines that do not scale, fill the square from -1 to 1."""
    middle, scale = np.zeros(2), 1.0
    for _ in range(_ROUNDS):  # the middle and the scale depend on each other; this is far more than they need
        grown = (points - middle) * scale + outline
        low, high = grown.min(axis=0), grown.max(axis=0)
        middle = middle + (low + high) / 2 / scale
        scale *= 2 / float((high - low).max())
    return middle, scale


def _middle(places: np.ndarray) -> float:
    return float(places.min() + places.max()) / 2


def _grows(parts: tuple[Part, ...]) -> np.ndarray:
    return np.concatenate([np.full(len(part.points), float(part.line != "none")) for part in parts])


def _outward(corners: np.ndarray) -> np.ndarray:
    """By how much each corner of a closed polygon (N, 2) moves when all sides move out by 1: its mitre vector."""
    after = np.roll(corners, -1, axis=0)
    area = float((corners[:, 0] * after[:, 1] - after[:, 0] * corners[:, 1]).sum())
    along = after - corners
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    normals = np.stack([along[:, 1], -along[:, 0]], axis=1) * (1 if area > 0 else -1)
    both = normals + np.roll(normals, 1, axis=0)
    mitre = 2 * both / np.maximum((both**2).sum(axis=1, keepdims=True), 1e-3)
    length = np.linalg.norm(mitre, axis=1, keepdims=True)
    limited: np.ndarray = mitre * np.minimum(1, _MITRE_LIMIT / np.maximum(length, 1e-9))
    return limited
