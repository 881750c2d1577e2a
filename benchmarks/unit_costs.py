"""What one image, one run and one Fréchet distance cost on a core of this machine: the units of docs/scale_on_paper.md.

python -m benchmarks.unit_costs [--images 64]

CPU seconds of this process on one thread, best of three. Networks have random weights: they cost what the true ones do.
Photographs are crops of scikit-image's, as PNG.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

import drawbench
from drawbench.report.build import build_report
from drawbench.runs.png import encode_png
from metrics.features.inception.extractor import InceptionExtractor
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.interval import frechet_result
from metrics.images.decode import pixel_hash, read_image
from metrics.threads import one_blas_thread
from tests.metrics.photographs import crops
from tests.metrics.random_inception import PYTORCH, random_state

ROUNDS = 3
SIZES = (256,)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print each figure as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=64, metavar="N", help="images of each measurement (64)")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    with TemporaryDirectory(prefix="drawbench-unit-costs-") as name:
        for size in SIZES:
            _files(Path(name), size, args.images)
        _networks(Path(name), min(args.images, 8))
        _distance()
        _run(Path(name), args.images)
    return 0


def _files(folder: Path, size: int, count: int) -> None:
    images = crops(count, size)
    took = _best(lambda: [encode_png(image) for image in images])
    said = [encode_png(image) for image in images]
    _say(f"PNG of a photograph, {size} px", f"{np.mean([len(each) for each in said]) / 1024:.0f} KiB", took / count)
    paths = [folder / f"{size}-{number}.png" for number in range(count)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path, compress_level=1)
    took = _best(lambda: [pixel_hash(read_image(path)) for path in paths])
    _say(f"decoding and hashing, {size} px", "", took / count)


def _networks(folder: Path, count: int) -> None:
    from open_clip import create_model

    torch.save(random_state(), folder / PYTORCH.file)
    extract = InceptionExtractor.load("legacy_pytorch", folder=folder, weights=PYTORCH)
    images = list(crops(count, 256))
    took = _best(lambda: extract(images))
    _say("Inception features, resize included", f"{2048 * 4 / 1024:.0f} KiB kept", took / count)
    model, pixels = create_model("ViT-L-14-quickgelu", pretrained=None).eval(), torch.rand(count, 3, 224, 224)
    with torch.inference_mode():
        took = _best(lambda: model.encode_image(pixels))
    _say("CLIP ViT-L/14 features", f"{768 * 4 / 1024:.0f} KiB kept", took / count)


def _distance() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(6000, 2048)).astype(np.float32)
    reference = Gaussian.of_features(rng.normal(size=(6000, 2048)))
    with one_blas_thread():
        took = _best(lambda: frechet_result(images, reference), rounds=1)
    _say("FID with its jackknife, 6,000 x 2,048 (about linear in images)", "", took)


def _run(folder: Path, count: int) -> None:
    given = crops(count, 256)
    texts = [f"a photograph with the number {number} in the corner of a table" for number in range(count)]
    scores = drawbench.score(given, texts, out=folder / "run")
    beside = sum(path.stat().st_size for path in scores.path.rglob("*") if path.is_file() and path.suffix != ".png")
    _say("a run's files beside the images", f"{beside / count / 1024:.1f} KiB an image", 0.0)
    took = _best(lambda: build_report([scores.path], folder / "report"), rounds=1)
    size = sum(path.stat().st_size for path in (folder / "report").rglob("*") if path.is_file())
    _say("the report of a run", f"{size / count / 1024:.0f} KiB an image", took / count)


def _best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """CPU seconds."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def _say(what: str, size: str, seconds: float) -> None:
    took = f"{seconds * 1000:.3g} ms" if 0 < seconds < 1 else f"{seconds:.3g} s" if seconds else ""
    print(f"{what:<64}  {size:<18}  {took}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
