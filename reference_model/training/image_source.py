"""Images with captions from wherever `datasets` reads them, as streams that stop and go on at the same example.

A source is dealt to a fixed number of streams. Each is endless, and shuffles blocks of what it reads: its order depends
on source, seed and its number alone, and not on the rank that reads it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from reference_model.errors import ReferenceModelError

if TYPE_CHECKING:
    from datasets import IterableDataset

IMAGE_COLUMNS = ("image", "jpg", "jpeg", "png", "webp")
CAPTION_COLUMNS = ("caption", "text", "txt", "TEXT", "prompt")
BLOCK = 512  # examples that a stream shuffles together
BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


@dataclass(frozen=True)
class ImageSource:
    """A saved dataset, parquet files, tar files in WebDataset's layout, a folder of images, or a name on the hub.

    spec: a path, a pattern with `*` or `{00000..00099}`, a URL, or a name. The columns are found by their usual names.
    """

    spec: str
    image_column: str | None = None
    caption_column: str | None = None

    def part(
        self, number: int = 0, count: int = 1, columns: tuple[str, ...] = ("image", "caption")
    ) -> "IterableDataset":
        """Part `number` of `count`, once, with these columns; images as they are in the files.

        Raises ReferenceModelError for what is no such source.
        """
        from datasets import Image

        try:
            dataset = _opened(self.spec, number, count)
        except ReferenceModelError:
            raise
        except Exception as error:  # datasets raises many kinds, of its own and of file systems
            raise ReferenceModelError(f"{self.spec} cannot be read as images with captions: {_line(error)}") from error
        found = list(dataset.column_names or ())
        names = {"image": self.image_column, "caption": self.caption_column}
        for column, usual in (("image", IMAGE_COLUMNS), ("caption", CAPTION_COLUMNS)):
            names[column] = names[column] or next((name for name in usual if name in found), None)
            if names[column] not in found:
                among = f"among {', '.join(found)}: name it with --{column}-column"
                raise ReferenceModelError(f"{self.spec} has no column with the {column}s {among}")
        dataset = dataset.cast_column(names["image"], Image(decode=False))
        dataset = dataset.select_columns([names[column] for column in columns])
        return dataset.rename_columns({names[column]: column for column in columns if names[column] != column})


@dataclass(frozen=True)
class Drawn:
    """An example as a stream gives it. random: its own, for crops."""

    content: bytes | None
    caption: Any
    random: Random


class Stream:
    """One of `count` parts of a source, again and again, `epoch` times so far. Raises ReferenceModelError if empty."""

    def __init__(self, source: ImageSource, number: int, count: int, seed: str) -> None:
        self.name = f"{source.spec} {number}/{count}"
        self._source, self._number, self._count, self._seed = source, number, count, seed
        self.epoch, self._block, self._used = 0, 0, 0
        self._at: dict[str, Any] | None = None  # where the block begins, as `datasets` says it; None is the beginning
        self._drawn: Iterator[Drawn] | None = None

    def position(self) -> dict[str, Any]:
        """Where the stream is; it can be taken between any two examples."""
        return {"epoch": self.epoch, "block": self._block, "used": self._used, "at": self._at}

    def go_to(self, position: dict[str, Any]) -> None:
        self.epoch, self._block, self._used = position["epoch"], position["block"], position["used"]
        self._at, self._drawn = position["at"], None

    def __next__(self) -> Drawn:
        if self._drawn is None:
            self._drawn = self._from_here()
        return next(self._drawn)

    def __iter__(self) -> "Stream":
        return self

    def _from_here(self) -> Iterator[Drawn]:
        while True:
            part = self._source.part(self._number, self._count)
            if self._at is not None:
                part.load_state_dict(self._at)
            rows = iter(part)
            while block := self._read(rows):
                after = part.state_dict()
                seed = f"{self._seed}/{self._number}/{self.epoch}/{self._block}"
                Random(seed).shuffle(block)
                while self._used < len(block):
                    row, random = block[self._used], Random(f"{seed}/{self._used}")
                    self._used += 1
                    yield Drawn(content_of(row["image"]), row["caption"], random)
                self._block, self._used, self._at = self._block + 1, 0, after
            if self._block == 0:
                raise ReferenceModelError(
                    f"{self._source.spec} has fewer examples than a step batches ({self._count}): lower --accumulate"
                )
            self.epoch, self._block, self._used, self._at = self.epoch + 1, 0, 0, None

    def _read(self, rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            return list(islice(rows, BLOCK))
        except Exception as error:  # of files, archives and networks
            raise ReferenceModelError(
                f"{self._source.spec} cannot be read to its end: {_line(error)}; mend it, or leave out the broken file"
            ) from error


def content_of(image: dict[str, Any] | None) -> bytes | None:
    """The bytes of an image that `datasets` has not decoded; None where there are none."""
    if not image:
        return None
    if image.get("bytes") is not None:
        return bytes(image["bytes"])
    try:
        return Path(image["path"]).read_bytes()
    except (OSError, TypeError, KeyError):
        return None


def _opened(spec: str, number: int, count: int) -> "IterableDataset":
    from datasets import load_dataset, load_from_disk
    from datasets.distributed import split_dataset_by_node

    path = Path(spec)
    for ending, kind in ((".tar", "webdataset"), (".parquet", "parquet")):
        files = sorted(map(str, path.glob(f"*{ending}"))) if path.is_dir() else _files(spec, ending)
        Random(0).shuffle(files)  # in an order of chance that is always the same
        if len(files) >= count:  # each file is read for one part only
            return load_dataset(kind, data_files=files[number::count], split="train", streaming=True)
        if files:
            return split_dataset_by_node(
                load_dataset(kind, data_files=files, split="train", streaming=True), number, count
            )
    if path.is_dir():
        if (path / "dataset_dict.json").is_file():
            dataset = load_from_disk(spec)["train"]
        elif (path / "state.json").is_file():
            dataset = load_from_disk(spec)
        else:
            dataset = load_dataset("imagefolder", data_dir=spec, split="train")
        return dataset.shuffle(seed=0).shard(count, number).to_iterable_dataset()
    if path.is_absolute() or "*" in spec or "://" in spec or spec.startswith("."):
        raise ReferenceModelError(f"{spec} is not there, or holds no tar, parquet or image files: check the path")
    return split_dataset_by_node(load_dataset(spec, split="train", streaming=True), number, count)


def _files(pattern: str, ending: str) -> list[str]:
    """Files or URLs of a pattern; none where it ends otherwise. Raises ReferenceModelError where it matches none."""
    if not pattern.partition("?")[0].endswith(ending):
        return []
    names = _unfolded(pattern)
    if "://" not in pattern:
        names = [name for each in names for name in sorted(glob(each))]  # noqa: PTH207  # may be absolute
        if not names:
            raise ReferenceModelError(f"{pattern} matches no file: check the path")
    return names


def _unfolded(pattern: str) -> list[str]:
    """`a{00..02}` as `a00`, `a01`, `a02`."""
    match = BRACES.search(pattern)
    if match is None:
        return [pattern]
    first, last = match.groups()
    numbers = (str(number).zfill(len(first)) for number in range(int(first), int(last) + 1))
    return [
        name for number in numbers for name in _unfolded(pattern[: match.start()] + number + pattern[match.end() :])
    ]


def _line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
