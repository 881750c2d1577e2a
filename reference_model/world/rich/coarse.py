"""A first look at a patch: all objects at once, on a coarse grid, without a search for their place."""

from functools import cache

import numpy as np

from reference_model.world.rich.objects import OBJECTS, figure
from reference_model.world.rich.patches import NOISE_ENERGY, SEEN, Entry, Patch, without_colours
from reference_model.world.rich.templates import (
    GRID,
    LOOKS,
    coarse_frame,
    coarse_templates,
    layers_of,
    nearest_level,
)

_CLEAR = 0.05  # unexplained by a plain look; below it, no pattern is looked for
_GROWN = (0.0, 0.8)  # pixels, by which a box is made larger
_PATTERNED = 10  # objects that are compared in every pattern
_Batch = tuple[np.ndarray, ...]  # main, second, cover (N, P), fixed (N, 3, P), hidden (N, P)


def least_share(patch: Patch) -> float:
    """What the best object leaves over, roughly: without a search for its place."""
    return coarse_ranking(patch)[0][0]


def coarse_ranking(patch: Patch) -> list[tuple[float, Entry]]:
    """All objects at once, on coarse grids around the patch's middle; the smallest share first.

    A dark rim may be lost on a dark background, so a slightly larger box is tried too.
    """
    found: dict[Entry, float] = {}
    for grown in _GROWN:
        left, top, right, bottom = patch.box
        frame = coarse_frame((left - grown, top - grown, right + grown, bottom + grown))
        for share, entry in _ranked(patch, *frame):
            found[entry] = min(share, found.get(entry, share))
    return sorted(((share, entry) for entry, share in found.items()), key=lambda pair: pair[0])


def _ranked(patch: Patch, x: float, y: float, half: float) -> list[tuple[float, Entry]]:
    """Every entry's share on the grid in a square; patterns are looked for where no plain look is clear."""
    places = (np.arange(GRID) + 0.5) / GRID * 2 * half - half
    rows, columns = (
        np.clip(np.floor(middle + places), 0, side - 1).astype(np.intp)
        for middle, side in ((y, patch.own.shape[0]), (x, patch.own.shape[1]))
    )
    window = np.ix_(rows, columns)
    pixels, behind = (a[window].reshape(-1, 3).T for a in (patch.pixels, patch.behind))
    weight = 1.0 - patch.others[window].ravel().astype(np.float32)
    own = patch.own[window].ravel()
    level = nearest_level(half / 1.12)
    plain = _entries(level, "plain")
    ranked = list(zip(_shares(plain[1], pixels, behind, weight, own).tolist(), plain[0], strict=True))
    ranked.sort(key=lambda pair: pair[0])
    if ranked[0][0] < _CLEAR:
        return ranked
    likely = [entry.name for _, entry in ranked if entry.name in OBJECTS and OBJECTS[entry.name].patterned]
    chosen = set(likely[:_PATTERNED])
    for look in LOOKS:
        if look != "plain":
            entries, layers = _entries(level, look)
            of = [i for i, entry in enumerate(entries) if entry.name in chosen]
            shares = _shares(tuple(a[of] for a in layers), pixels, behind, weight, own)
            ranked += zip(shares.tolist(), (entries[i] for i in of), strict=True)
    return ranked


@cache
def _entries(level: int, look: str) -> tuple[tuple[Entry, ...], _Batch]:
    """All entries with a look, and their layers; things with a room are there twice."""
    names, coverages = coarse_templates(level)
    of = [i for i, name in enumerate(names) if look == "plain" or (name in OBJECTS and OBJECTS[name].patterned)]
    twice = [i for i in of if figure(names[i]).room is not None]
    written = [i for i in of if figure(names[i]).board is not None]
    entries = [Entry(names[i], look, i in written) for i in of] + [Entry(names[i], look, True) for i in twice]
    chosen = coverages[of + twice].transpose(1, 0, 2)
    layers = layers_of(chosen, look)
    hidden = (chosen[0] > SEEN).astype(np.float32)
    hidden[[not entry.hides for entry in entries]] = 0
    fixed = np.broadcast_to(layers.fixed, (3, *layers.main.shape)).transpose(1, 0, 2)
    return tuple(entries), (layers.main, layers.second, layers.cover, np.ascontiguousarray(fixed), hidden)


def _shares(batch: _Batch, pixels: np.ndarray, behind: np.ndarray, weight: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The share of the energy that each entry leaves over; pixels and behind are (3, P)."""
    main, second, cover, fixed, hidden = batch
    seen = weight * (1 - hidden)
    target = pixels - (1 - cover)[:, None] * behind - fixed
    rest = without_colours(target, main, second, seen)[0]
    left = np.einsum("ncp,np->n", rest**2, seen)
    energy = ((pixels - behind) ** 2).sum(axis=0) + NOISE_ENERGY * own
    shares: np.ndarray = left / (seen @ energy + 1.0)
    return shares
