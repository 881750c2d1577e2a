"""Photographs that scikit-image's package holds, each with a caption of one line written for these tests."""

from pathlib import Path

import numpy as np
from PIL import Image

CAPTIONS = {
    "astronaut.png": "an astronaut in an orange space suit",
    "chelsea.png": "the face of a tabby cat",
    "coffee.png": "a cup of coffee on a saucer with a spoon",
    "rocket.jpg": "a rocket on its launch pad",
    "motorcycle_left.png": "a red motorcycle in a garage",
    "hubble_deep_field.jpg": "distant galaxies in deep space",
    "clock_motion.png": "a clock on a wall",
    "coins.png": "rows of old coins",
    "camera.png": "a man with a camera on a tripod",
    "page.png": "a page of printed text",
    "horse.png": "the silhouette of a horse",
    "moon.png": "the surface of the moon",
    "brick.png": "a brick wall",
    "grass.png": "green grass on a lawn",
    "gravel.png": "gravel and small stones",
    "retina.jpg": "the retina of an eye, seen by a doctor",
}


def photographs(side: int = 256) -> list[np.ndarray]:
    """Their central squares in the order of the captions, uint8 (side, side, 3) each."""
    import skimage

    from metrics.images.decode import centre_square

    folder = Path(skimage.__file__).parent / "data"
    return [centre_square(np.asarray(Image.open(folder / name).convert("RGB")), side) for name in CAPTIONS]
