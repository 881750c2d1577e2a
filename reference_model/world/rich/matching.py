"""Which object a patch is: the one whose picture, in the best colours and place, leaves least of it unexplained."""

from dataclasses import dataclass, replace

import numpy as np

from reference_model.world.rich.coarse import coarse_ranking
from reference_model.world.rich.colours import Rgb
from reference_model.world.rich.objects import OBJECTS, figure
from reference_model.world.rich.patches import SEEN, Entry, Patch, Window, without_colours
from reference_model.world.rich.shapes import Rect
from reference_model.world.rich.templates import LOOKS, layers_of, nearest_level, pattern_layer, template

_REFINED = 5  # objects whose place is searched
_STRENGTH = 0.4  # of a pattern's second colour, that is seen at least; blur takes some of it
_MATERIAL_STRENGTH = 0.1  # likewise, of grain and gleam: a material has a main colour that no colour word is near
_PATTERN_LEAVES = 0.85  # of what a plain look leaves over, at most
_CONTRAST = 90.0  # between a pattern's two colours, at least
_MATERIAL = 40.0  # from wood's or glass's own colour, at most
_FIRST_ROUNDS, _LAST_ROUNDS = 2, 3  # of the search for a place, for all that are refined and for the best of them
_FINE = 2  # objects that are searched for longer
_STEP = 0.5  # pixels, over which derivatives are taken: templates are no finer
_FARTHEST = 1.5  # pixels, of one step of the search
_WIDE = 44.0  # pixels; so wide are signs and shops
_HOPELESS = 2.5  # times what the best coarse fit leaves over


@dataclass(frozen=True)
class Fit:
    """An object laid over a patch. hides: whether its room or board was left out of the comparison.

    left: squared difference that remains. share: of the energy of what was compared. main, second: the colours that
    suit best; x, y, half in pixels.
    """

    name: str
    look: str
    hides: bool
    left: float
    share: float
    main: tuple[float, ...]
    second: tuple[float, ...]
    x: float
    y: float
    half: float


def match(patch: Patch) -> list[Fit]:
    """The best fits of the likely objects, best first: each once as it is and, with a room, once with that left out."""
    found: dict[tuple[str, bool], Fit] = {}
    coarse = coarse_ranking(patch)
    window = Window.around(patch)
    for entry in _likely(patch, coarse):
        fit = _refined(window, _first_fit(window, entry, patch.box), _FIRST_ROUNDS)
        key = (fit.name, fit.hides)
        if key not in found or fit.share < found[key].share:
            found[key] = fit
    fits = sorted(found.values(), key=lambda fit: fit.share)
    fits[:_FINE] = [_dressed(window, _refined(window, fit, _LAST_ROUNDS)) for fit in fits[:_FINE]]
    return sorted(fits, key=lambda fit: fit.share)


def picture(fit: Fit, behind: np.ndarray) -> np.ndarray:
    """What the fit says the image looks like: float32 (H, W, 3) on this background."""
    rows, columns = (np.arange(side) for side in behind.shape[:2])
    layers = layers_of(template(fit.name, nearest_level(fit.half)).at(fit.x, fit.y, fit.half, rows, columns), fit.look)
    colours = [np.array(c, np.float32)[:, None, None] for c in (fit.main, fit.second)]
    drawn = layers.main * colours[0] + layers.second * colours[1] + layers.fixed
    shown: np.ndarray = drawn.transpose(1, 2, 0) + (1 - layers.cover[..., None]) * behind
    return shown


def _likely(patch: Patch, coarse: list[tuple[float, Entry]]) -> list[Entry]:
    """The best entries, and what words are on, which a coarse look cannot tell.

    A host whose room was left out is also compared as it is without anything in its room.
    """
    most = _HOPELESS * coarse[0][0] + 0.02
    chosen = [entry for share, entry in coarse[:_REFINED] if share <= most]
    left, _, right, _ = patch.box
    if right - left > _WIDE:
        chosen += [entry for _, entry in coarse if figure(entry.name).board is not None and entry not in chosen]
    wholes = [replace(entry, hides=False) for entry in chosen if entry.hides and figure(entry.name).board is None]
    return [*chosen, *(whole for whole in wholes if whole not in chosen)]


def _first_fit(window: Window, entry: Entry, box: Rect) -> Fit:
    """The object laid into the thing's box."""
    left, top, right, bottom = figure(entry.name).box
    half = max(1.0, max((box[2] - box[0]) / (right - left), (box[3] - box[1]) / (bottom - top)))
    x = (box[0] + box[2]) / 2 - half * (left + right) / 2
    y = (box[1] + box[3]) / 2 - half * (top + bottom) / 2
    return _fit(window, entry, x, y, half)


