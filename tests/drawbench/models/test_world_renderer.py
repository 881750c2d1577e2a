"""The model `world`: true renderings of the world set's captions, in layouts of their own."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.errors import UserError
from drawbench.interface import Refused, Sample, sample_seed
from drawbench.models.registry import resolve_model
from drawbench.models.world_renderer import WorldRenderer
from drawbench.prompts.coco import load_world
from reference_model.world import coco_set
from reference_model.world.objects import COLOURS


@pytest.fixture(autouse=True)
def small_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(coco_set, "CAPTIONS", 6)
    monkeypatch.setattr(coco_set, "REFERENCES", 6)


def _samples(index: int = 0) -> list[Sample]:
    prompts = load_world().prompts
    return [Sample(p.id, p.category, p.text, index, sample_seed(0, p.id, index)) for p in prompts]


def _images(samples: list[Sample], size: int = 64) -> list[np.ndarray]:
    images = WorldRenderer(None, {}, "cpu").generate(samples, size)
    return [image for image in images if not isinstance(image, Refused)]


def test_every_prompt_of_the_set_is_drawn_in_the_size_asked_for() -> None:
    for size in (64, 256):
        images = _images(_samples(), size)
        assert len(images) == 6
        assert all(image.shape == (size, size, 3) and image.dtype == np.uint8 for image in images)


def test_an_image_depends_on_its_own_sample_only() -> None:
    samples = _samples()
    together = _images(samples)
    for sample, image in zip(samples, together, strict=True):
        np.testing.assert_array_equal(_images([sample])[0], image)


def test_another_sample_of_a_prompt_is_another_layout() -> None:
    for first, second in zip(_images(_samples(0)), _images(_samples(1)), strict=True):
        assert (first != second).any()


def test_no_image_is_its_reference_image() -> None:
    """A ceiling that repeated the reference images would have distance zero and say nothing."""
    folder = load_world().reference_images
    assert folder is not None
    references = []
    for path in sorted(folder.iterdir()):
        with Image.open(path) as reference:
            references.append(np.asarray(reference))
    assert len(references) == 6
    for image in _images(_samples()):
        assert all((image != reference).any() for reference in references)


def test_an_image_shows_the_colours_its_caption_names() -> None:
    for sample, image in zip(_samples(), _images(_samples()), strict=True):
        named = [colour for colour in COLOURS if f" {colour} " in f" {sample.text.lower()} "]
        assert named
        for colour in named:
            assert (image == COLOURS[colour]).all(2).any(), sample.text


def test_the_card_names_the_set_that_is_drawn() -> None:
    card = WorldRenderer(None, {}, "cpu").card()
    assert (card.adapter, card.spec) == ("world", "world")
    assert card.revision == coco_set.ensure_world_set().name
    assert json.loads(card.model_dump_json())["settings"] == {}


@pytest.mark.parametrize("prompt_id", ["colors-001", "1"])
def test_a_prompt_of_another_set_is_refused_even_under_an_id_of_this_one(prompt_id: str) -> None:
    model = WorldRenderer(None, {}, "cpu")
    model.check_plan(_samples(), 64)
    with pytest.raises(UserError, match=f"prompt {prompt_id} is not of the set `world`"):
        model.check_plan([*_samples(), Sample(prompt_id, "", "A caption of other scenes.", 0, 0)], 64)


@pytest.mark.parametrize(("spec", "settings"), [("world:other", {}), ("world", {"guidance": "2"})])
def test_it_takes_no_argument_and_no_settings(spec: str, settings: dict[str, str]) -> None:
    with pytest.raises(UserError, match="takes no argument and no --set"):
        resolve_model(spec, settings, "cpu")


def test_its_own_size_is_that_of_the_reference_images() -> None:
    assert resolve_model("world", {}, "cpu").native_size == coco_set.SIZE
