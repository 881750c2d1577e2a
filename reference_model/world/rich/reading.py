"""Reads a 64 pixel image of the rich world: its setting, the things in it, and the word on its sign. No learned model.

Analysis by synthesis: what differs from the setting's background falls into connected
regions; a region is one thing, or a thing with another one in its room, or two things that touch, whichever leaves
least of it unexplained.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from reference_model.world.rich.backdrop import SIZE, beyond, blurred, find_backdrop, foreground
from reference_model.world.rich.coarse import least_share
from reference_model.world.rich.colours import COLOURS
from reference_model.world.rich.matching import Fit, match, picture
from reference_model.world.rich.objects import figure
from reference_model.world.rich.patches import Patch
from reference_model.world.rich.shapes import Rect
from reference_model.world.rich.templates import LOOKS
from reference_model.world.rich.writing import board_colour, read_word

_SMALLEST_THING = 24  # pixels; less is a speck
_FRAGMENT = 30  # pixels; the smallest object of the world has more
_GAP = 2  # pixels between a fragment and its thing
_SMALLEST_ENERGY = 40_000.0  # that something in a room has at least: 25 pixels, 40 levels from what is behind
_DOUBTFUL = 0.10  # of a region's energy, unexplained: from here on it may be more than one thing
_MAX_UNEXPLAINED = 0.30
_CLEARLY_BETTER = 0.75  # two things have to explain a region so much better than one
_INNER = 26.0  # distance from what a host looks like, from which on a pixel is something in its room
_CUTS, _CUTS_TRIED = 6, 2  # places where a region is cut in two, to see; and to see closely
_SHORTEST = 10  # pixels along which a thing reaches
_MAX_COLOUR_DISTANCE = 75.0  # between a thing's colour and the nearest colour word's


@dataclass(frozen=True)
class Thing:
    """One thing. object: None where no object explains it; colour: None where no colour word is near, or of a material.

    main, second: colours, 0 to 255. second_colour: the word for it. x, y, half in pixels; box: left, top, right, bottom
    of what is drawn; room: likewise, where the object has one. unexplained: of its energy, 0 is perfect.
    """

    object: str | None
    colour: str | None
    pattern: str | None
    second_colour: str | None
    main: tuple[float, ...]
    x: float
    y: float
    half: float
    box: Rect
    room: Rect | None
    unexplained: float

    @property
    def room_relation(self) -> str | None:
        """What being in the thing's room is called."""
        room = None if self.object is None else figure(self.object).recipe.room
        return None if room is None else room.relation


@dataclass(frozen=True)
class Reading:
    """What an image shows. setting: None where the background is none of the world's; then nothing else is read."""

    setting: str | None
    things: tuple[Thing, ...]
    word: str | None = None


@dataclass(frozen=True)
class _Parse:
    """One way to see a region. left: squared difference that it does not explain. fits: of the things with a name."""

    things: tuple[Thing, ...]
    left: float
    fits: tuple[Fit, ...] = ()


def read_image(image: np.ndarray) -> Reading:
    """Read a uint8 image (64, 64, 3). Raises ValueError for other shapes and types."""
    if image.shape != (SIZE, SIZE, 3) or image.dtype != np.uint8:
        raise ValueError(f"an image to read is uint8 of shape (64, 64, 3), not {image.dtype} of {image.shape}")
    backdrop = find_backdrop(image.astype(np.float32))
    if backdrop is None:
        return Reading(None, ())
    pixels = blurred(image.astype(np.float32))
    seen = foreground(pixels, backdrop.pixels)
    things = tuple(thing for parse in _regions(pixels, backdrop.pixels, seen) for thing in parse.things)
    things = tuple(_written_on(thing, image) for thing in things)
    boards = [thing for thing in things if thing.object and figure(thing.object).board]
    word = None
    if len(boards) == 1:
        board = boards[0]
        word = read_word(image.astype(np.float32), str(board.object), board.main, board.x, board.y, board.half)
    return Reading(backdrop.setting, things, word)


