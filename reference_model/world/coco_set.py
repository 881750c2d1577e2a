"""The `world` prompt set: held-out scenes in COCO's file layout, made on first use, the same on every machine."""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from random import Random

from PIL import Image

from reference_model.files import atomic_path
from reference_model.world.captions import caption
from reference_model.world.render import render, sample_layout
from reference_model.world.scene import Item, Scene, sample_scene

CAPTIONS = 500
REFERENCES = 2000  # the captioned scenes and 1500 more: what Fréchet distances are measured to
SIZE = 64
# Raised by hand when scenes, captions or renderings of the world change; tests hold pinned ones. It is in the cards of
# the true renderings, and so in the plans of their runs.
WORLD_REVISION = "639e95ab8417"


def ensure_world_set() -> Path:
    """The folder of the `world` set in the local cache; makes it when absent. Atomic, so two processes may race."""
    folder = _cache_folder() / f"world-{WORLD_REVISION}"
    if not folder.is_dir():
        try:
            with atomic_path(folder) as partial:
                partial.mkdir()
                synthesise(partial, CAPTIONS, REFERENCES)
        except OSError:
            if not folder.is_dir():  # else another process was first, with the same bytes
                raise
    return folder


def synthesise(root: Path, captions: int, references: int, seed: str = "world", size: int = SIZE) -> None:
    """Write a COCO-format set of held-out scenes: `references` images, the first `captions` of them captioned.

    root/annotations/captions_val2014.json in COCO's schema, each annotation with the `scene` it tells of;
    root/val2014/*.png (lossless: JPEG alone would move a Fréchet distance).
    """
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "val2014").mkdir(exist_ok=True)
    images, annotations = [], []
    for number in range(1, references + 1):
        random = Random(f"{seed}/{number}")
        scene = sample_scene(random, "held_out")
        name = f"COCO_val2014_{number:012d}.png"
        pixels = render(sample_layout(scene, random), size)
        Image.fromarray(pixels).save(root / "val2014" / name, compress_level=1)
        images.append({"id": number, "file_name": name, "height": size, "width": size})
        if number <= captions:
            text = caption(scene, random)
            annotations.append({"id": number, "image_id": number, "caption": text, "scene": asdict(scene)})
        if number % 500 == 0:
            print(f"world set: {number} of {references} scenes drawn", file=sys.stderr)
    data = {"info": {"description": "procedural world, held-out compositions"}, "images": images, "licenses": []}
    text = json.dumps({**data, "annotations": annotations})
    (root / "annotations" / "captions_val2014.json").write_text(text)


def scene_from_json(data: dict) -> Scene:
    """The scene of an annotation."""
    items = tuple(Item(**item) for item in data["items"])
    return Scene(items, data["setting"], data["relation"], data["word"])


def _cache_folder() -> Path:
    from platformdirs import user_cache_path

    return Path(os.environ.get("DRAWBENCH_CACHE") or os.environ.get("DRAWBENCH_HOME") or user_cache_path("drawbench"))
