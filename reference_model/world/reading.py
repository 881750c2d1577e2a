"""Reads a 64 pixel image of the world: its setting, the things in it, and the word on its sign. No learned model.

Analysis by synthesis: the border tells the setting, what differs from the setting's background falls into connected
things, and each thing is the object whose rendering, in the best colour and position, leaves least of it unexplained.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from reference_model.world.lettering import read_word
from reference_model.world.objects import COLOURS, OUTLINE
from reference_model.world.scene import SETTINGS, SIGN_OBJECT
from reference_model.world.templates import BLUR, SIZE, Template, background, nearest, object_templates

Box = tuple[slice, slice]

_BORDER = 3  # pixels
_HORIZON_ROWS = slice(37, 43)  # sky or ground, by the image
_MAX_SETTING_DISTANCE = 60.0  # 8-bit levels: above it, the background is no setting's
_MAX_UNREST = 32.0  # median distance of a band's border from its own median: above it, there is no background
_FOREGROUND = 26.0  # distance from the background
_RIM = 1.4  # pixels by which blur makes a thing's box larger
_SMALLEST_THING = 24  # pixels; less is a speck
_NOISE_ENERGY = 400.0  # per pixel: pale things are not told by their noise
_MAX_UNEXPLAINED = 0.25  # of a thing's energy
_FRAGMENT = 120  # pixels; the smallest object of the world has more
_GAP = 2  # pixels between a fragment and its thing
_DOUBTFUL = 0.15  # from here on, a long thing may be two that touch
_CLEARLY_BETTER = 0.8  # each of the two has to be explained so much better
_MAX_COLOUR_DISTANCE = 75.0  # between a thing's colour and the nearest colour word's
_ENOUGH_PIXELS = 1400  # of a patch; of a larger one every other row and column is compared
_FACE = 0.95  # share of the main colour in a pixel of an object's inside
_REFINED = 3  # objects whose position is searched at most
_HOPELESS = 2.5  # times what the best first fit leaves over


@dataclass(frozen=True)
class Thing:
    """One connected thing. object: None where no object explains it; colour: None where no colour word is near.

    rgb: its median colour, 0 to 255. x, y, half: centre and half size in pixels (of its box where object is None).
    unexplained: the fraction of its energy that the rendering leaves over, 0 is perfect.
    """

    object: str | None
    colour: str | None
    rgb: tuple[float, ...]
    x: float
    y: float
    half: float
    unexplained: float


@dataclass(frozen=True)
class Reading:
    """What an image shows. setting: None where the background is none of the world's; then nothing else is read."""

    setting: str | None
    things: tuple[Thing, ...]
    word: str | None = None


def read_image(image: np.ndarray) -> Reading:
    """Read a uint8 image (64, 64, 3). Raises ValueError for other shapes and types."""
    if image.shape != (SIZE, SIZE, 3) or image.dtype != np.uint8:
        raise ValueError(f"an image to read is uint8 of shape (64, 64, 3), not {image.dtype} of {image.shape}")
    pixels = image.astype(np.float32)
    setting, behind = _setting(pixels)
    if setting is None:
        return Reading(None, ())
    things = tuple(_things(pixels, behind))
    signs = [thing for thing in things if thing.object == SIGN_OBJECT]
    word = None
    if len(signs) == 1 and signs[0].colour is not None:
        word = read_word(pixels, np.array(signs[0].rgb, np.float32), signs[0].x, signs[0].y, signs[0].half)
    return Reading(setting, things, word)


