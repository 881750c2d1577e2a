"""Held-out scenes of the rich world in COCO's file layout.

It shares nothing with `coco_set`, whose source is hashed into the name of the set `world` and so stays as it is.
"""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random

from PIL import Image

from reference_model.world.rich.captions import caption
from reference_model.world.rich.layout import sample_layout
from reference_model.world.rich.render import render
from reference_model.world.rich.sampling import sample_scene


def synthesise(root: Path, captions: int, seed: str, size: int) -> None:
    """Write a COCO-format set of held-out scenes, each captioned once.

    root/annotations/captions_val2014.json in COCO's schema, each annotation with the `scene` it tells of;
    root/val2014/*.png (lossless: JPEG alone would move a Fréchet distance).
    """
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "val2014").mkdir(exist_ok=True)
    images, annotations = [], []
    for number in range(1, captions + 1):
        random = Random(f"{seed}/{number}")
        scene = sample_scene(random, "held_out")
        name = f"COCO_val2014_{number:012d}.png"
        pixels = render(sample_layout(scene, random), size)
        Image.fromarray(pixels).save(root / "val2014" / name, compress_level=1)
        images.append({"id": number, "file_name": name, "height": size, "width": size})
        text = caption(scene, random)
        annotations.append({"id": number, "image_id": number, "caption": text, "scene": asdict(scene)})
    about = {"description": "rich procedural world, held-out compositions"}
    data = {"info": about, "images": images, "licenses": [], "annotations": annotations}
    (root / "annotations" / "captions_val2014.json").write_text(json.dumps(data))
