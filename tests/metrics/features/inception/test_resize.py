"""Resizes equal their references: clean-fid's bit for bit, TensorFlow 1's up to float32 positions."""

import numpy as np
import pytest
import torch

from metrics.features.inception.resize import Mode, resized, scaled

SIZES = [(64, 64), (256, 256), (299, 299), (150, 400), (640, 480)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["clean", "legacy_pytorch"])
def test_resizes_equal_clean_fids_bit_for_bit(mode: Mode, size: tuple[int, int]) -> None:
    from cleanfid.resize import build_resizer

    images = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    theirs = np.stack([build_resizer(mode)(image).transpose(2, 0, 1) for image in images])
    np.testing.assert_array_equal(resized(images, mode).numpy(), theirs)


@pytest.mark.parametrize("size", SIZES)
def test_the_tensorflow_resize_is_tensorflow_1s(size: tuple[int, int]) -> None:
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

    images = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    theirs = interpolate_bilinear_2d_like_tensorflow1x(pixels, (299, 299), align_corners=False)
    assert (resized(images, "legacy_tensorflow") - theirs).abs().max() < 0.05  # of 255, on noise: positions are float32


def test_tensorflow_pixels_are_aligned_by_their_corners() -> None:
    """Output pixel i reads input position i / 2 when the side doubles, not (i + 0.5) / 2 - 0.5."""
    ramp = np.broadcast_to(np.arange(150, dtype=np.uint8)[None, :, None], (150, 150, 3))[:, :150]
    row = resized([ramp], "legacy_tensorflow")[0, 0, 0].numpy()
    np.testing.assert_allclose(row[:290], np.arange(290) * 150 / 299, atol=1e-3)


def test_scaling_ends_where_each_mode_says() -> None:
    ends = torch.tensor([0.0, 255.0])
    assert scaled(ends, "clean").tolist() == scaled(ends, "legacy_tensorflow").tolist() == [-1.0, 127 / 128]
    assert scaled(ends, "legacy_pytorch").tolist() == [-1.0, 1.0]
