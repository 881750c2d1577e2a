"""One pipeline: sizes, and what becomes of what it returns."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from drawbench.errors import UserError
from drawbench.interface import Refused, Sample
from drawbench.models.diffusers.pipeline import BLACK, NSFW, WATERMARKED, PipelineModel, finished_images, generators
from drawbench.models.diffusers.settings import call_parameters, call_values
from drawbench.models.diffusers.source import Checkpoint

CHECKPOINT = Checkpoint(Path("absent"), "stand-in", "", None, {"_class_name": "StandIn"})


class StandIn:
    """A pipeline as far as PipelineModel looks at one; it draws the given images."""

    images: Any = None

    def __init__(self, **components: Any) -> None:
        self.components = components
        self.calls: list[dict[str, Any]] = []

    def __call__(self, prompt: list[str], height: int | None = None, width: int | None = None, **options: Any) -> Any:
        self.calls.append({"prompt": prompt, "height": height, "width": width} | options)
        return SimpleNamespace(images=self.images)


class WithDefaultHeight(StandIn):
    def __call__(self, prompt: list[str], height: int = 512, width: int = 512, **options: Any) -> Any:
        return None


class OfOneSize(StandIn):
    def __call__(self, prompt: list[str], guidance_scale: float = 2.0, output_type: str = "pil") -> Any:
        self.calls.append({"guidance_scale": guidance_scale})
        return SimpleNamespace(images=self.images)


def model(pipeline: Any) -> PipelineModel:
    parameters = call_parameters(type(pipeline).__call__)
    values = call_values({}, parameters)
    return PipelineModel((CHECKPOINT,), "float32", pipeline, pipeline, parameters, values, watermark=None)


def core(sample_size: Any) -> SimpleNamespace:
    return SimpleNamespace(config=SimpleNamespace(sample_size=sample_size))


def with_scale(pipeline: StandIn, scale: int, cells: int | None = None) -> StandIn:
    pipeline.vae_scale_factor = scale  # type: ignore[attr-defined]
    if cells is not None:
        pipeline.default_sample_size = cells  # type: ignore[attr-defined]
    return pipeline


@pytest.mark.parametrize(
    ("pipeline", "size"),
    [
        (with_scale(StandIn(unet=core(64)), 8), 512),
        (with_scale(StandIn(transformer=core([16, 16])), 32), 512),
        (with_scale(StandIn(transformer=core(4)), 8, cells=128), 1024),
        (WithDefaultHeight(prior=core(None)), 512),
        (StandIn(transformer=SimpleNamespace(config=SimpleNamespace())), None),
    ],
)
def test_the_native_size_is_the_latents_size_scaled_or_the_calls_default(pipeline: StandIn, size: int | None) -> None:
    assert model(pipeline).native_size == size


def test_a_pipeline_that_takes_no_size_is_asked_for_its_own() -> None:
    fixed = model(with_scale(OfOneSize(unet=core(32)), 8))
    fixed.check_size(256)
    with pytest.raises(UserError, match="draws 256 px, and 64 px are asked for: use --size"):
        fixed.check_size(64)


def test_the_call_is_given_what_it_takes_and_nothing_else(samples: list[Sample]) -> None:
    pipeline = OfOneSize()
    pipeline.images = np.full((len(samples), 8, 8, 3), 0.5)
    model(pipeline).draw(samples, 8)
    assert pipeline.calls == [{"guidance_scale": 2.0}]


def test_a_pipeline_that_returns_no_images_is_refused(samples: list[Sample]) -> None:
    class Film(StandIn):
        def __call__(self, prompt: list[str], output_type: str = "pil") -> Any:
            return SimpleNamespace(frames=[])

    with pytest.raises(UserError, match="a Film returns no images"):
        model(Film()).draw(samples, 8)


def test_an_error_of_its_own_stays_what_it_is(samples: list[Sample]) -> None:
    class Broken(StandIn):
        def __call__(self, prompt: list[str], output_type: str = "pil") -> Any:
            raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        model(Broken()).draw(samples, 8)


def finished(images: Any, samples: list[Sample], checked: bool = False, **flags: Any) -> list[Any]:
    return finished_images(
        images, samples, 4, unsafe=flags.get("unsafe"), checked=checked, watermarked=flags.get("marked")
    )


def test_floats_become_the_nearest_of_256_values(samples: list[Sample]) -> None:
    floats = np.linspace(-0.1, 1.1, 4 * 4 * 4 * 3).reshape(4, 4, 4, 3)
    images = finished(floats, samples)
    assert all(image.dtype == np.uint8 for image in images)
    assert np.array_equal(np.stack(images), np.round(np.clip(floats, 0, 1) * 255))


def test_pil_images_are_taken_as_they_are(samples: list[Sample]) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    images = finished([Image.fromarray(pixels)] * 4, samples)
    assert all(np.array_equal(image, pixels) for image in images)


def test_an_image_without_transparency_needs_no_background(samples: list[Sample]) -> None:
    opaque = np.concatenate([np.full((4, 4, 4, 3), 0.5), np.ones((4, 4, 4, 1))], axis=-1)
    assert all(np.array_equal(image, np.full((4, 4, 3), 128)) for image in finished(opaque, samples))


def test_black_counts_as_blanked_only_behind_a_checker(samples: list[Sample]) -> None:
    images = np.zeros((4, 4, 4, 3))
    images[1] = 1 / 255
    assert [isinstance(one, Refused) for one in finished(images, samples)] == [False] * 4
    outputs = finished(
        images, samples, checked=True, unsafe=[True, False, False, False], marked=[False, False, True, False]
    )
    assert [getattr(one, "reason", None) for one in outputs] == [NSFW, None, WATERMARKED, BLACK]


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.zeros((4, 6, 6, 3)), "draws 6x6 px, and 4 px are asked for: give --size 6"),
        (np.zeros((4, 4, 6, 3)), "draws 6x4 px, and 4 px are asked for: it draws no squares"),
        (np.zeros((3, 4, 4, 3)), "3 images for 4 prompts: give --set batch=1"),
        (np.full((4, 4, 4, 3), np.nan), "values that are no numbers"),
        (np.full((4, 4, 4, 4), 0.5), "draws transparent images"),
    ],
)
def test_what_is_no_image_of_the_plan_is_refused(samples: list[Sample], images: np.ndarray, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        finished(images, samples)


def test_generators_are_the_samples_own_and_other_ones_in_each_stage(samples: list[Sample]) -> None:
    def noise(stage: int, these: list[Sample]) -> list[torch.Tensor]:
        return [torch.randn(8, generator=one) for one in generators(these, stage)]

    forward, backward = noise(1, samples), noise(1, samples[::-1])[::-1]
    assert all(torch.equal(one, other) for one, other in zip(forward, backward, strict=True))
    assert torch.equal(forward[0], torch.randn(8, generator=torch.Generator().manual_seed(samples[0].seed)))
    every = [*forward, *noise(2, samples), *noise(3, samples)]
    assert len({tuple(one.tolist()) for one in every}) == len(every)
