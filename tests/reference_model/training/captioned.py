"""Small sources of images with captions, in every form that is read."""

import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import datasets
import numpy as np
from PIL import Image


def jpeg(number: int, side: int = 80) -> bytes:
    """A wide image of its own: noise, and so unlike any other."""
    pixels = np.random.default_rng(number).integers(0, 255, (side, side + 8, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG")
    return content.getvalue()


def caption(number: int) -> str:
    return f"a red cup {chr(97 + number)}"


def shards(folder: Path, contents: Sequence[bytes], each: int = 6, captions: Sequence[str] | None = None) -> str:
    """WebDataset's tar files in a folder; returns their pattern."""
    folder.mkdir()
    texts = captions or [caption(number) for number in range(len(contents))]
    for first in range(0, len(contents), each):
        with tarfile.open(folder / f"{first // each:05}.tar", "w") as tar:
            for number in range(first, min(first + each, len(contents))):
                for ending, content in (("jpg", contents[number]), ("txt", texts[number].encode())):
                    member = tarfile.TarInfo(f"{number:04}.{ending}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))
    return f"{folder}/{{00000..{(len(contents) - 1) // each:05}}}.tar"


def saved(folder: Path, contents: Sequence[bytes]) -> str:
    _table(contents).save_to_disk(folder)
    return str(folder)


def saved_splits(folder: Path, contents: Sequence[bytes]) -> str:
    datasets.DatasetDict(train=_table(contents), test=_table(contents[:1])).save_to_disk(folder)
    return str(folder)


def parquet(folder: Path, contents: Sequence[bytes]) -> str:
    folder.mkdir()
    half = len(contents) // 2
    table = _table(contents)
    table.select(range(half)).to_parquet(folder / "0.parquet")
    table.select(range(half, len(contents))).to_parquet(folder / "1.parquet")
    return str(folder)


def image_folder(folder: Path, contents: Sequence[bytes]) -> str:
    folder.mkdir()
    rows = ["file_name,text"]
    for number, content in enumerate(contents):
        (folder / f"{number:04}.jpg").write_bytes(content)
        rows.append(f"{number:04}.jpg,{caption(number)}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return str(folder)


FORMS: dict[str, Callable[[Path, Sequence[bytes]], str]] = {
    "tar": shards,
    "saved": saved,
    "saved splits": saved_splits,
    "parquet": parquet,
    "folder": image_folder,
}


def _table(contents: Sequence[bytes]) -> datasets.Dataset:
    rows = {
        "image": [{"bytes": content, "path": None} for content in contents],
        "text": [caption(number) for number in range(len(contents))],
    }
    return datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image())
