"""Skill checks: does a generated image show its scene? Exact rules, each world has its own.

`python -m reference_model.skills --checkpoint FOLDER` measures a cascade at 64 pixels on scenes of its own seeds. No
learned model takes part, so the rates are independent of the bundled scorer.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from reference_model.errors import with_exit_code
from reference_model.terminal import table
from reference_model.world.examples import captioned
from reference_model.world.scene import Split
from reference_model.world.worlds import WORLDS, World, world_named

if TYPE_CHECKING:
    from reference_model.cascade import Cascade

CHECKED_SIZE = 64  # pixels
UPSAMPLING_STEPS, UPSAMPLING_LEVEL = 6, 0.0  # steps and augmentation level of the stages above the base
_BATCH = 16
_Z95 = 1.959963984540054  # standard normal quantile at 0.975


def skill_rates(
    images: Sequence[np.ndarray] | np.ndarray, scenes: Sequence[Any], world: str = "small"
) -> dict[str, tuple[float, int]]:
    """Per skill that any scene asks for: the fraction of images that show it, and of how many."""
    known = world_named(world)
    checks = [known.check_image(image, scene) for image, scene in zip(images, scenes, strict=True)]
    return _rates(checks, known.skills)


def wilson_interval(rate: float, n: int) -> tuple[float, float]:
    """Wilson's 95% interval of a proportion of n independent images. This package may not import that of `metrics`."""
    centre = (rate + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    margin = _Z95 / (1 + _Z95**2 / n) * math.sqrt(rate * (1 - rate) / n + _Z95**2 / (4 * n**2))
    return 0.0 if rate == 0 else centre - margin, 1.0 if rate == 1 else centre + margin


@dataclass(frozen=True)
class SkillRequest:
    """What a model is asked for: a caption and the seed of its noise. The scene behind it is for the check alone."""

    scene: Any  # of the world that is asked about
    text: str
    seed: int


def draw_requests(n: int, split: Split, seed: int = 0, world: str = "small") -> list[SkillRequest]:
    """n requests in the world's own mix of kinds, from seeds that no training and no prompt set uses."""
    known, requests = world_named(world), []
    for number in range(n):
        random, scene, text = captioned(known, split, f"skills {seed}/{number}")
        requests.append(SkillRequest(scene, text, random.getrandbits(53)))
    return requests


def measure(
    cascade: "Cascade",
    requests: Sequence[SkillRequest],
    guidance: float,
    steps: int,
    world: str = "small",
    size: int = 64,
) -> dict[int, list[dict[str, bool]]]:
    """Generate every request and check it at each stage up to `size`, averaged down to 64 pixels: checks by size.

    Raises ReferenceModelError for settings it cannot sample.
    """
    from reference_model.cascade import SamplingSettings
    from reference_model.pixels import averaged

    known = world_named(world)
    settings = [
        SamplingSettings(steps, guidance),
        *[SamplingSettings(UPSAMPLING_STEPS, aug_level=UPSAMPLING_LEVEL)] * 2,
    ]
    checks: dict[int, list[dict[str, bool]]] = {}
    for start in range(0, len(requests), _BATCH):
        batch = requests[start : start + _BATCH]
        texts, seeds = [request.text for request in batch], [request.seed for request in batch]
        for side, images in cascade.generate_stages(texts, seeds, size, settings).items():
            small = [averaged(image, CHECKED_SIZE) for image in images]
            found = [known.check_image(image, request.scene) for image, request in zip(small, batch, strict=True)]
            checks.setdefault(side, []).extend(found)
        print(f"{start + len(batch)} of {len(requests)} images", file=sys.stderr)
    return checks


def paired_difference(before: Sequence[bool], after: Sequence[bool]) -> tuple[float, float, float]:
    """Difference of two rates of the same images, with its 95% interval: Agresti and Min (2005), half a pair a cell."""
    n = len(before)
    gained = sum(b and not a for a, b in zip(before, after, strict=True))
    lost = sum(a and not b for a, b in zip(before, after, strict=True))
    up, down, pairs = gained + 0.5, lost + 0.5, n + 2
    centre = (up - down) / pairs
    margin = _Z95 * math.sqrt((up + down) - (up - down) ** 2 / pairs) / pairs
    return (gained - lost) / n, centre - margin, centre + margin


@with_exit_code
def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.skills`: prints rates with n and intervals, over all scenes and by kind of scene.

    With a larger --size, also each skill's rate after super-resolution less that before, of the same images.
    """
    parser = argparse.ArgumentParser(prog="python -m reference_model.skills", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="a cascade's folder")
    parser.add_argument("--world", choices=WORLDS, default="small", help="what scenes are asked for (default small)")
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--size", type=int, default=CHECKED_SIZE, help="check this stage's images too (default 64)")
    parser.add_argument("-n", type=int, default=200, help="number of scenes (default 200)")
    parser.add_argument("--split", choices=get_args(Split), default="held_out")
    parser.add_argument("--seed", type=int, default=0, help="of scenes, captions and noise")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(arguments)
    if args.n < 1:
        parser.error(f"-n {args.n}: measure at least one scene")
    from reference_model.checkpoint import load_cascade, weights_sha256

    requests = draw_requests(args.n, args.split, args.seed, args.world)
    cascade = load_cascade(args.checkpoint)
    checks = measure(cascade, requests, args.guidance, args.steps, args.world, args.size)
    known = world_named(args.world)
    rows = list(_rows(requests, checks[args.size], known))
    changes = list(_changes(checks[CHECKED_SIZE], checks[args.size], known)) if args.size > CHECKED_SIZE else []
    if args.json:
        how = {name: getattr(args, name) for name in ("world", "guidance", "steps", "split", "seed", "n", "size")}
        found = {"weights_sha256": weights_sha256(args.checkpoint), **how, "skills": rows}
        print(json.dumps({**found, f"less those at {CHECKED_SIZE}": changes}, indent=2))
    else:
        print(_table(rows) + (f"\n\n{_changes_table(changes, args.size)}" if changes else ""))


def _rates(checks: Sequence[dict[str, bool]], skills: Sequence[str]) -> dict[str, tuple[float, int]]:
    outcomes = {skill: [check[skill] for check in checks if skill in check] for skill in skills}
    return {skill: (sum(found) / len(found), len(found)) for skill, found in outcomes.items() if found}


def _rows(
    requests: Sequence[SkillRequest], checks: Sequence[dict[str, bool]], world: World
) -> Iterator[dict[str, str | float | int]]:
    """One row per skill over all scenes, and one per skill and kind of scene."""
    for kind in ("all", *world.kinds):
        chosen = [c for c, request in zip(checks, requests, strict=True) if kind in ("all", request.scene.kind)]
        for skill, (rate, n) in _rates(chosen, world.skills).items():
            low, high = wilson_interval(rate, n)
            yield {"skill": skill, "scenes": kind, "n": n, "rate": rate, "low": low, "high": high}


def _changes(
    before: Sequence[dict[str, bool]], after: Sequence[dict[str, bool]], world: World
) -> Iterator[dict[str, str | float | int]]:
    """Per skill: what super-resolution changes in its rate."""
    for skill in world.skills:
        pairs = [(a[skill], b[skill]) for a, b in zip(before, after, strict=True) if skill in a]
        if pairs:
            change, low, high = paired_difference(*zip(*pairs, strict=True))
            yield {"skill": skill, "n": len(pairs), "change": change, "low": low, "high": high}


def _changes_table(rows: Sequence[dict[str, str | float | int]], size: int) -> str:
    head = (f"at {size}, less at {CHECKED_SIZE}", "n", "change", "95% interval")
    cells = [(f"{r['skill']}", f"{r['n']}", f"{r['change']:+.1%}", _interval(r, "+")) for r in rows]
    return f"{table([head, *cells])}\nintervals by Agresti and Min, paired"


def _table(rows: Sequence[dict[str, str | float | int]]) -> str:
    head = ("skill", "scenes", "n", "rate", "95% interval")
    cells = [(f"{r['skill']}", f"{r['scenes']}", f"{r['n']}", f"{r['rate']:.1%}", _interval(r)) for r in rows]
    return f"{table([head, *cells], lead=2)}\nintervals by Wilson"


def _interval(row: dict[str, str | float | int], sign: str = "") -> str:
    return f"{row['low']:{sign}.1%} to {row['high']:{sign}.1%}"


if __name__ == "__main__":
    sys.exit(main())
