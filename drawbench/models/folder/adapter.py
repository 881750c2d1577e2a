"""`folder:DIR`: images that somebody already made, matched to prompts and read strictly; nothing is resized.

Tar files are read as the folder that they hold.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Prompts, Refused, Sample, Setting, Sources, TextToImage
from drawbench.models.folder.given import Given, Key, Match, Prompted
from drawbench.models.folder.layouts import ORDERS
from drawbench.models.folder.matching import CHOICES, check_settings, choose, lacking, unmatched_words
from drawbench.models.folder.shards import Unpacked, shards_of
from drawbench.models.folder.tables import sample_of
from drawbench.runs.directory import MANIFEST, REFUSED, read_manifest, rows_of
from metrics.features.weights import file_sha256
from metrics.images.decode import SUFFIXES, read_image
from metrics.images.facts import facts_notes, facts_of
from metrics.images.image_folder import ImageFolder, read_image_folder

SETTINGS = MappingProxyType(
    {
        "name": "the folder's: what tables show",
        "match": f"the first that fits: a rule of matching, {', '.join(CHOICES)}",
        "order": f"none: with match=order, {' or '.join(ORDERS)}",
    }
)
DIGITS = frozenset("0123456789")
GRID, SAMPLES = "grid.png", "samples"  # GenEval's overview of a prompt's images, beside the folder that holds them


class FolderAdapter(TextToImage):
    """Serves the images of a folder; `matching` says how they meet prompts. Of a run, its refusals count too."""

    known_settings = SETTINGS

    def __init__(self, argument: str | None, settings: dict[str, str], device: str) -> None:
        """`settings` may hold `name`, what tables show, and `match` and `order`, which ask for a rule of matching.

        Raises UserError when the folder is no folder of images.
        """
        if not argument:
            raise UserError("the model 'folder' needs a directory of images: write folder:DIR.")
        unknown = sorted(set(settings) - set(SETTINGS))
        if unknown:
            raise UserError(f"folder has no setting '{unknown[0]}': its settings are {', '.join(SETTINGS)}.")
        check_settings(settings)
        self._settings = settings
        self.folder = Path(argument).expanduser()
        shards = shards_of(argument)
        if not self.folder.is_dir() and shards is None:
            raise UserError(
                f"{self.folder} is not a directory: name the folder that holds the images, or a .tar file that is not "
                "compressed."
            )
        self._root = self.folder / "images" if (self.folder / MANIFEST).is_file() else self.folder
        beside = shards is not None and self.folder.is_dir() and bool(read_image_folder(self.folder).images)
        self._tars_beside = len(shards.files) if shards and beside else 0
        self._unpacked = Unpacked(shards) if shards and not beside else None
        if self._unpacked:
            self._root = self._unpacked.root
        if not self._files:
            raise UserError(f"{self._root} holds no images ({', '.join(SUFFIXES)}): name the folder that holds them.")
        self._name = settings.get("name") or (shards.name if shards and not beside else self.folder.resolve().name)
        self._prompts: Mapping[str, Prompted] = {}
        self._image_ids: Mapping[str, int] = {}
        self._match: Match | None = None
        self.device = "none"

    def card(self) -> ModelCard:
        """The folder by its name and by the content of its files: other images make another plan."""
        match = self._match
        settings: dict[str, Setting] = {"matched_by": match.rule, **match.settings} if match else {"matched_by": ""}
        return ModelCard(
            adapter="folder", spec=self._name, name=self._name, revision=self._content_hash, settings=settings
        )

    @property
    def native_size(self) -> int:
        """The side of the first image in pixels; `check_plan` asks it of all. Raises UserError when not square."""
        height, width = read_image(self._files[0]).shape[:2]
        if height != width:
            raise UserError(
                f"{self._files[0]} is {width}x{height} px: images must be square, so crop them to one size first."
            )
        return height

    def take_prompt_set(self, prompt_set: Prompts) -> None:
        """The whole set: a run of a part of it must not read numbers as if there were no more prompts."""
        self._prompts = {prompt.id: prompt for prompt in prompt_set.prompts}
        self._image_ids = prompt_set.image_ids

    def held_samples(self, prompt_set: Prompts) -> int:
        """How many images per prompt the folder seems to hold; `check_plan` then names every one that is missing."""
        self.take_prompt_set(prompt_set)
        match = choose(self._given)
        keys = [*(match.images if match else ()), *(key for key in self._refusals if key[0] in self._prompts)]
        return 1 + max((index for _, index in keys), default=0)

    def check_plan(self, samples: Sequence[Sample], size: int) -> None:
        """Match every sample and decode every image once. Raises UserError or MetricInputError naming what is wrong."""
        self._prompts = self._prompts or {sample.prompt_id: sample for sample in samples}
        asked = {_key(sample) for sample in samples} - self._refusals.keys()
        self._match = match = choose(self._given, asked)
        self.__dict__.pop("_sources", None)
        missing = [
            sample for sample in samples if _key(sample) in asked and not (match and _key(sample) in match.images)
        ]
        if missing:
            raise lacking(self._given, match, missing, len(samples))
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda key: self._read(self._images[key], size), asked):
                pass

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """The matched images, as they are. `check_plan` comes first."""
        return [
            self._read(self._images[_key(sample)], size)
            if _key(sample) in self._images
            else Refused(self._refusals[_key(sample)])
            for sample in samples
        ]

    def sources(self) -> Sources:
        """What was left out, met no prompt, met one by counting, or is not as its pixels were drawn."""
        return self._sources

    @cached_property
    def _sources(self) -> Sources:
        match, notes, inherited = self._match, [], Sources()
        if (self._root.parent / MANIFEST).is_file():
            run = read_manifest(self._root.parent)
            inherited = run.sources
            if run.plan.model.settings.get("matched_by") == "order":
                notes.append("images are of a run that matched them to prompts by the order of their files")
        if match and match.by_number:
            notes.append(f"images met prompts by the numbers of folders and files ({match.rule})")
        if match and match.unmatched:
            notes.append(f"{unmatched_words(self._given, match)} and are left out")
        if self._grids:
            notes.append(f"{len(self._grids)} files {GRID} left out: overviews of the images beside them")
        if self._tars_beside:
            notes.append(f"{self._tars_beside} tar files left out, which stand beside the images")
        facts = facts_of(list(self._images.values()))
        notes += [*self._listed.notes(), *facts_notes(facts, "images"), *inherited.notes]
        return Sources(lossy=sum(each.lossy for each in facts) or inherited.lossy, notes=tuple(dict.fromkeys(notes)))

    @property
    def _images(self) -> Mapping[Key, Path]:
        return self._match.images if self._match else {}

    @property
    def _given(self) -> Given:
        return Given(self._root, self._files, self._prompts, self._image_ids, self._settings)

    def _read(self, path: Path, size: int) -> np.ndarray:
        pixels = read_image(path)
        height, width = pixels.shape[:2]
        if (height, width) != (size, size):
            raise UserError(
                f"{path} is {width}x{height} px, not {size}x{size}: nothing is resized here, "
                "so make all images that size, or give theirs with --size."
            )
        return pixels

    @cached_property
    def _listed(self) -> ImageFolder:
        return read_image_folder(self._root)

    @cached_property
    def _grids(self) -> set[Path]:
        return {path for path in self._listed.images if path.name == GRID and (path.parent / SAMPLES).is_dir()}

    @cached_property
    def _files(self) -> list[Path]:
        """All images of the folder, by relative path with numbers by value."""
        files = [path for path in self._listed.images if path not in self._grids]
        return sorted(files, key=lambda path: _natural(path.relative_to(self._root).as_posix()))

    @cached_property
    def _refusals(self) -> dict[Key, str]:
        """The refusals of the run whose images these are; none when they are of no run."""
        source = self._root.parent / REFUSED
        rows = rows_of(source) if (self._root.parent / MANIFEST).is_file() else []
        return {(str(row.get("prompt_id")), sample_of(row, source)): str(row.get("reason", "")) for row in rows}

    @cached_property
    def _content_hash(self) -> str:
        digest = hashlib.sha256()
        for path in self._files:
            digest.update(f"{path.relative_to(self._root).as_posix()}\t{file_sha256(path)}\n".encode())
        return digest.hexdigest()


def _key(sample: Sample) -> Key:
    return sample.prompt_id, sample.index


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key that takes runs of digits by value, so that `10.png` comes after `2.png`."""
    return [(int(part), part) if part[0] in DIGITS else (-1, part) for part in re.findall(r"[0-9]+|[^0-9]+", name)]
