"""Checkpoints on disk: one safetensors file per stage with a JSON configuration beside it, and the text encoder.

FOLDER/cascade.json                 name and order of the stages
FOLDER/text_encoder/                saved by transformers
FOLDER/<stage>.json, .safetensors   configuration and weights (bf16 on disk, fp32 in memory)
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from reference_model.cascade import Cascade, Stage
from reference_model.efficient_unet import EfficientUNetConfig
from reference_model.errors import ReferenceModelError
from reference_model.presets import CascadeConfig, StageConfig, UNetConfigs, build_unet
from reference_model.text_encoder import TextEncoder, load_text_encoder, tiny_t5_config
from reference_model.unet import UNetConfig

BUNDLED = Path(__file__).parent / "weights" / "tiny"


def save_stage(folder: Path, config: StageConfig, unet: torch.nn.Module, notes: dict[str, float]) -> None:
    """Write a stage's weights in bf16 and its configuration; `notes` tells how it was trained."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in unet.state_dict().items()}
    save_file(weights, folder / f"{config.name}.safetensors")
    kind = "base" if isinstance(config.unet, UNetConfig) else "super_resolution"
    text = json.dumps({"kind": kind, **asdict(config), "training": notes}, indent=2)
    (folder / f"{config.name}.json").write_text(text + "\n")


def load_stage(folder: Path, name: str) -> Stage:
    """A stage in fp32. Raises ReferenceModelError when a file is missing, unreadable, or of another shape."""
    from safetensors.torch import load_file

    config = read_stage_config(folder / f"{name}.json")
    path = folder / f"{name}.safetensors"
    try:
        weights = {key: tensor.float() for key, tensor in load_file(path).items()}
    except Exception as error:  # safetensors raises its own type, which is no OSError
        raise ReferenceModelError(f"{path} cannot be read as weights: {error}") from error
    with torch.device("meta"):
        unet = build_unet(config.unet)
    try:
        unet.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise ReferenceModelError(
            f"{path} does not fit {name}.json beside it: {str(error).splitlines()[-1]}"
        ) from error
    return Stage(config, unet)


def read_stage_config(path: Path) -> StageConfig:
    """The configuration beside a stage's weights."""
    try:
        data = json.loads(path.read_text())
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data["unet"].items()}
        unet: UNetConfigs = UNetConfig(**fields) if data["kind"] == "base" else EfficientUNetConfig(**fields)
        return StageConfig(unet, data["prediction"], data["schedule"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReferenceModelError(f"{path} is not a stage's configuration: {error}") from error


def save_cascade_index(folder: Path, name: str, stages: tuple[str, ...]) -> None:
    """Write which stages make the cascade, and in which order."""
    (folder / "cascade.json").write_text(json.dumps({"name": name, "stages": list(stages)}, indent=2) + "\n")


def load_cascade(folder: Path = BUNDLED) -> Cascade:
    """A trained cascade from disk."""
    index = folder / "cascade.json"
    try:
        data = json.loads(index.read_text())
        names = [str(name) for name in data["stages"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReferenceModelError(
            f"{folder} is not a cascade's checkpoint: {index.name} cannot be read ({error})"
        ) from error
    stages = [load_stage(folder, name) for name in names]
    return Cascade(str(data["name"]), load_text_encoder(folder / "text_encoder"), stages)


def untrained_cascade(config: CascadeConfig, seed: int = 0) -> Cascade:
    """The same networks with random weights: the floor of every table."""
    from transformers import T5EncoderModel

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        width = config.stages[0].unet.text_width
        encoder = TextEncoder(T5EncoderModel(tiny_t5_config(width, layers=4, heads=4)))
        stages = [Stage(stage, build_unet(stage.unet)) for stage in config.stages]
        for stage in stages:
            _randomise_silent_layers(stage.unet)
    return Cascade("untrained", encoder, stages)


def _randomise_silent_layers(unet: torch.nn.Module) -> None:
    """Layers that start at zero get ordinary random weights, so that the network says something."""
    for module in unet.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and not module.weight.any():
            module.reset_parameters()


def weights_sha256(folder: Path) -> str:
    """One digest over every weights file of a checkpoint, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        digest.update(
            f"{path.relative_to(folder).as_posix()}\t{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
        )
    return digest.hexdigest()
