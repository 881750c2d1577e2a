"""LoRA: files of small changes to a pipeline's networks, each with a scale."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from drawbench.errors import UserError, first_line
from drawbench.interface import Setting
from drawbench.models.diffusers.libraries import INSTALL, quiet_libraries
from drawbench.models.diffusers.source import WEIGHTS
from metrics.features.weights import file_sha256

NO_MATRICES = ("alpha", "dora_scale")  # what a file may hold beside its pairs of matrices
UNEXPECTED = "unexpected keys"  # in the libraries' warnings


@dataclass(frozen=True)
class Lora:
    """A file, and how much of it is added: 1 is all, 0 nothing."""

    file: Path
    scale: float

    @property
    def words(self) -> str:
        """What stands in the plan, without the machine's folders."""
        return f"{self.file.name}:{self.scale:g}"


def parse_loras(text: str | None) -> tuple[Lora, ...]:
    """`PATH:SCALE`, or several with commas between; without a scale it is 1. Raises UserError for what is no file."""
    return tuple(_parsed(one.strip()) for one in text.split(",")) if text is not None else ()


def lora_facts(text: str | None) -> dict[str, Setting]:
    """What stands in the plan: names and scales, and the SHA-256 of each file."""
    loras = parse_loras(text)
    if not loras:
        return {}
    digests = ", ".join(file_sha256(one.file) for one in loras)
    return {"lora": ", ".join(one.words for one in loras), "lora_sha256": digests}


def load_loras(pipeline: Any, loras: Sequence[Lora]) -> None:
    """Add them to the networks. Raises UserError for a pipeline that takes none, and for a file that fits not whole."""
    if not loras:
        return
    kind = type(pipeline).__name__
    if not (hasattr(pipeline, "load_lora_weights") and hasattr(pipeline, "set_adapters")):
        raise UserError(f"--set lora=... does not fit: a {kind} takes no LoRA; leave it out.")
    if find_spec("peft") is None:
        raise UserError(f"--set lora=... needs the package peft: {INSTALL}.")
    names = [f"lora_{number}" for number in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        with quiet_libraries() as told:
            try:
                pipeline.load_lora_weights(str(lora.file.parent), weight_name=lora.file.name, adapter_name=name)
            except Exception as error:  # whatever a file of other networks does to the libraries
                raise UserError(f"{lora.file} does not fit this {kind} ({first_line(error)}): name another.") from error
        held, taken = _matrices(lora.file), _taken(pipeline, name)
        if taken < held or not held or any(UNEXPECTED in text for text in told):
            raise UserError(
                f"{lora.file} does not fit this {kind}: {max(held - taken, 0)} of its {held} matrices are of no "
                "network here; name another."
            )
    pipeline.set_adapters(names, [lora.scale for lora in loras])


def _parsed(text: str) -> Lora:
    path, _, last = text.rpartition(":")
    try:
        scale = float(last) if path else math.nan
    except ValueError:
        scale = math.nan
    if math.isnan(scale):
        path, scale = text, 1.0
    file = Path(path).expanduser()
    if file.suffix != WEIGHTS or not file.is_file() or not math.isfinite(scale):
        raise UserError(
            f"--set lora={text} names no {WEIGHTS} file: give one, and its scale, as in lora=style{WEIGHTS}:0.8, or "
            "several with commas between."
        )
    return Lora(file, scale)


def _matrices(file: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as tensors:
            names = tensors.keys()
            return sum(not name.endswith(NO_MATRICES) for name in names)
    except (SafetensorError, OSError, struct.error) as error:
        raise UserError(f"{file} is damaged ({first_line(error)}): copy or download it again.") from error


def _taken(pipeline: Any, adapter: str) -> int:
    """The matrices of an adapter in all networks."""
    networks = [part for part in pipeline.components.values() if hasattr(part, "named_parameters")]
    return sum(f".{adapter}." in name for part in networks for name, _ in part.named_parameters())
