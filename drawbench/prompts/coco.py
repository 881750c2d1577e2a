"""Prompt sets from COCO's official files: annotations/captions_val2014.json beside val2014/, or those of 2017."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from drawbench.errors import UserError
from drawbench.prompts.captions import (
    LIST_SUFFIXES,
    SUFFIXES,
    Caption,
    CaptionFile,
    Choice,
    ListedImage,
    check_images,
    read_caption_file,
    take,
    without_people,
)
from drawbench.prompts.prompt_set import PromptRow, PromptSet, build_prompt_set, shown
from drawbench.prompts.set_options import CHOICE, choice_of, split_options

OPTIONS = (*CHOICE, "year", "captions")
# As in metrics, which this module does without: it loads numpy.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp")


@dataclass(frozen=True)
class CocoRelease:
    """Where the official files of one year lie under a root, and what is published about them. md5: "" when unknown."""

    year: str
    set_name: str
    image_name: str  # of an image id
    listed: int  # images
    captions_md5: str

    @property
    def annotations(self) -> Path:
        """The captions file."""
        return Path("annotations") / f"captions_val{self.year}.json"

    @property
    def images(self) -> Path:
        """The folder of images."""
        return Path(f"val{self.year}")


RELEASES = (
    CocoRelease("2014", "coco", "COCO_val2014_{:012d}.jpg", 40_504, "41a3e90178948b2ba004175080277e35"),
    CocoRelease("2017", "coco2017", "{:012d}.jpg", 5_000, ""),
)
ANNOTATIONS = RELEASES[0].annotations
IMAGES = RELEASES[0].images


@dataclass(frozen=True)
class CocoSource:
    """The captions of a set as they were found. root: where the images are; None for a file on its own."""

    name: str
    file: CaptionFile
    in_order: bool  # a list is somebody's choice already, and is taken as it is unless a choice is asked for
    root: Path | None
    release: CocoRelease
    images: Mapping[int, ListedImage]  # what the folder of images must hold


def load_coco_spec(text: str) -> PromptSet:
    """The set that `coco:TEXT` names: a root or a captions file, with options after commas."""
    path, options = split_options(text, OPTIONS)
    captions = options.get("captions")
    return load_coco(
        given_path(path),
        choice_of(options, f"coco:{text}"),
        year=options.get("year"),
        captions=given_path(captions) if captions else None,
    )


def load_coco(
    path: Path, choice: Choice | None = None, *, year: str | None = None, captions: Path | None = None
) -> PromptSet:
    """Captions of distinct images in the order of choice, with the whole folder of images as references if it is there.

    path: a root in COCO's layout, or a captions file. captions: a captions file to take instead of the root's.
    Captions without people bring no references, because the folder shows people.
    Raises UserError when captions are missing or broken, or describe fewer images than asked for, and when the folder
    of images holds a part of them only.
    """
    source = find_captions(path, year, captions)
    choice = choice or Choice()
    folder = reference_folder(source) if choice.people else None
    chosen = chosen_captions(source, choice)
    name = source.name if choice.people else f"{source.name}-no-people"
    return caption_prompt_set(name, chosen, source.file.path, folder)


def load_world() -> PromptSet:
    """The set `world`: every caption of the procedural world's held-out set, which is made on first use."""
    from reference_model.world.coco_set import ensure_world_set

    source = find_captions(ensure_world_set())
    return caption_prompt_set("world", source.file.captions, source.file.path, reference_folder(source))


def find_captions(path: Path, year: str | None = None, captions: Path | None = None) -> CocoSource:
    """The captions under a root, or in a file. Raises UserError when there are none, or they are broken."""
    if path.is_file() or (path.suffix.lower() in SUFFIXES and not path.is_dir()):
        if captions is not None or year is not None:
            raise UserError(
                f"{path} is a captions file; the options captions and year belong to a root of COCO's files"
            )
        file = read_caption_file(path)
        return CocoSource(_name(path), file, _is_list(path), None, RELEASES[0], file.images)
    release = _release(path, year, captions)
    own = path / release.annotations
    if captions is None:
        file = read_caption_file(own)
        return CocoSource(release.set_name, file, False, path, release, file.images)
    file = read_caption_file(captions)
    if own.is_file():
        official = read_caption_file(own)
        check_images(file, official)
        return CocoSource(_name(captions), file, _is_list(captions), path, release, official.images)
    return CocoSource(_name(captions), file, _is_list(captions), path, release, file.images)


