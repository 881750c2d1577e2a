"""Prompt sets from captions in the COCO format: annotations/captions_val2014.json beside a folder val2014 of images."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import PromptRow, PromptSet, build_prompt_set

ANNOTATIONS = Path("annotations") / "captions_val2014.json"
IMAGES = Path("val2014")
SAMPLED = 30_000  # as many captions as a zero-shot COCO evaluation takes


@dataclass(frozen=True)
class Caption:
    """One annotation: its id, the id of its image, and its cleaned text."""

    id: int
    image_id: int
    text: str


def load_coco(root: Path, n: int | None = None, seed: int = 0) -> PromptSet:
    """`n` captions of distinct images (default: 30,000, or all images where there are fewer), in the order of choice.

    Raises UserError when the captions are missing or broken, or describe fewer than `n` images.
    """
    captions = read_captions(root)
    images = len({caption.image_id for caption in captions})
    if n is not None and not 1 <= n <= images:
        raise UserError(f"{n} captions of distinct images are asked of {root / ANNOTATIONS}; ask for 1 to {images}")
    return _prompt_set("coco", choose(captions, min(SAMPLED, images) if n is None else n, seed), root)


def load_world() -> PromptSet:
    """The set `world`: every caption of the procedural world's held-out set, which is made on first use."""
    from reference_model.world.coco_set import ensure_world_set

    root = ensure_world_set()
    return _prompt_set("world", read_captions(root), root)


def choose(captions: Sequence[Caption], n: int, seed: int) -> list[Caption]:
    """The first `n` captions of distinct images in the order of the SHA-256 of the string `SEED:ANNOTATION_ID`.

    Both numbers are written in decimal, as in "0:2960". A smaller choice is the beginning of a larger one, whatever
    order the file has.
    """
    ordered = sorted(captions, key=lambda caption: hashlib.sha256(f"{seed}:{caption.id}".encode()).digest())
    by_image: dict[int, Caption] = {}
    for caption in ordered:
        by_image.setdefault(caption.image_id, caption)
    return list(by_image.values())[:n]


def read_captions(root: Path) -> list[Caption]:
    """All captions under `root`, in the order of the file, with line ends and runs of blanks made one blank.

    Raises UserError naming the file and, where it can, the annotation.
    """
    path = root / ANNOTATIONS
    content = _read_json(path)
    try:
        known = {int(image["id"]) for image in content["images"]}
        captions = [
            Caption(int(row["id"]), int(row["image_id"]), " ".join(row["caption"].split()))
            for row in content["annotations"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} is not in the COCO captions format ({type(error).__name__}: {error}); "
            "it needs images with id, and annotations with id, image_id and caption"
        ) from None
    if not captions:
        raise UserError(f"{path} holds no captions; give the complete file")
    for caption in captions:
        if caption.image_id not in known:
            raise UserError(f"annotation {caption.id} of {path} is of image {caption.image_id}, which it does not list")
        if not caption.text:
            raise UserError(f"annotation {caption.id} of {path} has an empty caption; correct or remove it")
    return captions


def _prompt_set(name: str, captions: Sequence[Caption], root: Path) -> PromptSet:
    rows = [PromptRow("", caption.text, f"annotation {caption.id}", str(caption.id)) for caption in captions]
    folder = root / IMAGES
    has_images = folder.is_dir() and next(folder.iterdir(), None) is not None
    return build_prompt_set(name, rows, str(root / ANNOTATIONS), folder if has_images else None)


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(
            f"the captions {path} cannot be read ({error.strerror}); "
            "give the folder that holds annotations/captions_val2014.json"
        ) from None
    except (ValueError, RecursionError):
        raise UserError(f"{path} is not valid JSON; fetch it again") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} is not in the COCO captions format; it must be one JSON object")
    return content
