"""Where the objects of a scene stand. Nothing overlaps, except what is inside, under or on another thing's room."""

from dataclasses import dataclass, replace
from random import Random

from reference_model.world.rich.figures import Figure
from reference_model.world.rich.objects import figure
from reference_model.world.rich.scene import Item, Scene
from reference_model.world.rich.shapes import Rect

MARGIN = 0.05  # of the image's side, in which nothing is drawn
_FILLED = (0.84, 0.97)  # of its cell, by an object
_LARGEST = 0.34  # half size where no caption says how large
SMALL_HALF = (0.13, 0.17)  # half sizes of a single small and of a single large object
LARGE_HALF = (0.40, 0.445)
_NEXT_TO = (0.03, 0.05)  # gap between things next to each other
_SHARE, _LARGE_SHARE = 0.42, 0.58  # of what two things have, for one and for the large one
_SMALL_OF_TWO = (0.115, 0.14)  # half sizes
_INNER = (0.76, 0.95)  # of a room, filled by what is in it


@dataclass(frozen=True)
class Placement:
    """One object on the canvas, in front of those before it. Centre and half size are fractions of the image's side."""

    object: str
    colour: str | None
    pattern: str | None
    second: str | None
    x: float
    y: float
    half: float

    @property
    def box(self) -> Rect:
        """Left, top, right and bottom of what is drawn, in the unit square."""
        left, top, right, bottom = figure(self.object).box
        return (
            self.x + left * self.half,
            self.y + top * self.half,
            self.x + right * self.half,
            self.y + bottom * self.half,
        )


@dataclass(frozen=True)
class Layout:
    """Where everything of a scene is: all that the renderer needs besides a size in pixels."""

    setting: str
    word: str | None
    placements: tuple[Placement, ...]


def sample_layout(scene: Scene, random: Random) -> Layout:
    """A random layout that shows the scene truthfully, in the order of the scene's items, hosts first."""
    if scene.relation in ("on", "under", "inside"):
        placements = _supported(scene, random)
    elif scene.relation == "between":
        placements = _between(scene, random)
    elif scene.relation is not None:
        placements = _side_by_side(scene, random)
    elif len(scene.items) == 1 and scene.items[0].count == 1:
        placements = [_alone(scene.items[0], random)]
    else:
        placements = _scattered(scene, random)
    return Layout(scene.setting, scene.word, tuple(placements))


def _alone(item: Item, random: Random) -> Placement:
    shape = figure(item.object)
    if shape.board is not None:
        return _put(item, 0.5, random.uniform(0.47, 0.53), random.uniform(0.42, 0.45))
    low, high = {"small": SMALL_HALF, "large": LARGE_HALF}.get(item.size or "", (0.24, _LARGEST))
    half = random.uniform(low, high)
    left, top, right, bottom = (edge * half for edge in shape.box)
    spare_x, spare_y = (1 - 2 * MARGIN - (right - left)) / 2, (1 - 2 * MARGIN - (bottom - top)) / 2
    reach = 0.6 if item.size != "large" else 1.0
    return _put(
        item, 0.5 + random.uniform(-1, 1) * reach * spare_x, 0.5 + random.uniform(-1, 1) * reach * spare_y, half
    )


def _side_by_side(scene: Scene, random: Random) -> list[Placement]:
    """Two objects left of, right of, above, below or next to each other."""
    first, second = scene.items
    relation = scene.relation
    if relation == "next to":
        relation = random.choice(("left of", "right of"))
    reverse, upright = relation in ("right of", "below"), relation in ("above", "below")
    ordered = (second, first) if reverse else (first, second)
    close = scene.relation == "next to"
    gap = random.uniform(*_NEXT_TO) if close else random.uniform(0.1, 0.16)
    halves = [_half_beside(item, 1 - gap, upright, random) for item in ordered]
    extents = [_extent(figure(item.object), half, upright) for item, half in zip(ordered, halves, strict=True)]
    spare = 1 - 2 * MARGIN - sum(extents) - gap
    if not close:
        gap += random.uniform(0, max(0.0, spare))
        spare = 1 - 2 * MARGIN - sum(extents) - gap
    start = MARGIN + random.uniform(0.2, 0.8) * spare
    centres = (start + extents[0] / 2, start + extents[0] + gap + extents[1] / 2)
    placed = []
    for item, half, along in zip(ordered, halves, centres, strict=True):
        across = 0.5 + random.uniform(-0.05, 0.05)
        x, y = (across, along) if upright else (along, across)
        placed.append(_put_box_centre(item, x, y, half))
    return placed[::-1] if reverse else placed


def _half_beside(item: Item, along: float, upright: bool, random: Random) -> float:
    """The half size of one of two things that share `along`, in the direction in which they stand apart."""
    left, top, right, bottom = figure(item.object).box
    wide, tall = (bottom - top, right - left) if upright else (right - left, bottom - top)
    share = _LARGE_SHARE if item.size == "large" else _SHARE
    half = random.uniform(*_FILLED) * min(share * along / wide, 0.62 / tall, _LARGEST)
    return min(half, random.uniform(*_SMALL_OF_TWO)) if item.size == "small" else half


def _extent(shape: Figure, half: float, upright: bool) -> float:
    left, top, right, bottom = shape.box
    return half * (bottom - top if upright else right - left)