def _written_on(thing: Thing, image: np.ndarray) -> Thing:
    """A sign or a shop in the colour that its board has between the letters; other things as they are."""
    if thing.object is None or figure(thing.object).board is None:
        return thing
    main = board_colour(image.astype(np.float32), thing.object, thing.x, thing.y, thing.half)
    return thing if main is None else replace(thing, main=main, colour=colour_word(main))


def _regions(pixels: np.ndarray, behind: np.ndarray, seen: np.ndarray, rooms: bool = True) -> Iterator[_Parse]:
    """Each connected region of what is seen, in its best parse."""
    from scipy.ndimage import binary_dilation, label

    everywhere = np.ones((3, 3), bool)
    labels = _joined(label(seen, everywhere)[0])
    for number in np.unique(labels[labels > 0]):
        own = labels == number
        if own.sum() < _SMALLEST_THING:
            continue
        others = binary_dilation(seen & ~own, everywhere) & ~own
        yield _parse(Patch(pixels, behind, own, others), rooms, cut=rooms)


def _joined(labels: np.ndarray) -> np.ndarray:
    """Fragments belong to the larger region beside them: a dark outline at night parts a stalk from its fruit."""
    from scipy.ndimage import binary_dilation

    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    joined = labels.copy()
    for number in np.flatnonzero((sizes > 0) & (sizes < _FRAGMENT)):
        beside = np.unique(labels[binary_dilation(labels == number, np.ones((3, 3)), iterations=_GAP)])
        joined[labels == number] = max(beside.tolist(), key=lambda other: sizes[other])
    return joined


def _parse(patch: Patch, rooms: bool = True, cut: bool = True) -> _Parse:
    """A region as one thing, as a host with things in its room, or as things that touch."""
    fits = match(patch)
    energy = patch.energy
    single = next((fit for fit in fits if not fit.hides or figure(fit.name).board is not None), None)
    best = _Parse((_unknown(patch),), energy)
    if single is not None and single.share <= _MAX_UNEXPLAINED:
        best = _Parse((_thing(single),), single.share * energy, (single,))
    if rooms:
        for fit in fits:
            if _may_host(fit) and best.left - fit.left > _SMALLEST_ENERGY:
                hosted = _hosted(patch, fit)
                if hosted is not None and hosted.left < _CLEARLY_BETTER * best.left:
                    best = hosted
    if cut and best.left > _DOUBTFUL * energy:
        parted = _parted(patch, rooms)
        if parted is not None and parted.left < _CLEARLY_BETTER * best.left:
            best = parted
    return best


def _may_host(fit: Fit) -> bool:
    return fit.hides and figure(fit.name).room is not None and fit.share <= _MAX_UNEXPLAINED


def _hosted(patch: Patch, fit: Fit) -> _Parse | None:
    """The host as it fits, and what is in its room; None where nothing that can be named is."""
    host = picture(fit, patch.behind)
    thing = _thing(fit)
    left, top, right, bottom = thing.room or thing.box
    inside = np.zeros_like(patch.own)
    inside[max(0, round(top) - 1) : round(bottom) + 1, max(0, round(left) - 1) : round(right) + 1] = True
    seen = _solid((beyond(patch.pixels, host) > _INNER) & inside & ~patch.others)
    parses = list(_regions(patch.pixels, host, seen, rooms=False))
    things = tuple(inner for parse in parses for inner in parse.things)
    fits = tuple(found for parse in parses for found in parse.fits)
    if not fits:
        return None
    whole = host
    for found in fits:
        whole = picture(found, whole)
    left = float(np.square(patch.pixels - whole)[(patch.own | inside) & ~patch.others].sum())
    return _Parse((thing, *(inner for inner in things if inner.object)), left, (fit, *fits))


def _solid(seen: np.ndarray) -> np.ndarray:
    """Without thin lines, which are the edges of a host that lies a fraction of a pixel aside."""
    from scipy.ndimage import binary_dilation, binary_fill_holes, binary_opening

    kept: np.ndarray = binary_dilation(binary_opening(seen, np.ones((2, 2))), np.ones((3, 3))) & seen
    filled: np.ndarray = binary_fill_holes(kept)
    return filled