def chosen_captions(source: CocoSource, choice: Choice) -> list[Caption]:
    """The captions that are taken, in order."""
    where = str(source.file.path)
    if source.in_order and choice.n is None and choice.seed == 0:
        return list(source.file.captions) if choice.people else without_people(source.file.captions, where)
    return take(source.file.captions, choice, where)


def reference_folder(source: CocoSource) -> Path | None:
    """The folder of images, or None where there is none. Raises UserError where it holds a part of them only: a
    distance to a part looks right and is wrong."""
    if source.root is None:
        return None
    folder = source.root / source.release.images
    there = images_in(folder)
    if not there:
        return None
    missing = [name for name in expected_names(source) if name not in there]
    if missing:
        raise UserError(
            f"{folder} lacks {len(missing)} of the {len(source.images)} images that belong to {source.file.path} "
            f"(first: {missing[0]}); complete it, or move it away to go without reference images"
        )
    return folder


def expected_names(source: CocoSource) -> list[str]:
    """The file names of the images that the folder must hold; where the list gives none, the official name."""
    return [image.file_name or source.release.image_name.format(id_) for id_, image in source.images.items()]


def images_in(folder: Path) -> set[str]:
    """The names of the images in a folder, not deeper; empty when there is no folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.name.lower().endswith(IMAGE_SUFFIXES)}
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise UserError(f"the folder of images {folder} cannot be read ({error.strerror}); make it readable") from None


def read_captions(root: Path) -> list[Caption]:
    """All captions under a root, in the order of the file. Raises UserError when there are none, or they are broken."""
    return list(find_captions(root).file.captions)


def caption_prompt_set(
    name: str, captions: list[Caption] | tuple[Caption, ...], path: Path, references: Path | None
) -> PromptSet:
    """The captions as prompts: their ids are the annotations' ids."""
    rows = [PromptRow("", caption.text, f"annotation {caption.id}", caption.id) for caption in captions]
    built = build_prompt_set(name, rows, str(path), references)
    return replace(built, image_ids={caption.id: caption.image_id for caption in captions})


def expanded(text: str) -> Path:
    """A path as it was typed; `~` is the home folder."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # the home folder of nobody
        return Path(text)


def given_path(text: str) -> Path:
    """`expanded`, refused where it can be no path (too long) or cannot be looked at."""
    path = expanded(text)
    try:
        path.exists()
    except OSError as error:
        raise UserError(f"{shown(text)} cannot be opened ({error.strerror}); give another path") from None
    return path


def _release(root: Path, year: str | None, captions: Path | None) -> CocoRelease:
    if year is not None:
        found = [release for release in RELEASES if release.year == year]
        if not found:
            raise UserError(f"there is no COCO validation set of the year {year} here; use {_years(' or ')}")
        return found[0]
    parts = [release for release in RELEASES if (root / release.annotations).exists()]
    if not parts and captions is not None:
        parts = [release for release in RELEASES if (root / release.images).is_dir()]
    if parts:
        return parts[0]
    if not root.is_dir():
        raise UserError(f"there is no folder {root}; give the folder that holds {ANNOTATIONS} and {IMAGES}")
    if captions is not None:
        raise UserError(f"{root} has none of the folders val{_years(', val')}; give the root of COCO's files")
    raise UserError(
        f"{root} has no {ANNOTATIONS}, nor that of 2017; give the folder that holds it, or a captions file itself"
    )


def _years(between: str) -> str:
    return between.join(release.year for release in RELEASES)


def _is_list(path: Path) -> bool:
    return path.suffix.lower() in LIST_SUFFIXES


def _name(path: Path) -> str:
    """A file under an official name is the official set; another one goes by its own name."""
    for release in RELEASES:
        if path.name == release.annotations.name:
            return release.set_name
    return f"coco-{path.stem.removeprefix('captions_')}"
