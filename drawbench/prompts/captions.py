"""Captions of images: reading them from files, cleaning them, and the published rule that chooses some of them."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drawbench.errors import UserError
from drawbench.prompts.files import column, read_file, table_records
from drawbench.prompts.people import has_people

SAMPLED = 30_000  # as many captions as a zero-shot COCO evaluation takes
LIST_SUFFIXES = (".csv", ".tsv")
SUFFIXES = (".json", *LIST_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption: its own id, the id of its image, and its cleaned text."""

    id: str
    image_id: int
    text: str


@dataclass(frozen=True, slots=True)
class ListedImage:
    """What a captions file says of an image. file_name: without folders, "" where it gives none. Pixels, or None."""

    file_name: str
    height: int | None = None
    width: int | None = None


@dataclass(frozen=True)
class CaptionFile:
    """A captions file, whole and checked: captions in the order of the file, and the images it lists, by id."""

    path: Path
    captions: tuple[Caption, ...]
    images: Mapping[int, ListedImage] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """Which captions are taken: `n` of distinct images by the rule of `choose` (None: 30,000, or all images where there
    are fewer). people: whether captions that speak of people stay; those that do not are left out afterwards."""

    n: int | None = None
    seed: int = 0
    people: bool = True


def clean(text: str) -> str:
    """Every run of white space (blanks, tabs, line ends, ...) made one blank, and none at the ends; nothing else."""
    return " ".join(text.split())


def choose(captions: Iterable[Caption], n: int, seed: int) -> list[Caption]:
    """The first `n` captions of distinct images in the order of the SHA-256 of the string `SEED:ANNOTATION_ID`.

    Both numbers are written in decimal, as in "0:2960". A smaller choice is the beginning of a larger one, whatever
    order the file has. Ids must be distinct.
    """
    ordered = sorted(captions, key=lambda caption: hashlib.sha256(f"{seed}:{caption.id}".encode()).digest())
    by_image: dict[int, Caption] = {}
    for caption in ordered:
        by_image.setdefault(caption.image_id, caption)
    return list(by_image.values())[:n]


def take(captions: Sequence[Caption], choice: Choice, source: str) -> list[Caption]:
    """The captions that `choice` asks for. Raises UserError when there are fewer images, or nothing is left."""
    images = len({caption.image_id for caption in captions})
    if choice.n is not None and not 1 <= choice.n <= images:
        raise UserError(f"{choice.n} captions of distinct images are asked of {source}; ask for 1 to {images}")
    chosen = choose(captions, min(SAMPLED, images) if choice.n is None else choice.n, choice.seed)
    return chosen if choice.people else without_people(chosen, source)


def without_people(captions: Sequence[Caption], source: str) -> list[Caption]:
    """Those without the paper's words for people, in order. Raises UserError when none is left."""
    kept = [caption for caption in captions if not has_people(caption.text)]
    if not kept:
        raise UserError(f"all {len(captions)} captions taken from {source} speak of people; leave out no-people")
    return kept