def _parted(patch: Patch, rooms: bool) -> _Parse | None:
    """The region as two, cut level or upright where that explains it best; a half that is doubtful is cut again."""
    ways: list[tuple[float, int, list[Patch]]] = []
    for halves in _halves(patch.own)[:_CUTS]:
        parts = [
            replace(patch, own=own, others=patch.others | _grown(rest, own)) for own, rest in (halves, halves[::-1])
        ]
        ways.append((sum(least_share(part) * part.energy for part in parts), len(ways), parts))
    best: tuple[float, list[Patch], list[_Parse]] | None = None
    for _, _, parts in sorted(ways)[:_CUTS_TRIED]:
        parses = [_parse(part, rooms=False, cut=False) for part in parts]
        left = sum(parse.left for parse in parses)
        if best is None or left < best[0]:
            best = left, parts, parses
    if best is None:
        return None
    final = [
        parse if parse.left <= _DOUBTFUL * part.energy else _parse(part, rooms)
        for part, parse in zip(best[1], best[2], strict=True)
    ]
    things = tuple(thing for parse in final for thing in parse.things)
    fits = tuple(fit for parse in final for fit in parse.fits)
    left = sum(parse.left for parse in final)
    return _Parse(things, left, fits) if all(thing.object for thing in things) else None


def _grown(rest: np.ndarray, part: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_dilation

    grown: np.ndarray = binary_dilation(rest, np.ones((3, 3))) & ~part
    return grown


def _halves(own: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The region cut in two where it is narrow or where its width jumps; the likeliest cuts first."""
    found = []
    for axis in (0, 1):
        there = np.flatnonzero(own.any(axis=1 - axis))
        start, stop = int(there[0]), int(there[-1]) + 1
        least = max(_SHORTEST, (stop - start) // 5)
        if stop - start < 2 * least:
            continue
        widths = own.sum(axis=1 - axis).astype(float)
        widest = widths.max()
        for place in range(start + least, stop - least + 1):
            narrow = min(widths[place - 1], widths[place]) / widest
            jump = abs(widths[place + 1 if place + 1 < len(widths) else place] - widths[place - 2]) / widest
            found.append((narrow - jump, axis, place))
    found.sort()
    chosen: list[tuple[int, int]] = []
    for _, axis, place in found:
        if all(axis != other or abs(place - at) > 2 for other, at in chosen):
            chosen.append((axis, place))
    halves = []
    for axis, place in chosen:
        before = np.expand_dims(np.arange(len(own)) < place, 1 - axis)
        first, second = own & before, own & ~before
        if min(first.sum(), second.sum()) >= _SMALLEST_THING:
            halves.append((first, second))
    return halves


def _thing(fit: Fit) -> Thing:
    shape = figure(fit.name)
    pattern, _, material = LOOKS[fit.look]
    boxes = [None if box is None else _in_pixels(box, fit) for box in (shape.box, shape.room)]
    second = colour_word(fit.second) if shape.recipe.second else None
    colour = None if material is not None else colour_word(fit.main)
    return Thing(
        fit.name, colour, pattern, second, fit.main, fit.x, fit.y, fit.half, boxes[0] or shape.box, boxes[1], fit.share
    )


def _in_pixels(box: Rect, fit: Fit) -> Rect:
    left, top, right, bottom = box
    return fit.x + left * fit.half, fit.y + top * fit.half, fit.x + right * fit.half, fit.y + bottom * fit.half


def _unknown(patch: Patch) -> Thing:
    left, top, right, bottom = box = patch.box
    rgb = tuple(np.median(patch.pixels[patch.own], axis=0).tolist())
    x, y, half = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top) / 2
    return Thing(None, colour_word(rgb), None, None, rgb, x, y, half, box, None, 1.0)


def colour_word(rgb: tuple[float, ...]) -> str | None:
    """The nearest colour word, or None where none is near."""
    distances = {word: float(np.linalg.norm(np.subtract(rgb, known))) for word, known in COLOURS.items()}
    word = min(distances, key=distances.__getitem__)
    return word if distances[word] <= _MAX_COLOUR_DISTANCE else None
