"""Prompts that numbers tell, where counts leave one reading; and the order of the files, where that is asked for."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from drawbench.errors import UserError
from drawbench.models.folder.given import Given, Key, Match
from drawbench.models.folder.names import LAYERS
from drawbench.prompts.prompt_set import category_slug

ORDERS = ("prompt", "sample")
NUMBERED = re.compile(r"(?:([a-z]+)[-_ ]*)?(\d+)", re.IGNORECASE)
OF_PROMPTS, OF_SAMPLES = ("prompt", "p"), ("seed", "sample", "run", "iter", "batch", "s")


def by_category_number(given: Given) -> Match | None:
    """HPSv2's layout: a folder for each category, one image for each of its prompts, by number."""
    folders = _folders(given)
    slugs = {category_slug(category): prompts for category, prompts in given.by_category.items()}
    names = {folder: category_slug(folder.name) for folder in folders}
    if len(slugs) < 2 or sorted(names.values()) != sorted(slugs):
        return None
    images: dict[Key, Path] = {}
    for folder, files in folders.items():
        prompts, numbered = slugs[names[folder]], _numbered(files)
        if numbered is None or len(numbered) != len(prompts):
            return None
        images |= {(prompt_id, 0): path for prompt_id, path in zip(prompts, numbered, strict=True)}
    return Match("category and number", images, (), by_number=True)


def by_numbered_folders(given: Given) -> Match | None:
    """A folder for each prompt, or for each seed with an image of every prompt. Raises UserError for either."""
    folders = _folders(given)
    found = [NUMBERED.fullmatch(folder.name) for folder in folders]
    if not found or not all(found) or len({folder.parent for folder in folders}) > 1:
        return None
    words = {(match[1] or "").casefold() for match in found if match}
    numbers = [int(match[2]) for match in found if match]
    if len(words) > 1 or len(set(numbers)) < len(numbers):
        return None
    (word,), ids = words, list(given.prompts)
    in_order = [folders[folder] for _, folder in sorted(zip(numbers, folders, strict=True))]
    per_prompt = None if word in OF_SAMPLES or not _is_counting(numbers) else _per_prompt(ids, in_order)
    per_seed = None if word in OF_PROMPTS else _per_seed(ids, in_order)
    if per_prompt and per_seed:
        raise UserError(
            f"{given.root} has {len(folders)} folders of {len(in_order[0])} images for {len(ids)} prompts: they may be "
            "of prompts or of seeds; name them prompt_0 or seed_0 and so on."
        )
    return per_prompt or per_seed


def by_order(given: Given) -> Match:
    """The order of the files, when it is asked for: --set match=order, and order=prompt or order=sample."""
    n, prompts = len(given.files), list(given.prompts)
    samples, left = divmod(n, len(prompts))
    if left or not samples:
        raise UserError(
            f"{given.root} holds {n} images for {len(prompts)} prompts: by order there must be equally many for each, "
            "none missing and none besides."
        )
    order = given.settings.get("order", "")
    if samples > 1 and not order:
        raise UserError(
            f"{given.root} holds {samples} images for each prompt: say --set order=prompt where those of one prompt "
            "follow each other, --set order=sample where the first of every prompt come first."
        )
    sample_major = order == "sample" and samples > 1
    keys = (
        [(p, s) for s in range(samples) for p in prompts]
        if sample_major
        else [(p, s) for p in prompts for s in range(samples)]
    )
    # Without a word for the order of prompts, which is all that runs of old know.
    return Match("order", dict(zip(keys, given.files, strict=True)), (), {"order": "sample"} if sample_major else {})


def _per_prompt(ids: Sequence[str], folders: Sequence[Sequence[Path]]) -> Match | None:
    if len(folders) != len(ids) or len({len(files) for files in folders}) != 1:
        return None
    images = {(ids[at], sample): path for at, files in enumerate(folders) for sample, path in enumerate(files)}
    return Match("folder per prompt", images, (), by_number=True)


def _per_seed(ids: Sequence[str], folders: Sequence[Sequence[Path]]) -> Match | None:
    images: dict[Key, Path] = {}
    for sample, files in enumerate(folders):
        numbered = _numbered(files)
        if numbered is None or len(numbered) != len(ids):
            return None
        images |= {(prompt_id, sample): path for prompt_id, path in zip(ids, numbered, strict=True)}
    return Match("folder per seed", images, (), by_number=True)


def _folders(given: Given) -> Mapping[Path, list[Path]]:
    """The files of each folder, folders that tell nothing passed over; none where files lie in the root itself."""
    found: dict[Path, list[Path]] = defaultdict(list)
    for path in given.files:
        folder = path.parent
        while folder.name.casefold() in LAYERS and folder != given.root:
            folder = folder.parent
        found[folder].append(path)
    return {} if given.root in found else found


def _numbered(files: Sequence[Path]) -> list[Path] | None:
    """The files in the order of their numbers; None where these do not count from 0 or 1 without a gap."""
    found = [NUMBERED.fullmatch(path.stem) for path in files]
    numbers = [int(match[2]) for match in found if match]
    if len(numbers) < len(files) or not _is_counting(numbers):
        return None
    return [path for _, path in sorted(zip(numbers, files, strict=True))]


def _is_counting(numbers: Sequence[int]) -> bool:
    first = min(numbers)
    return first in (0, 1) and sorted(numbers) == list(range(first, first + len(numbers)))
