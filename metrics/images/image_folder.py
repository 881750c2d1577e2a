"""The images of a folder, generated or references alike: one rule for each kind of file, and nothing unsaid."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from metrics.errors import MetricInputError
from metrics.images.decode import SUFFIXES

# Images too, by their names, but not read: a folder that holds one is refused, since without it the set is another.
UNREAD_SUFFIXES = (
    ".bmp",
    ".dib",
    ".gif",
    ".tif",
    ".tiff",
    ".avif",
    ".heic",
    ".heif",
    ".jp2",
    ".jxl",
    ".ppm",
    ".pgm",
    ".tga",
)
HIDDEN = "hidden"
BROKEN = "links to nothing"
LOOPING = "links to folders that are read anyway"
UNNAMED = "images without an image's suffix"
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
_TEXT_SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".html", ".yaml", ".yml", ".log", ".npz", ".npy")


@dataclass(frozen=True)
class ImageFolder:
    """images: in order of their paths. left_out: what else looks like an image, or leads to some, by why."""

    root: Path
    images: tuple[Path, ...]
    left_out: Mapping[str, tuple[Path, ...]]

    def notes(self) -> list[str]:
        """What was left out, counted and named."""
        return [f"{len(paths)} {why} left out ({self.named(paths)})" for why, paths in self.left_out.items()]

    def named(self, paths: Sequence[Path], most: int = 3) -> str:
        """The first few by their places in the folder."""
        return named_files(self.root, paths, most)


def named_files(root: Path, paths: Sequence[Path], most: int = 3) -> str:
    """The first few files by their places in a folder: `a.png, b/c.png, ...`."""
    shown = [path.relative_to(root).as_posix() for path in paths[:most]]
    return ", ".join(shown) + (", ..." if len(paths) > most else "")


def read_image_folder(root: Path) -> ImageFolder:
    """The PNG, JPEG and WebP files of a folder, by their names' suffixes, at any depth and through links to folders.

    Left out: whatever is hidden (a name that begins with a dot, such as `._x.png` and what `.ipynb_checkpoints` holds,
    or `__MACOSX`), links to nothing, links to folders that are read anyway, images without a suffix.
    Raises MetricInputError when a folder cannot be listed, and for images of other formats, naming the first.
    """
    images: list[Path] = []
    unread: list[Path] = []
    left_out: dict[str, list[Path]] = defaultdict(list)
    for path, hidden in _files(root, left_out):
        suffix = path.suffix.lower()
        if suffix not in (*SUFFIXES, *UNREAD_SUFFIXES):
            if not hidden and suffix not in _TEXT_SUFFIXES and _looks_like_an_image(path):
                left_out[UNNAMED].append(path)
        elif hidden:
            left_out[HIDDEN].append(path)
        elif not path.is_file():
            left_out[BROKEN].append(path)
        else:
            (images if suffix in SUFFIXES else unread).append(path)
    if unread:
        raise MetricInputError(
            f"{root} holds {len(unread)} images that are not PNG, JPEG or WebP ({named_files(root, sorted(unread))}): "
            "save them as PNG, or move them away"
        )
    return ImageFolder(root, tuple(sorted(images)), {why: tuple(sorted(left_out[why])) for why in sorted(left_out)})


def _files(root: Path, left_out: dict[str, list[Path]]) -> Iterator[tuple[Path, bool]]:
    """Every file, and whether it is hidden. A folder that links lead to twice is gone through once."""

    def fail(error: OSError) -> None:
        raise MetricInputError(f"{error.filename} cannot be read ({error.strerror}): make it readable") from error

    home = root.resolve()
    followed: set[Path] = set()
    for place, folders, files in os.walk(root, followlinks=True, onerror=fail):
        here = Path(place)
        for name in [name for name in folders if (here / name).is_symlink()]:
            target = (here / name).resolve()
            if target in followed or target == home or home in target.parents or target in home.parents:
                left_out[LOOPING].append(here / name)
                folders.remove(name)
            followed.add(target)
        folders.sort()
        for name in files:
            path = here / name
            yield path, any(part.startswith(".") or part == "__MACOSX" for part in path.relative_to(root).parts)


def _looks_like_an_image(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8).startswith(_SIGNATURES)
    except OSError:
        return False
