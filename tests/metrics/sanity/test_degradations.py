"""Degradations: nothing at level 0, more at each level, the same for the same seed, and only what each promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.errors import MetricInputError
from metrics.sanity.degradations import (
    IMAGE_DEGRADATIONS,
    ImageDegradation,
    blur,
    caption_shuffle,
    colour_shift,
    crop,
    jpeg,
    memorised,
    mode_dropping,
    noise,
    repeated_images,
)

NAMES = [degradation.name for degradation in IMAGE_DEGRADATIONS]


def _picture(height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth colours with an edge and some texture, none of them at the ends of the range."""
    y, x = np.mgrid[0:height, 0:width]
    random = np.random.default_rng(5).integers(-6, 7, (height, width))
    red = 90 + 60 * np.sin(x / 9) + random
    green = 120 + 50 * np.cos(y / 7) + random
    blue = np.where(x > y, 80, 170) + random
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def _change(image: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(image.astype(float) - other.astype(float)).mean())


@pytest.mark.parametrize("degradation", IMAGE_DEGRADATIONS, ids=NAMES)
def test_level_0_is_the_image_itself(degradation: ImageDegradation) -> None:
    image = _picture()
    assert np.array_equal(degradation.apply(image, 0.0, 3), image)


@pytest.mark.parametrize("degradation", IMAGE_DEGRADATIONS, ids=NAMES)
def test_each_level_changes_more_and_keeps_form_and_input(degradation: ImageDegradation) -> None:
    image = _picture()
    before = image.copy()
    versions = [degradation.apply(image, level, 3) for level in degradation.levels]
    assert all(version.shape == image.shape and version.dtype == np.uint8 for version in versions)
    changes = [0.0, *(_change(image, version) for version in versions)]
    assert changes == sorted(set(changes))
    assert np.array_equal(image, before)


@pytest.mark.parametrize("degradation", IMAGE_DEGRADATIONS, ids=NAMES)
def test_the_same_seed_gives_the_same_pixels(degradation: ImageDegradation) -> None:
    image, level = _picture(), degradation.levels[1]
    assert np.array_equal(degradation.apply(image, level, 7), degradation.apply(image, level, 7))


