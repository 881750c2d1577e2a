"""The images of the sanity suite: crops of photographs, and the embedded world's renderings with their captions."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from drawbench.errors import UserError
from metrics.images.decode import read_image
from metrics.images.image_folder import read_image_folder
from metrics.sanity.suite import CLEAN_SETS, SuiteImages

SIZE = 128  # pixels of a crop
LARGEST_PART, SMALLEST_PART = 0.8, 0.4  # side of a crop, as a part of the photograph's shorter side
FEWEST_MODES = 4  # below it, three quarters of the modes cannot be dropped
IMAGES_OF_A_MODE = 4  # in a set, at least
FEWEST = 32  # images in a set: neighbours and groups need some
SEED = "doctor"
PACKAGED = (  # photographs that scikit-image installs; what else it holds is drawn, text, or one of these again
    "astronaut.png",
    "brick.png",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "coins.png",
    "grass.png",
    "hubble_deep_field.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "retina.jpg",
    "rocket.jpg",
)


def suite_images(n: int, folder: Path | None = None) -> SuiteImages:
    """Sets of about n images (n is rounded down to a multiple of the number of modes).

    References and pool are crops of the photographs in a folder, else in scikit-image's package, and the photograph is
    the mode; without either they are renderings of the world, and the mode is the first object. Captioned images are
    the world's. Writes nothing. Raises UserError for a folder that does not do and for n that is too small,
    MetricInputError for images that cannot be read.
    """
    if n < FEWEST:
        raise UserError(f"-n {n} images are too few for the sanity suite: give at least {FEWEST}")
    paths = _photographs(folder) if folder else packaged_photographs()
    captioned, captions = _captioned(CLEAN_SETS * n)
    told = "renderings of the embedded world, 64 px, with their captions"
    if not paths:
        references, pool, modes = _renderings(n)
        return SuiteImages(
            "renderings of the embedded world, 64 px", references, pool, modes, told, captioned, captions
        )
    paths = paths[: n // IMAGES_OF_A_MODE]
    n -= n % len(paths)
    photographs = [read_image(path) for path in paths]
    source = f"crops of {len(paths)} photographs of {folder or 'scikit-image'}, {SIZE} px"
    modes = np.arange(CLEAN_SETS * n) % len(paths)
    pool = _crops(photographs, CLEAN_SETS * n, seed=1)
    return SuiteImages(source, _crops(photographs, n, seed=0), pool, modes, told, captioned, captions)


def packaged_photographs() -> list[Path]:
    """The photographs in scikit-image's package, or none when it is not installed. Imports and downloads nothing."""
    package = find_spec("skimage")
    if package is None or not package.submodule_search_locations:
        return []
    folder = Path(package.submodule_search_locations[0]) / "data"
    found = [folder / name for name in PACKAGED if (folder / name).is_file()]
    return found if len(found) >= FEWEST_MODES else []


def _photographs(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"--images {folder} is no folder: name one that holds photographs")
    paths = list(read_image_folder(folder).images)
    if len(paths) < FEWEST_MODES:
        raise UserError(
            f"the folder {folder} holds {len(paths)} PNG, JPEG or WebP images: the sanity suite needs {FEWEST_MODES}"
        )
    return paths


def _crops(photographs: Sequence[np.ndarray], n: int, seed: int) -> list[np.ndarray]:
    """n random squares, uint8 (SIZE, SIZE, 3), of each photograph in turn."""
    random = np.random.default_rng(seed)
    crops = []
    for number in range(n):
        image = photographs[number % len(photographs)]
        height, width = image.shape[:2]
        side = max(1, int(min(height, width) * random.uniform(SMALLEST_PART, LARGEST_PART)))
        top, left = random.integers(0, height - side + 1), random.integers(0, width - side + 1)
        square = Image.fromarray(image[top : top + side, left : left + side])
        crops.append(np.array(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC)))
    return crops


def _captioned(n: int) -> tuple[list[np.ndarray], list[str]]:
    from reference_model.world.examples import ExampleKind, batch_seeds, draw_batch

    batch = draw_batch(ExampleKind("small", "held_out", 64), batch_seeds(SEED, 0, n))
    return list(batch.images), list(batch.captions)


def _renderings(n: int) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """References, pool and the pool's modes, of the world's scenes sorted by their first object."""
    from random import Random

    from reference_model.world.objects import OBJECTS
    from reference_model.world.worlds import world_named

    world, names = world_named("small"), sorted(OBJECTS)

    def draw(count: int, seed: str) -> list[np.ndarray]:
        """Every object in turn."""
        random = Random(f"{SEED}/{seed}")
        images: list[np.ndarray] = []
        while len(images) < count:
            scene = world.sample_scene(random, "held_out")
            if scene.items[0].object == names[len(images) % len(names)]:
                images.append(world.render(world.sample_layout(scene, random), 64))
        return images

    n -= n % len(names)
    return draw(n, "references"), draw(CLEAN_SETS * n, "pool"), np.arange(CLEAN_SETS * n) % len(names)
