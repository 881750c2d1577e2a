"""Checkpoints of one file, as their trainers and model-sharing sites give them: `diffusers:model.safetensors`.

Such a file holds weights alone. The configuration, tokenizers and scheduler come from a pipeline of the same kind.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from drawbench.errors import UserError, first_line
from drawbench.interface import Setting
from drawbench.models.diffusers.libraries import quiet_libraries
from drawbench.models.diffusers.source import (
    HUB_ID,
    INDEX,
    PICKLES,
    WEIGHTS,
    Checkpoint,
    configuration_files,
    find_checkpoint,
    safetensors_header,
)
from metrics.features.weights import file_sha256

CONFIGURATION = ("*.json", "**/*.json", "*.txt", "**/*.txt", "**/*.model")  # without the indices of weights' parts
ANY_KIND = "v1"  # what diffusers takes every file for that it does not know
OF_ANY_KIND = "model.diffusion_model.input_blocks.0.0.weight"  # of a file that is truly of it
NEVER_IN_A_FILE = frozenset({"safety_checker"})


@dataclass(frozen=True)
class SingleFile(Checkpoint):
    """folder: of the configuration, which may hold weights, too: they are not read. config: its hub id or name."""

    file: Path = Path()
    config: str = ""
    config_revision: str = ""

    @cached_property
    def weight_files(self) -> dict[str, list[Path]]:
        """The file, whatever its parts are."""
        return {"": [self.file]}

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the weights' digest, then a line `relative path, tab, digest` for each file of configuration."""
        lines = [f"{file_sha256(self.file)}\n"]
        for path in configuration_files(self.folder, self.parts):
            lines.append(f"{path.relative_to(self.folder).as_posix()}\t{file_sha256(path)}\n")
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_file(argument: str) -> bool:
    """Whether a model is named by a file."""
    return Path(argument).expanduser().is_file() or argument.endswith((WEIGHTS, *PICKLES))


def find_single_file(argument: str, config: str | None) -> SingleFile:
    """The checkpoint in a file, with the configuration that is named, or else that of its kind.

    Raises UserError for a file that is not there or is no safetensors file, and where there is no configuration.
    """
    file = Path(argument).expanduser()
    if file.suffix in PICKLES:
        raise UserError(
            f"{file} is a pickle, which can run code when it is read: name a {WEIGHTS} file of the same model."
        )
    if not file.is_file():
        raise UserError(f"there is no file {file}: name a {WEIGHTS} file, the folder of a pipeline, or a hub id.")
    if file.suffix != WEIGHTS:
        raise UserError(f"{file} is no {WEIGHTS} file: name one, or the folder that save_pretrained() wrote.")
    named = config or _config_of_its_kind(file)
    try:
        found = find_checkpoint(named, None, None)
        folder = _with_configuration(found)
    except UserError as error:
        raise UserError(_without_configuration(file, named, typed=config is not None)) from error
    return SingleFile(
        folder,
        file.name,
        "",
        None,
        json.loads((folder / INDEX).read_text(encoding="utf-8")),
        NEVER_IN_A_FILE,
        file=file,
        config=found.spec,
        config_revision=found.revision,
    )


def config_facts(found: Checkpoint) -> dict[str, Setting]:
    """What stands in the plan of where a file's configuration is from; its hash is part of the weights' one."""
    if not isinstance(found, SingleFile):
        return {}
    facts: dict[str, Setting] = {"config": found.config}
    return facts | ({"config_revision": found.config_revision} if found.config_revision else {})


def from_single_file(pipeline_class: Any, checkpoint: SingleFile, dtype: Any, given: dict[str, Any]) -> Any:
    """The pipeline that diffusers makes of the file."""
    given = {name: value for name, value in given.items() if name not in NEVER_IN_A_FILE}
    return pipeline_class.from_single_file(
        str(checkpoint.file), config=str(checkpoint.folder), torch_dtype=dtype, local_files_only=True, **given
    )


def _config_of_its_kind(file: Path) -> str:
    """The hub id of a pipeline of the same kind, by the names and shapes in the file."""
    from diffusers.loaders.single_file_utils import fetch_diffusers_config, infer_diffusers_model_type

    try:
        header = safetensors_header(file)
    except (OSError, ValueError, struct.error) as error:
        raise UserError(f"{file} is damaged ({first_line(error)}): copy or download it again.") from error
    shapes: dict[str, Any] = {
        name: SimpleNamespace(shape=tuple(entry["shape"]), ndim=len(entry["shape"]))
        for name, entry in header.items()
        if name != "__metadata__"
    }
    with quiet_libraries():
        kind = infer_diffusers_model_type(shapes)
        if kind == ANY_KIND and OF_ANY_KIND not in shapes:
            raise UserError(
                f"{file} is of no kind that diffusers tells by its weights: give --set config=FOLDER or "
                "--set config=OWNER/NAME, a pipeline of the same kind."
            )
        return str(fetch_diffusers_config(shapes)["pretrained_model_name_or_path"])


def _with_configuration(found: Checkpoint) -> Path:
    """The folder, with the files of configuration of a hub's pipeline fetched; no weights are."""
    if not found.revision:
        return found.folder
    from huggingface_hub import snapshot_download

    with quiet_libraries():
        try:
            return Path(snapshot_download(found.spec, revision=found.revision, allow_patterns=list(CONFIGURATION)))
        except Exception as error:  # the hub, the way to it, or the disk
            raise UserError(f"{found.spec} cannot be fetched ({first_line(error)}).") from error


def _without_configuration(file: Path, named: str, typed: bool) -> str:
    where = f"--set config={named}" if typed else f"{file.name} looks like one of the kind of {named}, which"
    here = "is not a pipeline that is here or on the hub" if HUB_ID.fullmatch(named) else f"is no folder with {INDEX}"
    return (
        f"{where} {here}: give --set config=FOLDER, where the files of such a pipeline are that end in .json, .txt and "
        ".model, with their folders (no weights), or run it once with a network."
    )
