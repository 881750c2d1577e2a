"""Where a diffusers checkpoint is, what it is made of, and the hash of the files that decide its images."""

import hashlib
import json
import re
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from drawbench.errors import UserError
from drawbench.models.diffusers.libraries import hub_error, quiet_libraries
from metrics.features.weights import file_sha256

INDEX = "model_index.json"
WEIGHTS = ".safetensors"
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
CORES = (
    "unet",
    "transformer",
    "prior",
    "prior_prior",
    "decoder",
)  # the part that draws; its weights' type is the model's
DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}  # safetensors' names: ours


@dataclass(frozen=True)
class Checkpoint:
    """A pipeline's folder: model_index.json, and one folder for each part that it names.

    spec: the hub's id, or the folder's name. revision: the hub's commit, empty for a local folder. skipped: parts that
    are not loaded (a safety checker that is switched off).
    """

    folder: Path
    spec: str
    revision: str
    variant: str | None
    index: dict[str, Any]
    skipped: frozenset[str] = frozenset()

    @property
    def class_name(self) -> str:
        """The class of pipeline that it was saved from."""
        return str(self.index["_class_name"])

    @property
    def parts(self) -> dict[str, tuple[str, str]]:
        """Part -> (library, class), without those that are empty or skipped."""
        return {
            name: (value[0], value[1])
            for name, value in self.index.items()
            if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and name not in self.skipped
        }

    @cached_property
    def weight_files(self) -> dict[str, list[Path]]:
        """Part -> the files of weights that are loaded; the variant's where there are any, as diffusers chooses.

        Raises UserError for parts that are not there, are pickled, or need code of their own, and an absent variant.
        """
        files, of_variant = {}, 0
        for name, (library, _) in self.parts.items():
            folder = self.folder / name
            if not folder.is_dir():
                raise UserError(f"{self.folder} lacks the part '{name}' that its {INDEX} names: copy the whole folder.")
            if (folder / f"{library}.py").exists() or (self.folder / f"{library}.py").exists():
                raise UserError(
                    f"the part '{name}' of {self.spec} needs Python code of its own ({library}.py), and code that "
                    "comes with a model is not run: evaluate its images with folder:DIR."
                )
            files[name], found = self._weights_of(folder)
            of_variant += found
        if self.variant and not of_variant:
            raise UserError(f"{self.spec} has no weights of variant '{self.variant}': leave --set variant=... out.")
        return {name: paths for name, paths in files.items() if paths}

    def _weights_of(self, folder: Path) -> tuple[list[Path], bool]:
        """The files of one part, and whether they are the variant's."""
        every = sorted(folder.glob(f"*{WEIGHTS}"))
        varied = [path for path in every if self.variant and self.variant in path.name.split(".")[1:-1]]
        varied += [path for path in every if self.variant and f".{self.variant}-" in path.name]
        plain = [path for path in every if "." not in path.stem]
        if not (varied or plain) and any(path.suffix in PICKLES for path in folder.iterdir()):
            raise UserError(
                f"{folder} holds its weights as a pickle only, which can run code when it is read: save the pipeline "
                "again with save_pretrained(..., safe_serialization=True)."
            )
        if not (varied or plain) and every:
            names = sorted({path.name.split(".")[1].partition("-")[0] for path in every})
            raise UserError(
                f"{folder} holds weights of variant {' or '.join(names)} only: give --set variant={names[0]}."
            )
        return (varied, True) if varied else (plain, False)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over a line `relative path, tab, SHA-256 of the content` for each file that is loaded, sorted.

        All of the content is read, at about a gigabyte a second: time stamps say nothing about weights.
        """
        files = [path for paths in self.weight_files.values() for path in paths]
        files += configuration_files(self.folder, self.parts)
        with ThreadPoolExecutor() as pool:
            digests = list(pool.map(file_sha256, files))
        lines = sorted(
            f"{path.relative_to(self.folder).as_posix()}\t{digest}\n"
            for path, digest in zip(files, digests, strict=True)
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def stored_dtype(self) -> str:
        """The type that most numbers of the drawing network are stored in: float32, float16 or bfloat16."""
        core = next((name for name in CORES if name in self.weight_files), None)
        paths = self.weight_files[core] if core else [path for paths in self.weight_files.values() for path in paths]
        counts: Counter[str] = Counter()
        for path in paths:
            counts.update(dict(_stored_types(path)))
        stored = counts.most_common(1)[0][0] if counts else "F32"
        return DTYPES.get(stored, "float32")


def find_checkpoint(argument: str, revision: str | None, variant: str | None) -> Checkpoint:
    """The checkpoint in a local folder, or the hub's of that id with its revision (a branch, tag or commit) resolved.

    From the hub only model_index.json is fetched; `fetch` gets the rest. Raises UserError when there is none.
    """
    folder = Path(argument).expanduser()
    if folder.exists():
        if revision:
            raise UserError(f"{folder} is a local folder and has no revisions: leave --set revision=... out.")
        return Checkpoint(folder, folder.resolve().name, "", variant, _index(folder, argument))
    if not HUB_ID.fullmatch(argument):
        raise UserError(
            f"there is no folder {argument}: name the folder of a pipeline, or a hub id such as owner/name."
        )
    from huggingface_hub import hf_hub_download

    with hub_error(argument, revision), quiet_libraries():
        path = Path(hf_hub_download(argument, INDEX, revision=revision))
    return Checkpoint(path.parent, argument, path.parent.name, variant, _index(path.parent, argument))


def fetch(checkpoint: Checkpoint) -> Checkpoint:
    """Download what is missing of a hub's checkpoint, at the commit it was found at; a local one stays as it is."""
    if not checkpoint.revision:
        return checkpoint
    from diffusers import DiffusionPipeline

    with hub_error(checkpoint.spec, checkpoint.revision), quiet_libraries():
        DiffusionPipeline.download(
            checkpoint.spec,
            revision=checkpoint.revision,
            variant=checkpoint.variant,
            use_safetensors=True,
            **dict.fromkeys(checkpoint.skipped),
        )
    return checkpoint


