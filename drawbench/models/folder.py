"""`folder:DIR`: images that somebody already made, matched to prompts and read strictly; nothing is resized."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Prompts, Refused, Sample, Setting, TextToImage
from drawbench.runs.directory import MANIFEST, METADATA, REFUSED, named, rows_of
from metrics.features.weights import file_sha256
from metrics.images.decode import SUFFIXES, read_image

SETTINGS = ("name",)
DIGITS = frozenset("0123456789")
Key = tuple[str, int]  # prompt id, sample


class FolderAdapter(TextToImage):
    """Serves the images of a folder. They are matched, in this order of preference, by

    - the `prompt_id` and `sample` columns of the folder's metadata.jsonl (as in images/ of a run; its refusals count);
    - name: `<prompt id>.png` or `<prompt id>-0.png` for sample 0, `<prompt id>-<n>.png` for sample n, in any subfolder;
    - order, only when no name matches and there are exactly as many images as samples: file names sorted with
      numbers by value, all samples of the first prompt before those of the second.
    """

    def __init__(self, argument: str | None, settings: dict[str, str], device: str) -> None:
        """`settings` may hold `name`, what tables show. Raises UserError when the folder is no folder of images."""
        if not argument:
            raise UserError("the model 'folder' needs a directory of images: write folder:DIR.")
        unknown = sorted(set(settings) - set(SETTINGS))
        if unknown:
            raise UserError(f"folder has no setting '{unknown[0]}': its settings are {', '.join(SETTINGS)}.")
        self.folder = Path(argument).expanduser()
        if not self.folder.is_dir():
            raise UserError(f"{self.folder} is not a directory: name the folder that holds the images.")
        self._root = self.folder / "images" if (self.folder / MANIFEST).is_file() else self.folder
        if not self._files:
            raise UserError(f"{self._root} holds no images ({', '.join(SUFFIXES)}): name the folder that holds them.")
        self._name = settings.get("name") or self.folder.resolve().name
        self._matched_by = ""
        self._images: dict[Key, Path] = {}
        self.device = "none"

    def card(self) -> ModelCard:
        """The folder by its name and by the content of its files: other images make another plan."""
        settings: dict[str, Setting] = {"matched_by": self._matched_by}
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

    def held_samples(self, prompt_set: Prompts) -> int:
        """How many images per prompt the folder seems to hold; `check_plan` then names every one that is missing."""
        ids = {prompt.id for prompt in prompt_set.prompts}
        found = [index for prompt_id, index in self._rows if prompt_id in ids]
        if not found:
            found = [index for stem in self._by_stem for prompt_id, index in _readings(stem) if prompt_id in ids]
        return 1 + max(found) if found else max(1, len(self._files) // len(ids))

    def check_plan(self, samples: Sequence[Sample], size: int) -> None:
        """Match every sample and decode every image once. Raises UserError or MetricInputError naming what is wrong."""
        self._matched_by, self._images = self._match(samples)
        missing = [sample for sample in samples if _key(sample) not in self._images | self._refusals]
        if missing:
            expected = f"{missing[0].prompt_id}-{missing[0].index}.png"
            raise UserError(
                f"{self._root} lacks {len(missing)} of {len(samples)} images ({named(missing, most=5)}): "
                f"add them under names such as {expected}, or ask for fewer with --samples."
            )
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda path: self._read(path, size), self._images.values()):
                pass

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """The matched images, as they are. `check_plan` comes first."""
        return [
            self._read(self._images[_key(sample)], size)
            if _key(sample) in self._images
            else Refused(self._refusals[_key(sample)])
            for sample in samples
        ]

    def _match(self, samples: Sequence[Sample]) -> tuple[str, dict[Key, Path]]:
        if self._rows:
            return "metadata", self._match_rows(samples)
        by_name = self._match_names(samples)
        if by_name or len(self._files) != len(samples):
            return "id", by_name
        return "order", {_key(sample): path for sample, path in zip(_prompt_major(samples), self._files, strict=True)}

    def _match_rows(self, samples: Sequence[Sample]) -> dict[Key, Path]:
        images: dict[Key, Path] = {}
        for sample in samples:
            row = self._rows.get(_key(sample))
            if row is None:
                continue
            if "text" in row and row["text"] != sample.text:
                raise UserError(
                    f"{self._root / 'metadata.jsonl'} has another text for {sample.prompt_id} than the prompt set: "
                    "name the prompt set that these images were made from."
                )
            path = self._root / str(row.get("file_name"))
            if path.is_file():
                images[_key(sample)] = path
        return images

    def _match_names(self, samples: Sequence[Sample]) -> dict[Key, Path]:
        images: dict[Key, Path] = {}
        claimed: dict[Path, Sample] = {}
        for sample in samples:
            stems = [f"{sample.prompt_id}-{sample.index}", *([sample.prompt_id] if sample.index == 0 else [])]
            found = [path for stem in stems for path in self._by_stem.get(stem, [])]
            if len(found) > 1:
                raise UserError(f"{found[0]} and {found[1]} are both {named([sample])}: keep one of them.")
            if found:
                other = claimed.setdefault(found[0], sample)
                if other != sample:
                    raise UserError(f"{found[0]} could be {named([other])} or {named([sample])}: write {stems[0]}.png.")
                images[_key(sample)] = found[0]
        return images

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
    def _files(self) -> list[Path]:
        """All images below the folder, hidden ones apart, by relative path with numbers by value."""
        found = [path for path in self._root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
        visible = [path for path in found if not any(p.startswith(".") for p in path.relative_to(self._root).parts)]
        return sorted(visible, key=lambda path: _natural(path.relative_to(self._root).as_posix()))

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        stems: dict[str, list[Path]] = defaultdict(list)
        for path in self._files:
            stems[path.stem].append(path)
        return stems

    @cached_property
    def _rows(self) -> dict[Key, dict[str, Any]]:
        """The rows of metadata.jsonl that name a prompt."""
        path = self._root / Path(METADATA).name
        return {_row_key(row, path): row for row in rows_of(path) if "prompt_id" in row}

    @cached_property
    def _refusals(self) -> dict[Key, str]:
        """The refusals of the run whose images these are; none when they are of no run."""
        run = self._root.parent
        rows = rows_of(run / REFUSED) if (run / MANIFEST).is_file() else []
        return {_row_key(row, run / REFUSED): str(row.get("reason", "")) for row in rows}

    @cached_property
    def _content_hash(self) -> str:
        digest = hashlib.sha256()
        for path in self._files:
            digest.update(f"{path.relative_to(self._root).as_posix()}\t{file_sha256(path)}\n".encode())
        return digest.hexdigest()


def _key(sample: Sample) -> Key:
    return sample.prompt_id, sample.index


def _row_key(row: dict[str, Any], path: Path) -> Key:
    index = row.get("sample", 0)
    if not isinstance(index, int):
        raise UserError(f"{path} has the sample {index!r} for {row.get('prompt_id')}: write whole numbers from 0.")
    return str(row.get("prompt_id")), index


def _readings(stem: str) -> list[Key]:
    """The samples that a file name without suffix can mean: `a-3` is sample 0 of `a-3` or sample 3 of `a`."""
    numbered = re.fullmatch(r"(.+)-(\d+)", stem)
    return [(stem, 0), *([(numbered[1], int(numbered[2]))] if numbered else [])]


def _prompt_major(samples: Sequence[Sample]) -> list[Sample]:
    position = {sample.prompt_id: at for at, sample in reversed(list(enumerate(samples)))}
    return sorted(samples, key=lambda sample: (position[sample.prompt_id], sample.index))


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key that takes runs of digits by value, so that `10.png` comes after `2.png`."""
    return [(int(part), part) if part[0] in DIGITS else (-1, part) for part in re.findall(r"[0-9]+|[^0-9]+", name)]