def _between(scene: Scene, random: Random) -> list[Placement]:
    """items[0] in the middle of a row or of a column."""
    first, second, third = scene.items
    outer = random.sample((second, third), 2)
    row = (outer[0], first, outer[1])
    upright = random.random() < 0.25
    placed = {}
    for i, item in enumerate(row):
        along = MARGIN + (1 - 2 * MARGIN) * (i + 0.5) / 3
        cell = (0.28, along - 0.14, 0.72, along + 0.14) if upright else (along - 0.14, 0.28, along + 0.14, 0.72)
        placed[item.object] = _in_cell(item, cell, random)
    return [placed[item.object] for item in scene.items]


def _scattered(scene: Scene, random: Random) -> list[Placement]:
    """Counted things and lists: every object in a cell of its own."""
    items = [item for item in scene.items for _ in range(item.count)]
    cells = _cells(len(items), random)
    if scene.kind == "list":
        random.shuffle(cells)
    return [_in_cell(item, cell, random) for item, cell in zip(items, cells, strict=True)]


_ROWS: dict[int, tuple[tuple[int, ...], ...]] = {
    2: ((2,), (2,), (1, 1)),
    3: ((1, 2), (2, 1), (3,)),
    4: ((2, 2),),
    5: ((3, 2), (2, 3)),
    6: ((3, 3),),
}


def _cells(number: int, random: Random) -> list[Rect]:
    """Cells for so many objects, in rows from top to bottom."""
    rows = random.choice(_ROWS[number])
    found = []
    height = min(0.48, (1 - 2 * MARGIN) / len(rows))
    top = 0.5 - height * len(rows) / 2
    for i, columns in enumerate(rows):
        width = min(0.45, (1 - 2 * MARGIN) / max(rows))  # one size for all
        left = 0.5 - width * columns / 2
        for j in range(columns):
            x, y = left + j * width, top + i * height
            found.append((x + 0.02, y + 0.02, x + width - 0.02, y + height - 0.02))
    return found


def _supported(scene: Scene, random: Random) -> list[Placement]:
    """items[0] inside, under or on items[1], which is drawn first."""
    first, host = scene.items
    shape = figure(host.object)
    room = shape.recipe.room
    if shape.room is None or room is None or room.relation != scene.relation:
        return _on_top(first, host, random)
    half = random.uniform(0.40, 0.44)
    left, top, right, bottom = (edge * half for edge in shape.box)
    spare_x, spare_y = (1 - 2 * MARGIN - (right - left)) / 2, (1 - 2 * MARGIN - (bottom - top)) / 2
    behind = _put_box_centre(host, 0.5 + random.uniform(-1, 1) * spare_x, 0.5 + random.uniform(-1, 1) * spare_y, half)
    place = tuple(centre + edge * half for centre, edge in zip((behind.x, behind.y) * 2, shape.room, strict=True))
    inner = _in_cell(first, place, random, filled=_INNER)  # type: ignore[arg-type]
    if scene.relation != "inside":  # stands on the seat, or on the ground
        inner = _moved(inner, 0.0, place[3] - inner.box[3])
    return [behind, inner]


def _on_top(first: Item, host: Item, random: Random) -> list[Placement]:
    """items[0] with its lowest point on the highest point of items[1]: they touch, and a level line parts them."""
    upper, lower = figure(first.object), figure(host.object)
    total, share = random.uniform(0.8, 0.88), random.uniform(0.38, 0.46)
    half_upper = _half_for(upper, 0.5, share * total)
    half_lower = _half_for(lower, 0.8, (1 - share) * total)
    tall = _extent(upper, half_upper, upright=True) + _extent(lower, half_lower, upright=True)
    top = MARGIN + random.uniform(0.3, 0.7) * (1 - 2 * MARGIN - tall)
    contact = top + _extent(upper, half_upper, upright=True)
    below = _put(host, 0.5, contact - lower.box[1] * half_lower, half_lower)
    above = _put(
        first, 0.5 + lower.head * half_lower - upper.foot * half_upper, contact - upper.box[3] * half_upper, half_upper
    )
    left, right = (edge(above.box[i], below.box[i]) for edge, i in ((min, 0), (max, 2)))
    aside = 0.5 - (left + right) / 2
    return [_moved(below, aside, 0.0), _moved(above, aside, 0.0)]


def _half_for(shape: Figure, width: float, height: float) -> float:
    """The half size with which a figure fits a rectangle."""
    left, top, right, bottom = shape.box
    return min(width / (right - left), height / (bottom - top), _LARGEST)


def _in_cell(item: Item, cell: Rect, random: Random, filled: tuple[float, float] = _FILLED) -> Placement:
    """The object within a cell, as large as it can be or a little smaller, anywhere in it."""
    left, top, right, bottom = cell
    half = random.uniform(*filled) * _half_for(figure(item.object), right - left, bottom - top)
    wide, tall = (_extent(figure(item.object), half, upright) for upright in (False, True))
    spare_x, spare_y = (right - left - wide) / 2, (bottom - top - tall) / 2
    x = (left + right) / 2 + random.uniform(-0.7, 0.7) * spare_x
    y = (top + bottom) / 2 + random.uniform(-0.4, 0.4) * spare_y
    return _put_box_centre(item, x, y, half)


def _put(item: Item, x: float, y: float, half: float) -> Placement:
    return Placement(item.object, item.colour, item.pattern, item.second, x, y, half)


def _put_box_centre(item: Item, x: float, y: float, half: float) -> Placement:
    """The object with the middle of what is drawn at (x, y)."""
    left, top, right, bottom = figure(item.object).box
    return _put(item, x - (left + right) / 2 * half, y - (top + bottom) / 2 * half, half)


def _moved(placement: Placement, dx: float, dy: float) -> Placement:
    return replace(placement, x=placement.x + dx, y=placement.y + dy)
