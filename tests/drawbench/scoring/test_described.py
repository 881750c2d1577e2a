"""Which references belong to prompts: found where captions lie beside their images, and nowhere else."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.comparing.compare import compare_runs
from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.prompts.coco import load_coco, load_world
from drawbench.runs.generate import Request, generate
from drawbench.scoring.bundled import bundled_extended
from drawbench.scoring.described import described_images, prompt_references
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.references import find_references
from drawbench.scoring.score import score_run
from tests.drawbench.scoring.test_score import NoiseModel
from tests.metrics.stand_ins import write_scorer

CAPTIONED, IMAGES, SIZE = 60, 80, 32


def _pixels(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)


def _root(root: Path, year: str = "2014") -> Path:
    """COCO's layout: images in another order than captions, which have ids of their own, two for the first ten."""
    folder = root / f"val{year}"
    folder.mkdir(parents=True)
    (root / "annotations").mkdir()
    images, captions = [], []
    for number in range(IMAGES):
        image = 1000 - 7 * number
        name = f"COCO_val2014_{image:012d}.jpg" if year == "2014" else f"{image:012d}.jpg"
        Image.fromarray(_pixels(number)).save(folder / name)
        images.append({"id": image, "file_name": name})
        if number < CAPTIONED:
            captions.append({"id": 5 * number, "image_id": image, "caption": f" noise  number {number}"})
        if number < 10:
            captions.append({"id": 5 * number + 1, "image_id": image, "caption": f"more noise of {number}"})
    content = json.dumps({"images": images, "annotations": captions})
    (root / "annotations" / f"captions_val{year}.json").write_text(content)
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _root(tmp_path_factory.mktemp("coco"))


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """Both Fréchet distances of a random scorer of 16 dimensions."""
    whole = bundled_extended(write_scorer(tmp_path_factory.mktemp("scorer")))
    wanted = ("frechet_distance", "frechet_distance_infinity")
    return replace(whole, metrics=tuple(metric for metric in whole.metrics if metric.metric in wanted))


def _samples(prompts: Mapping[str, str]) -> list[Sample]:
    return [Sample(id_, "", text, 0, 0) for id_, text in prompts.items()]


@pytest.mark.parametrize("year", ["2014", "2017"])
def test_the_image_of_each_caption_is_found_by_id_and_text(tmp_path: Path, year: str) -> None:
    prompt_set = load_coco(_root(tmp_path, year))
    assert prompt_set.reference_images is not None
    images = find_references(prompt_set.reference_images).images
    found = prompt_references(
        _samples({prompt.id: prompt.text for prompt in prompt_set.prompts}),
        described_images(prompt_set.reference_images, images),
    )
    ids = [int(images[row].stem.rpartition("_")[2]) for row in found]
    assert ids == [prompt_set.image_ids[prompt.id] for prompt in prompt_set.prompts]
    assert len(set(ids)) == CAPTIONED


def test_the_image_of_a_listed_caption_without_an_id_of_its_own_is_found(root: Path, tmp_path: Path) -> None:
    """A list names images alone: the image's id is the prompt's, and its text one of the image's captions."""
    listed = tmp_path / "captions.csv"
    listed.write_text("image_id,caption\n993,noise number 1\n1000,more noise of 0\n986,another text\n")
    prompts = {prompt.id: prompt.text for prompt in load_coco(root, captions=listed).prompts}
    images = find_references(root / "val2014").images
    found = prompt_references(_samples(prompts), described_images(root / "val2014", images))
    assert [images[row].name if row >= 0 else "" for row in found] == [
        "COCO_val2014_000000000993.jpg",
        "COCO_val2014_000000001000.jpg",
        "",
    ]


def test_other_prompts_and_other_folders_have_none(root: Path, tmp_path: Path) -> None:
    images = find_references(root / "val2014").images
    described = described_images(root / "val2014", images)
    assert prompt_references(_samples({"5": "another text", "6": "noise number 1"}), described).shape == (0,)
    some = prompt_references(_samples({"5": "noise number 1", "colors-001": "red"}), described)
    assert [row >= 0 for row in some] == [True, False]
    moved = tmp_path / "photographs"
    moved.mkdir()
    assert described_images(moved, ()) == {}
    assert described_images(tmp_path / "val2014", ()) == {}


def test_every_prompt_of_the_world_has_its_scene() -> None:
    world = load_world()
    assert world.reference_images is not None
    images = find_references(world.reference_images).images
    samples = _samples({prompt.id: prompt.text for prompt in world.prompts})
    found = prompt_references(samples, described_images(world.reference_images, images))
    assert [images[row].name for row in found] == [f"COCO_val2014_{int(p.id):012d}.png" for p in world.prompts]


def test_captions_that_cannot_be_read_are_the_users_error(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "val2014"
    folder.symlink_to(root / "val2014")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "captions_val2014.json").write_text("{")
    with pytest.raises(UserError, match=r"captions_val2014.json is not valid JSON; fetch it again"):
        described_images(folder, find_references(folder).images)


def test_scores_and_differences_say_what_is_known_of_the_references(
    root: Path, protocol: Protocol, tmp_path: Path
) -> None:
    prompt_set = load_coco(root)
    runs = [tmp_path / name for name in ("a", "b")]
    for run, most in zip(runs, (256, 200), strict=True):
        generate(Request(NoiseModel(most=most, name=run.name), prompt_set, run, samples=1, size=SIZE))
    elsewhere = tmp_path / "photographs"
    elsewhere.symlink_to(root / "val2014")
    distances, limits = [], []
    for folder in (root / "val2014", elsewhere):
        distance, limit = score_run(runs[0], protocol, folder).scores
        distances.append(distance)
        limits.append(limit)
    assert distances[0].value == distances[1].value
    assert distances[0].interval == distances[1].interval
    assert limits[0].value != limits[1].value
    for scores, words in (
        (distances, "as 60 of them belong to prompts"),
        (limits, "80 references, 60 of which belong to prom"),
    ):
        assert words in scores[0].note
        assert "taken as independent of the prompts" in scores[1].note
    assert "images and references, those of a prompt together" in limits[0].definition
    assert "together" not in limits[1].definition
    notes = [compare_runs(*runs, protocol, folder).differences[0].note for folder in (root / "val2014", elsewhere)]
    assert "independent" not in notes[0]
    assert "references taken as independent of the prompts" in notes[1]