def _setting(pixels: np.ndarray) -> tuple[str | None, np.ndarray]:
    """The setting that the border shows, and its background (64, 64, 3) in the image's own shade of its colours.

    A setting is told by the difference between its two bands first and by their mean colour second, as guidance
    darkens or tints whole images.
    """
    border = np.ones((SIZE, SIZE), bool)
    border[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    bands = [(slice(0, _HORIZON_ROWS.start), 0), (slice(_HORIZON_ROWS.stop, SIZE), -1)]
    seen = [pixels[rows][border[rows]] for rows, _ in bands]
    colours = np.stack([np.median(band, axis=0) for band in seen])
    unrest = [
        float(np.median(np.linalg.norm(band - colour, axis=1))) for band, colour in zip(seen, colours, strict=True)
    ]
    settings = np.stack([background(setting) for setting in SETTINGS])
    off = colours - settings[:, [row for _, row in bands], 0]
    distances = np.linalg.norm(off.mean(axis=1), axis=1) / 2 + np.linalg.norm(off[:, 1] - off[:, 0], axis=1)
    best = int(distances.argmin())
    behind = settings[best].copy()
    if distances[best] > _MAX_SETTING_DISTANCE or max(unrest) > _MAX_UNREST:
        return None, behind
    for (rows, _), colour in zip(bands, colours, strict=True):
        behind[rows] = colour
    sky, ground = behind[0, 0], behind[-1, 0]
    slope = ground - sky
    share = ((pixels[_HORIZON_ROWS] - sky) @ slope / max(1.0, float(slope @ slope))).clip(0, 1)
    behind[_HORIZON_ROWS] = sky + share[..., None] * slope  # the horizon may lie between two rows, or not be straight
    return SETTINGS[best], behind


def _things(pixels: np.ndarray, behind: np.ndarray) -> Iterator[Thing]:
    from scipy.ndimage import binary_dilation, binary_fill_holes, find_objects, gaussian_filter, label

    difference = gaussian_filter(pixels - behind, (BLUR, BLUR, 0))
    foreground = binary_fill_holes(np.linalg.norm(difference, axis=2) > _FOREGROUND)
    everywhere = np.ones((3, 3), bool)
    labels = _joined(label(foreground, everywhere)[0])
    for number, box in enumerate(find_objects(labels), start=1):
        own = labels == number
        if own.sum() < _SMALLEST_THING:  # nothing at all where it was joined to another
            continue
        others = binary_dilation(foreground & ~own, everywhere)
        yield from _one_or_more(difference + behind, behind, own, others, box)


def _joined(labels: np.ndarray) -> np.ndarray:
    """Fragments belong to the larger region beside them: a dark outline at night parts a trunk from its crown."""
    from scipy.ndimage import binary_dilation

    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    joined = labels.copy()
    for number in np.flatnonzero((sizes > 0) & (sizes < _FRAGMENT)):
        beside = np.unique(labels[binary_dilation(labels == number, np.ones((3, 3)), iterations=_GAP)])
        largest = max(beside.tolist(), key=lambda other: sizes[other])
        joined[labels == number] = largest
    return joined


def _one_or_more(
    pixels: np.ndarray, behind: np.ndarray, own: np.ndarray, others: np.ndarray, box: Box, cuts: int = 2
) -> tuple[Thing, ...]:
    """A connected region as one thing or, where that explains it much better, as things that touch."""
    whole = _thing(pixels, behind, own, others, box)
    if not cuts or whole.unexplained < _DOUBTFUL:
        return (whole,)
    enough = min(_CLEARLY_BETTER * whole.unexplained, _MAX_UNEXPLAINED)
    for halves in _cut(own, box)[:cuts]:
        parts: tuple[Thing, ...] = ()
        for part, rest in (halves, halves[::-1]):
            found = _one_or_more(pixels, behind, part, others | rest, _box(part), cuts - 1)
            if max(thing.unexplained for thing in found) >= enough:
                break
            parts += found
        else:
            return parts
    return (whole,)


def _cut(own: np.ndarray, box: Box) -> list[tuple[np.ndarray, np.ndarray]]:
    """The region cut in two at the narrowest row and column of its middle third; the narrower cut first."""
    found = []
    for axis in (0, 1):
        start, stop = box[axis].start, box[axis].stop
        if stop - start < SIZE // 2:  # two things that touch are longer
            continue
        widths, third = own.sum(axis=1 - axis)[start:stop], (stop - start) // 3
        middle = widths[third:-third]
        place = start + third + int(np.median(np.flatnonzero(middle == middle.min())))
        before = np.expand_dims(np.arange(SIZE) < place, 1 - axis)
        found.append((float(middle.min() / widths.max()), (own & before, own & ~before)))
    return [halves for _, halves in sorted(found, key=lambda cut: cut[0])]


def _box(region: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


@dataclass(frozen=True)
class _Patch:
    """The part of an image around one thing. weight: 0 where another thing is, else 1."""

    rows: np.ndarray
    columns: np.ndarray
    pixels: np.ndarray
    behind: np.ndarray
    weight: np.ndarray
    energy: float


@dataclass(frozen=True)
class _Fit:
    unexplained: float
    x: float
    y: float
    half: float


def _thing(pixels: np.ndarray, behind: np.ndarray, own: np.ndarray, others: np.ndarray, box: Box) -> Thing:
    rows, columns = (np.arange(max(0, side.start - 3), min(SIZE, side.stop + 3)) for side in box)
    if len(rows) * len(columns) > _ENOUGH_PIXELS:
        rows, columns = rows[::2], columns[::2]
    window = np.ix_(rows, columns)
    weight = 1.0 - others[window].astype(np.float32)
    difference = pixels[window] - behind[window]
    energy = float((weight[..., None] * difference**2).sum()) + _NOISE_ENERGY * float(own[window].sum())
    patch = _Patch(rows, columns, pixels[window].transpose(2, 0, 1), behind[window].transpose(2, 0, 1), weight, energy)
    fits = {name: _first_fit(patch, templates, box) for name, templates in object_templates().items()}
    likely = sorted(fits, key=lambda name: fits[name].unexplained)[:_REFINED]
    likely = [name for name in likely if fits[name].unexplained < _HOPELESS * fits[likely[0]].unexplained]
    for name in likely:
        fits[name] = _refined(patch, object_templates()[name], fits[name])
    name = min(likely, key=lambda name: fits[name].unexplained)
    fit = fits[name]
    if fit.unexplained > _MAX_UNEXPLAINED:
        height, width = (side.stop - side.start for side in box)
        x, y = box[1].start + width / 2, box[0].start + height / 2
        rgb = _inner_colour(pixels, own)
        return Thing(None, _colour_word(rgb), rgb, x, y, max(height, width) / 2, fit.unexplained)
    rgb = _main_colour(patch, name, fit)
    return Thing(name, _colour_word(rgb), rgb, fit.x, fit.y, fit.half, fit.unexplained)


def _first_fit(patch: _Patch, templates: tuple[Template, ...], box: Box) -> _Fit:
    """The object laid into the thing's box."""
    left, top, right, bottom = templates[0].box
    height, width = (side.stop - side.start for side in box)
    half = max(1.0, ((width - _RIM) / (right - left) + (height - _RIM) / (bottom - top)) / 2)
    x = (box[1].start + box[1].stop) / 2 - half * (left + right) / 2
    y = (box[0].start + box[0].stop) / 2 - half * (top + bottom) / 2
    return _fit(patch, nearest(templates, half / SIZE), x, y, half)


def _refined(patch: _Patch, templates: tuple[Template, ...], fit: _Fit) -> _Fit:
    """A greedy search over position (pixels) and size, in steps that shrink."""
    template = nearest(templates, fit.half / SIZE)
    for step in (1.0, 0.5):
        for dx, dy, growth in ((1, 0, 0), (0, 1, 0), (0, 0, 0.05)):
            for sign in (-step, step):
                scale = 1 + sign * growth
                moved = _fit(patch, template, fit.x + sign * dx, fit.y + sign * dy, fit.half * scale)
                if moved.unexplained < fit.unexplained:
                    fit = moved
                    break
    return fit


def _fit(patch: _Patch, template: Template, x: float, y: float, half: float) -> _Fit:
    """How much the object leaves unexplained at this position, in the colour that suits best."""
    layers = template.at(x, y, half, patch.rows, patch.columns)
    main = layers[0]
    rest = patch.pixels - layers[1] * patch.behind - layers[2:]
    if template.written_on:
        colour = np.array(_board_colour(patch.pixels, main * patch.weight), np.float32)
    else:  # least squares
        weighted = patch.weight * main
        colour = (rest.reshape(3, -1) @ weighted.ravel()) / (float(np.vdot(weighted, main)) + 1e-6)
    rest -= np.clip(colour, 0, 255)[:, None, None] * main
    if template.written_on:
        rest = _without_ink(rest, np.array(OUTLINE, np.float32) - colour, main)
    rest *= rest
    left_over = float(np.vdot(rest.sum(axis=0), patch.weight))
    return _Fit(left_over / patch.energy, x, y, half)


def _without_ink(rest: np.ndarray, ink: np.ndarray, main: np.ndarray) -> np.ndarray:
    """What remains (3, h, w) where anything between a board's colour and its ink is a board's right."""
    share = np.tensordot(ink, rest, 1) / max(1.0, float(ink @ ink))
    return rest - ink[:, None, None] * (share.clip(0, 1) * (main > _FACE))


def _main_colour(patch: _Patch, name: str, fit: _Fit) -> tuple[float, ...]:
    """Median colour of the object's colourable part, without its edges where they can be spared."""
    template = nearest(object_templates()[name], fit.half / SIZE)
    main = template.at(fit.x, fit.y, fit.half, patch.rows, patch.columns)[0] * patch.weight
    if template.written_on:
        return _board_colour(patch.pixels, main)
    chosen = main >= min(_FACE, 0.9 * float(main.max()))
    return tuple(np.median(patch.pixels[:, chosen], axis=1).tolist())


def _board_colour(pixels: np.ndarray, main: np.ndarray) -> tuple[float, ...]:
    """Median of the half of a board's pixels that is farther from ink."""
    board = pixels[:, main > _FACE] if (main > _FACE).any() else pixels.reshape(3, -1)
    distance = np.square(board - np.array(OUTLINE, np.float32)[:, None]).sum(axis=0)
    return tuple(np.median(board[:, distance >= np.median(distance)], axis=1).tolist())


def _inner_colour(pixels: np.ndarray, own: np.ndarray) -> tuple[float, ...]:
    from scipy.ndimage import binary_erosion

    inner = binary_erosion(own, iterations=2)
    return tuple(np.median(pixels[inner if inner.any() else own], axis=0).tolist())


def _colour_word(colour: tuple[float, ...]) -> str | None:
    distances = {word: float(np.linalg.norm(np.subtract(colour, rgb))) for word, rgb in COLOURS.items()}
    word = min(distances, key=distances.__getitem__)
    return word if distances[word] <= _MAX_COLOUR_DISTANCE else None
