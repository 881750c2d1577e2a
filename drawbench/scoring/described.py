"""Which reference image each prompt was written for, where the references lie as COCO's do, beside their captions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drawbench.interface import Sample
from drawbench.prompts.coco import RELEASES, CocoSource, expected_names, find_captions

Described = dict[tuple[str, str], int]  # (id of a prompt, its text) -> row of a reference


def described_images(folder: Path, images: Sequence[Path]) -> Described:
    """For every caption, the row of its image among `images`; empty where nothing tells.

    A prompt's id is that of its annotation, or of its image where a list of captions has no other. Raises UserError for
    a captions file beside the folder that cannot be read.
    """
    source = _captions_beside(folder)
    if source is None:
        return {}
    row = {path.name: number for number, path in enumerate(images) if path.parent == folder}
    row_of = {id_: row.get(name, -1) for id_, name in zip(source.images, expected_names(source), strict=True)}
    captions = [caption for caption in source.file.captions if row_of[caption.image_id] >= 0]
    by_image: Described = {(str(each.image_id), each.text): row_of[each.image_id] for each in captions}
    return by_image | {(each.id, each.text): row_of[each.image_id] for each in captions}


def prompt_references(prompts: Sequence[Sample], described: Described) -> np.ndarray:
    """For each prompt the row of its reference, -1 for none, (n,); empty where no prompt has one."""
    rows = np.array([described.get((prompt.prompt_id, prompt.text), -1) for prompt in prompts], dtype=np.int64)
    return rows if (rows >= 0).any() else rows[:0]


def _captions_beside(folder: Path) -> CocoSource | None:
    root = folder.absolute().parent
    for release in RELEASES:
        if folder.absolute().name == release.images.name and (root / release.annotations).is_file():
            return find_captions(root, release.year)
    return None
