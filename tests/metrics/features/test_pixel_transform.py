"""Network input equals what open_clip's, torchvision's and transformers' own transforms make of the same images."""

from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image

from metrics.features.pixel_transform import IMAGENET_MEAN, IMAGENET_STD, PixelTransform

GENERATOR = np.random.default_rng(0)
SIZES = ((48, 48), (32, 32), (51, 77), (77, 52), (20, 33), (200, 64), (35, 32))
IMAGES = [GENERATOR.integers(0, 256, (*size, 3), dtype=np.uint8) for size in SIZES]
TRANSFORM = PixelTransform(32, 32, IMAGENET_MEAN, IMAGENET_STD)


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("resize", ["shortest", "squash"])
def test_bits_are_those_of_open_clip(
    resize: Literal["shortest", "squash"], interpolation: Literal["bicubic", "bilinear"]
) -> None:
    from open_clip.transform import PreprocessCfg, image_transform_v2

    settings = PreprocessCfg(
        size=32, mean=IMAGENET_MEAN, std=IMAGENET_STD, interpolation=interpolation, resize_mode=resize
    )
    theirs = image_transform_v2(settings, is_train=False)
    ours = PixelTransform(32, 32, IMAGENET_MEAN, IMAGENET_STD, resize, interpolation)
    expected = torch.stack([theirs(Image.fromarray(image)) for image in IMAGES])
    assert torch.equal(ours(IMAGES), expected)


def test_bits_are_those_of_torchvision_with_a_larger_edge() -> None:
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Normalize, Resize, ToTensor

    theirs = Compose(
        [Resize(39, InterpolationMode.BICUBIC), CenterCrop(32), ToTensor(), Normalize(IMAGENET_MEAN, IMAGENET_STD)]
    )
    ours = PixelTransform(32, 39, IMAGENET_MEAN, IMAGENET_STD)
    assert torch.equal(ours(IMAGES), torch.stack([theirs(Image.fromarray(image)) for image in IMAGES]))


@pytest.mark.parametrize("edge", [32, 39])
def test_floor_crops_as_the_processors_of_transformers_do(edge: int) -> None:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    processor: Any = CLIPImageProcessorPil(size={"shortest_edge": edge}, crop_size={"height": 32, "width": 32})
    ours = PixelTransform(32, edge, tuple(processor.image_mean), tuple(processor.image_std), crop="floor")
    theirs = processor(images=[Image.fromarray(image) for image in IMAGES], return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(ours(IMAGES).contiguous(), theirs, rtol=0, atol=2e-6)


def test_threads_and_batches_change_no_bit() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        serial = TRANSFORM(IMAGES)
        torch.set_num_threads(3)
        assert torch.equal(TRANSFORM(IMAGES), serial)
        assert torch.equal(torch.cat([TRANSFORM([image]) for image in IMAGES]), serial)
    finally:
        torch.set_num_threads(threads)


def test_an_edge_smaller_than_the_crop_is_refused_and_every_choice_is_declared() -> None:
    with pytest.raises(ValueError, match="holds no crop"):
        PixelTransform(32, 31, IMAGENET_MEAN, IMAGENET_STD)
    assert set(TRANSFORM.declaration()) == {"size", "edge", "mean", "std", "resize", "filter", "crop"}
