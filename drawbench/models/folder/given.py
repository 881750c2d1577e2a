"""What every rule of matching is given, and what it answers with."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from drawbench.errors import UserError
from drawbench.interface import Identified, Sample, Setting

Key = tuple[str, int]  # prompt id, sample
Prompted = Identified | Sample  # both have a category and a text


@dataclass(frozen=True)
class Given:
    """files: the folder's images, numbers in their names by value. prompts: by id, the whole set in its order.

    image_ids: of the images that captions are of (COCO), by prompt id. settings: what was asked with --set.
    """

    root: Path
    files: Sequence[Path]
    prompts: Mapping[str, Prompted]
    image_ids: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_category(self) -> dict[str, list[str]]:
        """The prompts' ids of each category, in order."""
        found: dict[str, list[str]] = defaultdict(list)
        for prompt_id, prompt in self.prompts.items():
            found[prompt.category].append(prompt_id)
        return found

    def place(self, path: Path) -> Path:
        """A file's path inside the folder."""
        return path.relative_to(self.root)


@dataclass(frozen=True)
class Match:
    """rule: as the model card has it. images: the file of each sample. unmatched: files without a prompt.

    settings: what else the card must hold, because it decides which image meets which prompt. by_number: whether the
    prompts were found by counting, which goes into the note of every score.
    """

    rule: str
    images: Mapping[Key, Path]
    unmatched: tuple[Path, ...]
    settings: Mapping[str, Setting] = field(default_factory=dict)
    by_number: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether every file met a prompt."""
        return bool(self.images) and not self.unmatched


Rule = Callable[[Given], Match | None]  # None where the rule says nothing of such a folder


@dataclass(frozen=True)
class Claim:
    """What one file says: whose it is, and the number it gives the sample; None for no number."""

    path: Path
    prompt_id: str
    number: int | None


def matched(rule: str, given: Given, claims: Sequence[Claim], literally: bool = False) -> Match | None:
    """The match that claims make: the numbers of a prompt's files, whatever they begin with, become samples from 0.

    literally: numbers are the samples already. None without a claim. Raises UserError where two files claim one sample.
    """
    by_prompt: dict[str, dict[int, Path]] = defaultdict(dict)
    for claim in claims:
        mine, number = by_prompt[claim.prompt_id], claim.number or 0
        if number in mine:
            raise UserError(f"{mine[number]} and {claim.path} are both {claim.prompt_id} sample {number}: keep one.")
        mine[number] = claim.path
    if not by_prompt:
        return None
    numbers = sorted({number for mine in by_prompt.values() for number in mine})
    common = len(numbers) == max(len(mine) for mine in by_prompt.values())  # else a counter over the whole folder
    images = {
        (prompt_id, number if literally else numbers.index(number) if common else rank): mine[number]
        for prompt_id, mine in by_prompt.items()
        for rank, number in enumerate(sorted(mine))
    }
    met = set(images.values())
    return Match(rule, images, tuple(path for path in given.files if path not in met))


def two_prompts(path: Path, one: Key, other: Key) -> UserError:
    """One name for two prompts."""
    return UserError(
        f"{path} could be {one[0]} sample {one[1]} or {other[0]} sample {other[1]}: "
        f"name the files by prompt id, as in {one[0]}-{one[1]}.png."
    )


def pairs_sha256(images: Mapping[Key, Path], root: Path) -> str:
    """A digest of which file meets which sample, where more than names decides it."""
    lines = (f"{key[0]}\t{key[1]}\t{path.relative_to(root).as_posix()}\n" for key, path in sorted(images.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
