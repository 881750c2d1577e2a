"""Known degradations, which every metric must see in a known way: of one image, and of a whole set.

Images are uint8 (H, W, 3), RGB, and keep their shape. A blur's size is a fraction of the image's height, so that a
level looks alike at 64 and at 256 pixels. Sets are degraded by index: the functions say which image (or caption) stands
at each place. Everything random follows from a seed, and levels are nested: a stronger one changes all that a weaker
one changes.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from metrics.errors import MetricInputError


def blur(image: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Gaussian blur. sigma: fraction of the height, >= 0. seed: unused."""
    _check(image, sigma >= 0, f"a blur of {sigma}")
    from scipy.ndimage import gaussian_filter

    pixels = sigma * image.shape[0]
    return _to_uint8(gaussian_filter(image.astype(np.float64), (pixels, pixels, 0), mode="nearest"))


def noise(image: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Gaussian noise in every channel. sigma: in levels of 255, >= 0; one seed gives one pattern, scaled."""
    _check(image, sigma >= 0, f"noise of {sigma}")
    pattern = np.random.default_rng(seed).standard_normal(image.shape)
    return _to_uint8(image + sigma * pattern)


def jpeg(image: np.ndarray, loss: float, seed: int = 0) -> np.ndarray:
    """Written as JPEG of quality 100 - loss with 4:2:0 chroma, and read again. loss: 0 (no JPEG at all) to 99."""
    _check(image, 0 <= loss < 100, f"a JPEG loss of {loss}")
    if loss == 0:
        return image.copy()
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=round(100 - loss), subsampling=2)
    return np.array(Image.open(file))


def colour_shift(image: np.ndarray, shift: float, seed: int = 0) -> np.ndarray:
    """A warm cast: red `shift` levels up, blue as many down. shift: 0 to 255."""
    _check(image, 0 <= shift <= 255, f"a colour shift of {shift}")
    return _to_uint8(image + np.array([shift, 0.0, -shift]))


def crop(image: np.ndarray, lost: float, seed: int = 0) -> np.ndarray:
    """The central part, enlarged to the whole (bicubic). lost: fraction of each side that is cut away, 0 to below 1."""
    _check(image, 0 <= lost < 1, f"a crop that loses {lost}")
    if lost == 0:
        return image.copy()
    height, width = image.shape[:2]
    top, left = lost * height / 2, lost * width / 2
    box = (left, top, width - left, height - top)
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, box=box))


@dataclass(frozen=True)
class ImageDegradation:
    """A degradation of single images. levels: from weak to strong; 0 would be the image itself. unit: of the levels."""

    name: str
    apply: Callable[[np.ndarray, float, int], np.ndarray]
    levels: tuple[float, ...]
    unit: str


IMAGE_DEGRADATIONS: tuple[ImageDegradation, ...] = (
    ImageDegradation("blur", blur, (0.01, 0.03, 0.09), "sigma / height"),
    ImageDegradation("noise", noise, (15.0, 40.0, 100.0), "sigma in levels"),
    ImageDegradation("jpeg", jpeg, (70.0, 90.0, 97.0), "100 - quality"),
    ImageDegradation("colour shift", colour_shift, (15.0, 40.0, 100.0), "levels"),
    ImageDegradation("crop", crop, (0.25, 0.5, 0.75), "part of the side lost"),
)


def caption_shuffle(n: int, fraction: float, seed: int = 0) -> np.ndarray:
    """Which caption each of n images gets, int (n,): a fraction of them get another image's, the others keep theirs.

    A fraction that names a single image takes two: one alone has nobody to exchange with.
    """
    moved = _chosen(n, fraction, seed)
    captions = np.arange(n)
    if len(moved) == 1:
        moved = np.random.default_rng(seed).permutation(n)[:2]
    captions[moved] = np.roll(moved, 1)  # a cycle leaves nobody their own
    return captions


def mode_dropping(modes: np.ndarray, n: int, fraction: float, seed: int = 0) -> np.ndarray:
    """n images of a pool in which a fraction of the modes is missing, int (n,): indices into the pool, none twice.

    modes: (pool,), the mode (photograph, class, ...) of each image. The kept modes take equal shares, and follow
    each other in turn; the number of images stays n, since n alone moves a distance. A part of
    a mode is not dropped, and at least one mode is kept.
    """
    names = np.unique(modes)
    dropped = min(int(_fraction(fraction) * len(names)), len(names) - 1)
    kept = np.random.default_rng(seed).permutation(names)[dropped:]
    queues = [np.flatnonzero(modes == name) for name in np.sort(kept)]
    turns = [queue[turn] for turn in range(max(map(len, queues))) for queue in queues if turn < len(queue)]
    if len(turns) < n:
        raise MetricInputError(
            f"{len(kept)} of {len(names)} modes hold {len(turns)} images, and {n} are asked for: use a larger pool"
        )
    return np.array(turns[:n])


def repeated_images(groups: np.ndarray, fraction: float, seed: int = 0) -> np.ndarray:
    """Which image stands at each place, int (N,): a fraction of each group's places repeat one image of the group.

    groups: (N,), the group (prompt) of each image. The fraction is of the places beside that of the repeated image,
    which is drawn anew for each group.
    """
    source = np.arange(len(groups))
    for number, name in enumerate(np.unique(groups)):
        repeated, *others = np.random.default_rng([seed, number]).permutation(np.flatnonzero(groups == name))
        source[others[: round(_fraction(fraction) * len(others))]] = repeated
    return source


def memorised(n: int, fraction: float, seed: int = 0) -> np.ndarray:
    """Which of n images are replaced by the reference of the same place, bool (n,)."""
    mask = np.zeros(n, dtype=bool)
    mask[_chosen(n, fraction, seed)] = True
    return mask


def _chosen(n: int, fraction: float, seed: int) -> np.ndarray:
    """A fraction of n places in random order; a larger fraction begins with the same places."""
    return np.random.default_rng(seed).permutation(n)[: round(_fraction(fraction) * n)]


def _fraction(value: float) -> float:
    if not 0 <= value <= 1:
        raise MetricInputError(f"a fraction lies between 0 and 1, and {value} is given")
    return value


def _check(image: np.ndarray, level_is_right: bool, what: str) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise MetricInputError(f"an image is uint8 (H, W, 3), not {image.dtype} {image.shape}")
    if not level_is_right:
        raise MetricInputError(f"{what} is not a level that this degradation has")


def _to_uint8(pixels: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
