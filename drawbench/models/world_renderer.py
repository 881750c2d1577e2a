"""The true renderings of the `world` set's captions: the ceiling that no model of this world can pass."""

import json
from collections.abc import Mapping, Sequence
from random import Random

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage


class WorldRenderer(TextToImage):
    """Draws the scene behind each caption anew: the same meaning in another layout than the reference image's."""

    native_size = 64  # of the set's reference images

    def __init__(self, argument: str | None, settings: Mapping[str, str], device: str) -> None:
        if argument is not None or settings:
            raise UserError("the model `world` takes no argument and no --set: it draws the scenes of --prompts world")
        from reference_model.world.coco_set import ensure_world_set, scene_from_json

        root = ensure_world_set()
        data = json.loads((root / "annotations" / "captions_val2014.json").read_text())
        self._scenes = {str(a["id"]): scene_from_json(a["scene"]) for a in data["annotations"]}
        self._captions = {str(a["id"]): a["caption"] for a in data["annotations"]}
        self._revision = root.name

    def card(self) -> ModelCard:
        return ModelCard(adapter="world", spec="world", name="true renderings", revision=self._revision)

    def check_plan(self, samples: Sequence[Sample], size: int) -> None:
        """Refuse prompts of another set before anything is written; ids alone prove nothing, other sets count too."""
        for sample in samples:
            if self._captions.get(sample.prompt_id) != sample.text:
                raise UserError(f"prompt {sample.prompt_id} is not of the set `world`: use --prompts world")

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        from reference_model.world.render import render, sample_layout

        images: list[np.ndarray | Refused] = []
        for sample in samples:
            layout = sample_layout(self._scenes[sample.prompt_id], Random(sample.seed))
            images.append(render(layout, size))
        return images
