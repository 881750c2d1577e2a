"""Small pictures of a run's images, named by their pixels, so that no report makes again what another one has made."""

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from drawbench.cores import usable_cores
from drawbench.interface import Sample
from drawbench.progress import Progress
from drawbench.runs.directory import RunDirectory

SIZE = 256  # pixels of the longer side
LOSSLESS_UP_TO = 64  # small images are shown as they are
QUALITY = 82
FOLDER = "thumbs"  # another name when the same pixels would give other files
AT_ONCE = 256  # handed to the threads together, so that Ctrl-C is heard


def thumbnail_name(pixels_sha256: str) -> str:
    """The file's path below FOLDER, without its ending."""
    return f"{pixels_sha256[:2]}/{pixels_sha256[2:22]}"


def write_thumbnails(runs: Sequence[RunDirectory], folder: Path, earlier: Sequence[Path], progress: Progress) -> None:
    """A thumbnail of every image of the runs, in folder/FOLDER. earlier: reports whose thumbnails are taken over.

    Raises UserError for an image that is not the one that was sealed.
    """
    wanted: dict[str, tuple[RunDirectory, Sample]] = {}
    for run in runs:
        for sample in run.samples():
            digest = run.pixel_sha256(sample)
            if digest is not None:
                wanted.setdefault(digest, (run, sample))
    places = [report / FOLDER for report in (*earlier, *(run.path / "report" for run in runs))]
    found = list(wanted.items())
    with ThreadPoolExecutor(usable_cores()) as pool, progress.counted("thumbnails", 0, len(found)):
        for start in range(0, len(found), AT_ONCE):
            part = found[start : start + AT_ONCE]
            for _ in pool.map(lambda each: _place(each[0], each[1][0], each[1][1], folder / FOLDER, places), part):
                progress.advance(1)


def _link_or_copy(source: Path, target: Path) -> None:
    """The same file at another place, without a second copy where the file system can. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _place(digest: str, run: RunDirectory, sample: Sample, folder: Path, earlier: Sequence[Path]) -> None:
    name = f"{thumbnail_name(digest)}.webp"
    made = next((place / name for place in earlier if (place / name).is_file()), None)
    if made is not None and run.image_path(sample).is_file():
        _link_or_copy(made, folder / name)
        return
    _write(run.pixels(sample), folder / name)


def _write(pixels: np.ndarray, path: Path) -> None:
    image = Image.fromarray(pixels)
    image.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "WEBP", lossless=max(image.size) <= LOSSLESS_UP_TO, quality=QUALITY, method=2)