def _index(folder: Path, argument: str) -> dict[str, Any]:
    if not folder.is_dir():
        raise UserError(f"{argument} is a file: name the folder that save_pretrained() of a pipeline wrote.")
    path = folder / INDEX
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{argument} is no diffusers pipeline (it has no {INDEX}): name the folder that save_pretrained() wrote."
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): copy the pipeline's folder again.") from error
    name = index.get("_class_name") if isinstance(index, dict) else None
    if isinstance(name, list):
        raise UserError(
            f"{argument} needs Python code of its own ({name[0]}.py), and code that comes with a model is not run: "
            "evaluate its images with folder:DIR."
        )
    if not isinstance(name, str):
        raise UserError(f"{path} names no pipeline class: name the folder that save_pretrained() of a pipeline wrote.")
    return index


def configuration_files(folder: Path, parts: Iterable[str]) -> list[Path]:
    """The index of a pipeline, and everything beside weights that decides what its parts do."""
    beside = [path for name in parts for path in sorted((folder / name).rglob("*")) if _is_configuration(path)]
    return [folder / INDEX, *beside]


def safetensors_header(path: Path) -> dict[str, Any]:
    """Name of tensor -> its dtype, shape and place. Raises OSError, ValueError or struct.error for another file."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return dict(json.loads(file.read(min(length, 100_000_000))))


def _is_configuration(path: Path) -> bool:
    """Everything beside weights that decides what a part does: configurations, vocabularies."""
    other = (WEIGHTS, *PICKLES, ".onnx", ".msgpack", ".h5", ".md", ".png", ".gitattributes")
    return path.is_file() and path.suffix not in other and ".index." not in path.name and not path.name.startswith(".")


def _stored_types(path: Path) -> Iterator[tuple[str, int]]:
    """(type, bytes) for each type of number in a safetensors file, from its header alone."""
    sizes: Counter[str] = Counter()
    try:
        header = safetensors_header(path)
    except (OSError, ValueError, struct.error) as error:
        raise UserError(f"{path} is damaged ({error}): copy or download it again.") from error
    for name, entry in header.items():
        if name != "__metadata__":
            sizes[entry["dtype"]] += entry["data_offsets"][1] - entry["data_offsets"][0]
    yield from sizes.items()
