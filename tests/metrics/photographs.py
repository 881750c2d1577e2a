"""Crops of the photographs that scikit-image's package holds."""

from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "ihc.png", "retina.jpg")


def crops(n: int, size: int, seed: int = 0) -> np.ndarray:
    """n different square crops, uint8 (n, size, size, 3), the photographs in turn."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    photographs = [np.asarray(Image.open(folder / name).convert("RGB")) for name in NAMES]
    random = np.random.default_rng(seed)
    found = []
    for number in range(n):
        photograph = photographs[number % len(photographs)]
        top, left = (random.integers(0, side - size + 1) for side in photograph.shape[:2])
        found.append(photograph[top : top + size, left : left + size])
    return np.stack(found)


def write_crops(folder: Path, n: int, size: int, seed: int = 0) -> list[Path]:
    """The same, as PNG files in a new folder."""
    folder.mkdir(parents=True)
    paths = [folder / f"{number:04}.png" for number in range(n)]
    for path, image in zip(paths, crops(n, size, seed), strict=True):
        Image.fromarray(image).save(path)
    return paths
