"""Made-up files in COCO's layout."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from drawbench.prompts.coco import ANNOTATIONS, IMAGES

Row = tuple[Any, Any, Any]  # annotation id, image id, caption


def content(images: Sequence[Any], annotations: Sequence[Row]) -> str:
    """JSON in COCO's captions format; image files are named `<id>.jpg`."""
    return json.dumps(
        {
            "images": [{"id": id_, "file_name": f"{id_}.jpg", "height": 6, "width": 8} for id_ in images],
            "annotations": [{"id": id_, "image_id": image, "caption": text} for id_, image, text in annotations],
        }
    )


def write(root: Path, text: str, name: Path = ANNOTATIONS) -> Path:
    """A root with this text as its captions file."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")
    return root


def many(root: Path) -> Path:
    """A root with 30 captions of 10 images and no image files."""
    return write(root, content(range(10), [(100 + n, n % 10, f"caption {n}") for n in range(30)]))


def draw(root: Path, names: Sequence[str], folder: Path = IMAGES, size: tuple[int, int] = (8, 6)) -> None:
    """Stand-in JPEGs of (width, height), each of another colour."""
    (root / folder).mkdir(exist_ok=True)
    for place, name in enumerate(names):
        Image.new("RGB", size, (place % 256, 80, 120)).save(root / folder / name, format="JPEG")