@pytest.mark.parametrize("degradation", IMAGE_DEGRADATIONS, ids=NAMES)
@pytest.mark.parametrize("image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3)), np.zeros((8, 8, 4), np.uint8)])
def test_what_is_no_image_is_refused(degradation: ImageDegradation, image: np.ndarray) -> None:
    with pytest.raises(MetricInputError, match="uint8"):
        degradation.apply(image, degradation.levels[0], 0)


@pytest.mark.parametrize("degradation", IMAGE_DEGRADATIONS, ids=NAMES)
def test_levels_below_0_are_refused(degradation: ImageDegradation) -> None:
    with pytest.raises(MetricInputError, match="level"):
        degradation.apply(_picture(), -1.0, 0)


def test_blur_keeps_a_flat_image_and_the_mean_and_removes_detail() -> None:
    flat = np.full((32, 32, 3), (10, 200, 30), np.uint8)
    assert np.array_equal(blur(flat, 0.1), flat)
    image = _picture()
    blurred = blur(image, 0.05)
    assert abs(blurred.mean() - image.mean()) < 1.0
    assert np.diff(blurred.astype(float), axis=1).std() < 0.7 * np.diff(image.astype(float), axis=1).std()


def test_a_blur_is_a_fraction_of_the_height() -> None:
    """The picture at twice the size, blurred and averaged down, is the small one blurred."""
    image = _picture()
    double = image.repeat(2, axis=0).repeat(2, axis=1)
    down = blur(double, 0.08).astype(float).reshape(48, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(down - blur(image, 0.08)).max() <= 2.0


def test_noise_has_the_given_spread_and_another_pattern_for_another_seed() -> None:
    grey = np.full((128, 128, 3), 128, np.uint8)
    difference = noise(grey, 20.0, 1).astype(float) - 128
    assert difference.std() == pytest.approx(20.0, rel=0.02)
    assert abs(difference.mean()) < 0.5
    assert not np.array_equal(noise(grey, 20.0, 1), noise(grey, 20.0, 2))


def test_colour_shift_moves_red_up_blue_down_and_stays_in_range() -> None:
    image = np.array([[[250, 7, 3], [100, 100, 100]]], np.uint8)
    assert colour_shift(image, 20.0).tolist() == [[[255, 7, 0], [120, 100, 80]]]


def test_crop_enlarges_the_middle() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[10:30, 10:30] = 200
    assert crop(image, 0.5)[2:-2, 2:-2].min() >= 195
    with pytest.raises(MetricInputError, match="loses"):
        crop(image, 1.0)


def test_jpeg_is_that_of_the_quality_named() -> None:
    import io

    from PIL import Image

    image = _picture()
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=30, subsampling=2)
    assert np.array_equal(jpeg(image, 70.0), np.array(Image.open(file)))
    with pytest.raises(MetricInputError, match="100"):
        jpeg(image, 100.0)


@given(n=st.integers(2, 60), fraction=st.floats(0, 1), seed=st.integers(0, 99))
def test_shuffled_captions_are_a_permutation_that_moves_the_fraction(n: int, fraction: float, seed: int) -> None:
    captions = caption_shuffle(n, fraction, seed)
    assert sorted(captions) == list(range(n))
    asked = round(fraction * n)
    assert (captions != np.arange(n)).sum() == (2 if asked == 1 else asked)


@given(n=st.integers(1, 80), seed=st.integers(0, 99))
def test_levels_are_nested(n: int, seed: int) -> None:
    less, more = memorised(n, 0.3, seed), memorised(n, 0.8, seed)
    assert not (less & ~more).any()
    assert less.sum() == round(0.3 * n)
    assert not memorised(n, 0.0, seed).any()
    assert memorised(n, 1.0, seed).all()


@given(modes=st.integers(2, 9), fraction=st.floats(0, 1), seed=st.integers(0, 99))
def test_dropping_modes_keeps_the_number_of_images_and_fair_shares(modes: int, fraction: float, seed: int) -> None:
    n = 24
    pool = np.arange(modes * n) % modes
    chosen = mode_dropping(pool, n, fraction, seed)
    assert len(chosen) == len(set(chosen.tolist())) == n
    shares = np.unique(pool[chosen], return_counts=True)[1]
    assert len(shares) == max(1, modes - int(fraction * modes))
    assert shares.max() - shares.min() <= 1


def test_stronger_dropping_drops_what_weaker_dropping_dropped() -> None:
    pool = np.arange(160) % 8
    kept = [set(pool[mode_dropping(pool, 20, fraction, 4)].tolist()) for fraction in (0.0, 0.25, 0.5, 0.75)]
    assert [len(each) for each in kept] == [8, 6, 4, 2]
    assert kept[3] < kept[2] < kept[1] < kept[0]


def test_a_pool_that_is_too_small_for_its_kept_modes_is_refused() -> None:
    with pytest.raises(MetricInputError, match="larger pool"):
        mode_dropping(np.arange(20) % 4, 20, 0.5)


def test_repeated_images_stay_in_their_group() -> None:
    groups = np.arange(32) // 8
    for fraction, distinct in ((0.0, 8), (4 / 7, 4), (1.0, 1)):
        source = repeated_images(groups, fraction, 1)
        assert np.array_equal(groups[source], groups)
        assert [len(set(source[groups == group].tolist())) for group in range(4)] == [distinct] * 4


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_fractions_outside_0_to_1_are_refused(fraction: float) -> None:
    groups = np.zeros(4, int)
    for call in (
        lambda: caption_shuffle(4, fraction),
        lambda: memorised(4, fraction),
        lambda: repeated_images(groups, fraction),
        lambda: mode_dropping(groups, 2, fraction),
    ):
        with pytest.raises(MetricInputError, match="between 0 and 1"):
            call()
