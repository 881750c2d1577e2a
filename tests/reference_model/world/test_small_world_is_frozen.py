"""The small world is frozen: the bundled weights, the bundled scorer and the committed results were made with it.

The digests below were taken before the rich world came. Another digest means that some scene, caption or image of the
set `world` is no longer the one that was measured: restore the code, never the digest.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from random import Random

import pytest

from reference_model.skills.measure import draw_requests
from reference_model.world import coco_set
from reference_model.world.captions import caption
from reference_model.world.render import render, sample_layout
from reference_model.world.scene import sample_scene

TEXTS = {
    "train": "2925d988da5d192e15a60990400e8de4",
    "held_out": "1aedb3100f69c600672d61b92df0e6ed",
}
IMAGES = {
    64: "43c6dafd9dfd6e19a6c6231f92f8c247",
    256: "11d5f81f32e02855d2833bc00e856484",
    1024: "10fbd92e35d3716825cd097d62f53e40",
}
REQUESTS = "0a0e85e83b8131e521393c189da18cbe"


def test_the_digests_here_are_those_of_the_revision_in_the_cards() -> None:
    """Whoever changes what is pinned below raises the revision, and this."""
    assert coco_set.WORLD_REVISION == "639e95ab8417"


@pytest.mark.parametrize("split", TEXTS)
def test_scenes_captions_and_layouts_of_a_seed_stay(split: str) -> None:
    digest = hashlib.sha256()
    for number in range(400):
        random = Random(f"frozen {split}/{number}")
        scene = sample_scene(random, split)  # type: ignore[arg-type]
        told = [asdict(scene), caption(scene, random), asdict(sample_layout(scene, random)), random.random()]
        digest.update(json.dumps(told).encode())
    assert digest.hexdigest()[:32] == TEXTS[split]


@pytest.mark.parametrize("size", IMAGES)
def test_images_of_a_seed_stay(size: int) -> None:
    digest = hashlib.sha256()
    for number in range({64: 200, 256: 40, 1024: 4}[size]):
        random = Random(f"frozen image/{number}")
        layout = sample_layout(sample_scene(random, "held_out"), random)
        digest.update(render(layout, size).tobytes())
    assert digest.hexdigest()[:32] == IMAGES[size]


def test_the_scenes_that_skills_are_measured_on_stay() -> None:
    told = [[asdict(r.scene), r.text, r.seed] for r in draw_requests(200, "held_out")]
    assert hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32] == REQUESTS


def test_the_world_set_keeps_the_name_under_which_its_results_were_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Path(__file__).parents[3] / "results"
    committed = json.loads((results / "true-renderings--world--bundled.json").read_text())
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(coco_set, "CAPTIONS", 1)
    monkeypatch.setattr(coco_set, "REFERENCES", 1)
    assert coco_set.ensure_world_set().name == committed["model"]["revision"]
