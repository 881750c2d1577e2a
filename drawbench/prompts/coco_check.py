"""Whether the files under a COCO root are the official ones, whole and readable, and what can be run with them."""

import hashlib
import shlex
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.prompts.captions import SAMPLED, ListedImage
from drawbench.prompts.coco import CocoSource, expected_names, find_captions, images_in, reference_folder
from metrics.errors import MetricInputError
from metrics.images.decode import pixel_hash, read_image

TOGETHER = 256  # files dealt to the threads at a time
LARGEST = 64 * 2**20  # bytes; COCO's JPEGs are below one MB


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: a sentence, and the files it is about."""

    what: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class CocoCheck:
    """What was found under a root.

    pixels_sha256: over all images of the folder as a reference set; "" unless every image was read.
    possible: what can be run, one line each.
    """

    root: str
    captions_file: str
    captions_md5: str
    captions: int
    images_listed: int
    images_there: int
    images_read: int
    pixels_sha256: str
    problems: tuple[Problem, ...]
    possible: tuple[str, ...]


def check_root(root: Path, year: str | None, digests: bool, progress: Progress) -> CocoCheck:
    """Verify captions, counts and names, and with `digests` that every image decodes and has its listed size.

    Raises UserError when there are no captions that could be read at all.
    """
    source = find_captions(root, year)
    if source.root is None:
        raise UserError(f"{root} is a captions file; give the folder that holds annotations/ and the images")
    folder = source.root / source.release.images
    there = images_in(folder)
    problems, md5 = _captions_problems(source)
    listed = dict(zip(expected_names(source), source.images.values(), strict=True))
    problems += _name_problems(source, there, folder)
    empty = sorted(name for name in there if _is_empty(folder / name))
    if empty:
        problems.append(
            Problem(f"{len(empty)} files of {folder} are empty or cannot be opened; fetch them again", tuple(empty))
        )
    hashes: list[str] = []
    if digests and there:
        hashes, unreadable, odd = _read_all(folder, sorted(there - set(empty)), listed, progress)
        if unreadable:
            what = f"{len(unreadable)} files of {folder} are truncated or no images; fetch them again"
            problems.append(Problem(what, tuple(unreadable)))
        if odd:
            what = f"{len(odd)} images of {folder} have another size than the captions file says; use the originals"
            problems.append(Problem(what, tuple(odd)))
    whole = len(hashes) == len(there) > 0
    return CocoCheck(
        root=str(root),
        captions_file=str(source.file.path),
        captions_md5=md5,
        captions=len(source.file.captions),
        images_listed=len(source.images),
        images_there=len(there),
        images_read=len(hashes),
        pixels_sha256=hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest() if whole else "",
        problems=tuple(problems),
        possible=tuple(_possible(source, not problems)),
    )


def _captions_problems(source: CocoSource) -> tuple[list[Problem], str]:
    """What differs from the official captions, and the file's md5."""
    release, path = source.release, source.file.path
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    problems = []
    if release.captions_md5 and md5 != release.captions_md5:
        what = f"{path} is not the official file: its md5 is {md5}, and not {release.captions_md5}; fetch it again"
        problems.append(Problem(what, (path.name,)))
    if len(source.images) != release.listed:
        what = f"{path} lists {len(source.images)} images, and the official one {release.listed}; fetch it again"
        problems.append(Problem(what, (path.name,)))
    return problems, md5


def _name_problems(source: CocoSource, there: set[str], folder: Path) -> list[Problem]:
    if not there:
        return [Problem(f"there are no images in {folder}; unpack them there, for distances")]
    expected = set(expected_names(source))
    missing, extra = sorted(expected - there), sorted(there - expected)
    problems = []
    if missing:
        problems.append(Problem(f"{folder} lacks {len(missing)} of {len(expected)} images", tuple(missing)))
    if extra:
        what = f"{folder} has {len(extra)} images that {source.file.path.name} does not list; move them away"
        problems.append(Problem(what, tuple(extra)))
    return problems


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return True


def _read_all(
    folder: Path, names: Sequence[str], listed: dict[str, ListedImage], progress: Progress
) -> tuple[list[str], list[str], list[str]]:
    """Pixel hashes of the images that decode; the names of those that do not; those of another size than listed."""
    hashes, unreadable, odd = [], [], []
    with progress.counted("reading", 0, len(names)), ThreadPoolExecutor() as pool:  # decoding releases the lock
        for start in range(0, len(names), TOGETHER):
            part = names[start : start + TOGETHER]
            for name, found in zip(part, pool.map(lambda name: _read(folder / name), part), strict=True):
                if isinstance(found, str):
                    unreadable.append(f"{name} ({found})")
                    continue
                digest, height, width = found
                hashes.append(digest)
                image = listed.get(name)
                if image and image.height and image.width and (image.height, image.width) != (height, width):
                    odd.append(f"{name} ({width}x{height} instead of {image.width}x{image.height})")
            progress.advance(len(part))
    return hashes, unreadable, odd


def _read(path: Path) -> tuple[str, int, int] | str:
    """Hash, height and width; or why it cannot be read. Only these leave the thread, so memory stays bounded."""
    try:
        if path.stat().st_size > LARGEST:
            return "too large to be an image of COCO"
        pixels = read_image(path)
    except MetricInputError as error:
        return str(error).removeprefix(f"{path} ").removesuffix(": make this image again")
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return pixel_hash(pixels), pixels.shape[0], pixels.shape[1]


def _possible(source: CocoSource, official: bool) -> Iterator[str]:
    """What the files make possible as they are."""
    spec, listed = f"coco:{source.root}", len(source.images)
    n = min(SAMPLED, len({caption.image_id for caption in source.file.captions}))
    try:
        folder = reference_folder(source)
    except UserError:
        yield f"{spec}: nothing until the images are complete or moved away"
        return
    if folder is None:
        yield f"{spec}: CLIP scores of {n} captions, no distances"
        return
    kind = "" if official else ", not comparable with COCO's until what is wrong is put right"
    yield f"{spec}: CLIP scores of {n} captions, distances to {listed} images{kind}"
    if n < SAMPLED:
        yield f"FID-30K: no, it takes {SAMPLED} captions and there are {n}"
    elif official and source.release.year == "2014":
        yield f"FID-30K: drawbench run --model SPEC --prompts {shlex.quote(spec)} --protocol imagen"
