"""Pairs of images that are equally right and drawn at different guidance, by the bundled model."""

from random import Random

import numpy as np

from drawbench.auditing.examples import Example, Trial, truth
from drawbench.interface import Refused, Sample
from drawbench.progress import Progress
from reference_model.world.worlds import world_named

GUIDED = 60  # scenes at most, of which each is drawn twice
LOW, HIGH = 1.5, 8.0
BATCH = 10
SIZE = 64  # pixels: what the reader sees


def guided_trials(count: int, seed: int, progress: Progress) -> list[Trial]:
    """Images at low and at high guidance, of the same scenes and seeds, in the places of the right and the wrong one.

    Only those in which the world's exact reader finds as much of the scene in the one as in the other. The world is the
    small one, which the bundled model draws. Scenes are of compositions held out from its training.
    """
    from drawbench.models.registry import resolve_model

    world, random = world_named("small"), Random(f"audit {seed}: guidance")
    scenes = [world.sample_scene(random, "held_out") for _ in range(count)]
    captions = [world.caption(scene, random) for scene in scenes]
    samples = [
        Sample(f"scene-{number}", "", caption, 0, random.getrandbits(31)) for number, caption in enumerate(captions)
    ]
    drawn: dict[float, list[np.ndarray | Refused]] = {LOW: [], HIGH: []}
    with progress.counted("drawn at low and high guidance", 0, 2 * count):
        for guidance, images in drawn.items():
            model = resolve_model("reference", {"guidance": str(guidance)}, "cpu")
            for start in range(0, count, BATCH):
                images += model.generate(samples[start : start + BATCH], SIZE)
                progress.advance(len(samples[start : start + BATCH]))
    found = []
    for scene, caption, low, high in zip(scenes, captions, drawn[LOW], drawn[HIGH], strict=True):
        assert not isinstance(low, Refused)
        assert not isinstance(high, Refused)
        share = truth("small", scene)
        if share(low) == share(high):
            found.append(Trial(Example(low, caption, share), Example(high, caption, share)))
    return found