def read_caption_file(path: Path) -> CaptionFile:
    """A .json file in COCO's captions format, or a .csv or .tsv list with image_id and caption, and perhaps id and
    file_name (as MLPerf's lists have them). Raises UserError naming the file and, where it can, the row."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path} is not a captions file by its name; it must end in {', '.join(SUFFIXES)}")
    data = read_file(path, "the captions file")
    return _from_json(data, path) if suffix == ".json" else _from_list(data, suffix, path)


def _from_json(data: bytes, path: Path) -> CaptionFile:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise UserError(f"{path} is not valid JSON; fetch it again") from None
    rows = {name: content.get(name) if isinstance(content, dict) else None for name in ("images", "annotations")}
    for name, found in rows.items():
        if not isinstance(found, list):
            raise UserError(f"{path} is not in the COCO captions format: it has no list '{name}'; give a captions file")
    images: dict[int, ListedImage] = {}
    for place, row in enumerate(rows["images"] or [], start=1):
        where = f"image {place} of {path}"
        id_ = _whole_number(row, "id", where)
        if id_ in images:
            raise UserError(f"{where} has the id {id_}, as another one has; fetch the file again")
        name = row.get("file_name", "")
        if not isinstance(name, str) or Path(name).name != name:
            raise UserError(f"{where} has a file_name that is not one file's name; fetch the file again")
        images[id_] = ListedImage(name, _pixels(row.get("height")), _pixels(row.get("width")))
    captions = []
    for place, row in enumerate(rows["annotations"] or [], start=1):
        where = f"annotation {place} of {path}"
        text = row.get("caption") if isinstance(row, dict) else None
        if not isinstance(text, str):
            raise UserError(f"{where} has no text as its 'caption'; give a file in the COCO captions format")
        captions.append(
            Caption(str(_whole_number(row, "id", where)), _whole_number(row, "image_id", where), clean(text))
        )
    _check(captions, path, lambda caption: f"annotation {caption.id} of {path}")
    read = CaptionFile(path, tuple(captions), images)
    check_images(read, read)
    return read


def _from_list(data: bytes, suffix: str, path: Path) -> CaptionFile:
    captions, images = [], {}
    for where, record in table_records(data, suffix, str(path), ("image_id", "caption")):
        caption, name = _listed(where, record, path)
        captions.append(caption)
        if Path(name).name != name:
            raise UserError(f"{where} of {path} has a file_name with folders; give the name alone")
        images[caption.image_id] = ListedImage(name)
    _check(captions, path, lambda caption: f"the caption {caption.id} of {path}")
    return CaptionFile(path, tuple(captions), images)


def _listed(where: str, record: Mapping[str, object], path: Path) -> tuple[Caption, str]:
    """A row's caption, and its file_name or ""."""
    cells = {}
    for name in ("image_id", "caption", "id", "file_name"):
        found = column(list(record), (name,), where, str(path))
        cells[name] = str(record[found]).strip() if found is not None else ""
    for name in ("image_id", "id"):
        if not re.fullmatch(r"[0-9]{1,18}" if name == "image_id" else r"[0-9]{0,18}", cells[name]):
            raise UserError(f"{where} of {path} has {cells[name]!r} as its {name}; it must be a whole number")
    image_id = int(cells["image_id"])
    return Caption(str(int(cells["id"] or image_id)), image_id, clean(cells["caption"])), cells["file_name"]


def _check(captions: Sequence[Caption], path: Path, named: Callable[[Caption], str]) -> None:
    """Refuse what would make the choice depend on more than the set of captions."""
    if not captions:
        raise UserError(f"{path} holds no captions; give the complete file")
    seen: set[str] = set()
    for caption in captions:
        if not caption.text:
            raise UserError(f"{named(caption)} is empty; correct or remove it")
        if caption.id in seen:
            raise UserError(f"{named(caption)} is there twice; ids must be unique, so fetch or correct the file")
        seen.add(caption.id)


def check_images(captions: CaptionFile, listed: CaptionFile) -> None:
    """Raises UserError where a caption is of an image that the file `listed` does not list."""
    for caption in captions.captions:
        if caption.image_id not in listed.images:
            raise UserError(
                f"caption {caption.id} of {captions.path} is of image {caption.image_id}, which {listed.path} does not "
                "list; correct it, or give the files that belong together"
            )


def _whole_number(row: Any, name: str, where: str) -> int:
    value = row.get(name) if isinstance(row, dict) else None
    if type(value) is not int or value < 0:  # a bool is no number here
        raise UserError(f"{where} has no whole number as its '{name}'; give a file in the COCO captions format")
    return value


def _pixels(value: object) -> int | None:
    return value if type(value) is int else None


def to_list(captions: Iterable[Caption]) -> str:
    """The captions as a .csv list that `read_caption_file` reads back: id, image_id, caption."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("id", "image_id", "caption"))
    writer.writerows((caption.id, caption.image_id, caption.text) for caption in captions)
    return buffer.getvalue()