def _refined(window: Window, fit: Fit, rounds: int) -> Fit:
    """Place and size by Gauss-Newton steps, for as long as they help; derivatives are taken over half a pixel."""
    entry = Entry(fit.name, fit.look, fit.hides)
    for _ in range(rounds):
        slopes = []
        for dx, dy, dh in ((_STEP, 0, 0), (0, _STEP, 0), (0, 0, _STEP)):
            there, back = (_laid(window, entry, fit.x + s * dx, fit.y + s * dy, fit.half + s * dh)[0] for s in (1, -1))
            slopes.append(((there - back) / (2 * _STEP)).ravel())
        slope = np.stack(slopes)
        rest = _laid(window, entry, fit.x, fit.y, fit.half)[0].ravel()
        normal = slope @ slope.T
        move = -np.linalg.solve(normal + 1e-3 * np.trace(normal) * np.eye(3) + 1e-6 * np.eye(3), slope @ rest)
        dx, dy, dh = move.clip(-_FARTHEST, _FARTHEST)
        moved = _fit(window, entry, fit.x + dx, fit.y + dy, max(1.0, fit.half + dh))
        if moved.share >= fit.share:
            break
        fit = moved
    return fit


_Laid = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _laid(window: Window, entry: Entry, x: float, y: float, half: float) -> _Laid:
    """An entry over the window: what remains (3, P) where it is compared, which pixels are (P,), and both colours."""
    coverages = template(entry.name, nearest_level(half)).at(x, y, half, window.rows, window.columns)
    layers = layers_of(coverages.reshape(len(coverages), 1, -1), entry.look)
    seen = window.weight * (coverages[0].ravel() <= SEEN) if entry.hides else window.weight
    fixed = np.broadcast_to(layers.fixed, (3, *layers.main.shape)).transpose(1, 0, 2)
    target = window.pixels - (1 - layers.cover)[:, None] * window.behind - fixed
    rest, main, second = without_colours(target, layers.main, layers.second, seen[None])
    return rest[0] * seen, seen, main[0], second[0]


def _fit(window: Window, entry: Entry, x: float, y: float, half: float) -> Fit:
    rest, seen, main, second = _laid(window, entry, x, y, half)
    left = float(np.vdot(rest, rest))
    share = left / (float(np.vdot(seen, window.energy)) + 1.0)
    colours = tuple(main.tolist()), tuple(second.tolist())
    return Fit(entry.name, entry.look, entry.hides, left, share, *colours, float(x), float(y), float(half))


def _dressed(window: Window, fit: Fit) -> Fit:
    """The fit in the look that its main part has: plain, unless a pattern's second colour is really seen there."""
    if fit.name not in OBJECTS or not OBJECTS[fit.name].patterned:
        return fit
    plain = _fit(window, Entry(fit.name, "plain", fit.hides), fit.x, fit.y, fit.half)
    found = [plain]
    for look, (_, _, material) in LOOKS.items():
        if look != "plain":
            leaves, least = (_PATTERN_LEAVES, _STRENGTH) if material is None else (1.0, _MATERIAL_STRENGTH)
            patterned, strength = _with_free_overlay(window, replace(plain, look=look))
            if patterned.share < leaves * plain.share and strength > least and _can_be(patterned):
                found.append(patterned)
    return min(found, key=lambda fit: fit.share)


def _can_be(fit: Fit) -> bool:
    """Whether the main colour is one on which the pattern can be seen, or that of the material."""
    _, overlay, material = LOOKS[fit.look]
    return _apart(fit.main, overlay) > _CONTRAST if material is None else _apart(fit.main, material) < _MATERIAL


def _with_free_overlay(window: Window, fit: Fit) -> tuple[Fit, float]:
    """The fit with its pattern's second colour left open, and how far that is the pattern's own: 0 not, 1 wholly.

    Blur mixes the two colours as their areas are, so the main colour is set right by what the second one lost.
    """
    coverages = template(fit.name, nearest_level(fit.half)).at(fit.x, fit.y, fit.half, window.rows, window.columns)
    coverages = coverages.reshape(len(coverages), -1)
    layers = layers_of(coverages, fit.look)
    over = coverages[pattern_layer(fit.look)]
    seen = window.weight * (coverages[0] <= SEEN) if fit.hides else window.weight
    overlay = np.array(LOOKS[fit.look][1], np.float32)
    target = window.pixels - (1 - layers.cover) * window.behind - (layers.fixed - overlay[:, None] * over)
    basis = np.stack([layers.main, layers.second, over])
    weighted = basis * seen
    main, second, other = np.linalg.solve(weighted @ basis.T + 1e-2 * np.eye(3), weighted @ target.T)
    rest = (target - np.stack([main, second, other]).T @ basis) * seen
    left = float(np.vdot(rest, rest))
    towards = overlay - main
    strength = float((other - main) @ towards / max(1.0, float(towards @ towards)))
    main = (main + (other - overlay) * float(weighted[2].sum() / (weighted[0].sum() + 1e-3))).clip(0, 255)
    share = left / (float(np.vdot(seen, window.energy)) + 1.0)
    return replace(
        fit, left=left, share=share, main=tuple(main.tolist()), second=tuple(second.clip(0, 255).tolist())
    ), strength


def _apart(rgb: tuple[float, ...], other: Rgb) -> float:
    return float(np.linalg.norm(np.subtract(rgb, other)))
