"""What scorers are tried on: captions, each with an image of it and one in which one thing is wrong."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np

from drawbench.auditing.changes import jpeg, mirrored, resized
from metrics.images.decode import centre_square
from reference_model.world.worlds import WorldName, world_named

SIZE = 256  # pixels a side, of drawn scenes
READ_AT = 64  # pixels, of the exact reader
KINDS = {  # what is wrong in the wrong image
    "object": "another object",
    "colour": "another colour",
    "binding": "two things exchange colours or counts",
    "count": "another number",
    "relation": "another relation",
    "place": "left and right, or above and below, exchanged",
    "word": "a letter or word on a sign",
}
PHOTOGRAPH = "photograph"  # the kind of photographs: the wrong one is another
SIDED = re.compile(r"left|right|sign|shop|[\"'“”‘’]", re.IGNORECASE)
QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*')")


@dataclass(frozen=True, eq=False)
class Example:
    """An image, uint8 (H, W, 3), under a caption.

    truth: of any such image, the share of what the caption asks for that is in it; None where nobody knows.
    """

    image: np.ndarray
    caption: str
    truth: Callable[[np.ndarray], float] | None = None


@dataclass(frozen=True, eq=False)
class Trial:
    """Two images under one caption, of which the first is the right one.

    paraphrase: the caption in other words, or empty.
    """

    right: Example
    wrong: Example
    paraphrase: str = ""

    def changed(self, change: Callable[[np.ndarray], np.ndarray]) -> "Trial":
        """With both images changed alike."""
        return replace(self.bribed(change), right=replace(self.right, image=change(self.right.image)))

    def bribed(self, change: Callable[[np.ndarray], np.ndarray]) -> "Trial":
        """With the wrong image changed."""
        return replace(self, wrong=replace(self.wrong, image=change(self.wrong.image)))

    def told(self, caption: str) -> "Trial":
        """With another caption."""
        right, wrong = (replace(each, caption=caption) for each in (self.right, self.wrong))
        return replace(self, right=right, wrong=wrong)


def trials(kind: str, count: int, seed: int) -> list[Trial]:
    """So many scenes of the procedural world, of compositions held out from every training, each with one thing wrong.

    kind: one of `KINDS`. The same for ever under one seed. Which of two scenes is asked for is drawn by lot, so that no
    scorer that looks at images alone is right more often than chance; all else in both is laid out alike.
    """
    world, random = world_named("rich"), Random(f"audit {seed}: {kind}")
    found: list[Trial] = []
    while len(found) < count:
        first = world.sample_scene(random, "held_out")
        second = world.near_miss(first, random, "held_out", (kind,))
        if second is None:
            continue
        asked, other = random.sample((first, second), 2)
        captions, layout = [world.caption(asked, random) for _ in range(2)], random.random()
        right, wrong = (
            Example(np.array(world.render(laid_out, SIZE)), captions[0], truth("rich", asked))
            for laid_out in (world.sample_layout(scene, Random(layout)) for scene in (asked, other))
        )
        found.append(Trial(right, wrong, captions[1]))
    return found


def truth(name: WorldName, scene: Any) -> Callable[[np.ndarray], float]:
    """The share of what a scene asks for that its world's exact reader finds in an image."""

    def found_in(image: np.ndarray) -> float:
        found = world_named(name).check_image(centre_square(image, READ_AT), scene)
        return sum(found.values()) / len(found)

    return found_in


ALIKE: dict[str, Callable[[Trial], Trial | None]] = {
    "JPEG": lambda trial: trial.changed(jpeg),
    "half size": lambda trial: trial.changed(resized),
    "mirrored": lambda trial: None if has_sides(trial.right.caption) else trial.changed(mirrored),
    "paraphrase": lambda trial: trial.told(trial.paraphrase) if trial.paraphrase else None,
    "capitals": lambda trial: trial.told(capitals(trial.right.caption)),
}  # what leaves the truth as it was, by name; None where it would not


def has_sides(caption: str) -> bool:
    """Whether a caption may speak of left or right, or of something written: then a mirrored image is another one."""
    return bool(SIDED.search(caption))


def capitals(caption: str) -> str:
    """The caption in capital letters, but for what is to be written in the image."""
    return "".join(part if number % 2 else part.upper() for number, part in enumerate(QUOTED.split(caption)))


def in_turn(groups: Sequence[Sequence[Any]]) -> list[Any]:
    """The members of groups of one length: the first of each, then the second of each, and so on."""
    return [each for together in zip(*groups, strict=True) for each in together]
