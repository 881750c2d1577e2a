"""Checkpoints on disk: one safetensors file per stage with a JSON configuration beside it, and the text encoder.

FOLDER/cascade.json                 name and order of the stages
FOLDER/text_encoder/                saved by transformers; may be a link to a folder elsewhere
FOLDER/<stage>.json, .safetensors   configuration and weights (bf16 on disk, fp32 in memory)
"""

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import torch

from reference_model.cascade import Cascade, Stage
from reference_model.errors import ReferenceModelError, with_exit_code
from reference_model.files import atomic_path, remove_leftovers
from reference_model.networks.efficient_unet import EfficientUNetConfig
from reference_model.networks.presets import StageConfig, Stages, UNetConfigs, build_unet
from reference_model.networks.unet import UNetConfig
from reference_model.sampling.schedules import SCHEDULES, Prediction
from reference_model.text.encoder import LongTexts, TextEncoder, load_text_encoder, text_dtype, tiny_t5_config, width_of
from reference_model.text.pretrained import TOKENIZER_FILES

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
        prediction, schedule = data["prediction"], data["schedule"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReferenceModelError(f"{path} is not a stage's configuration: {error}") from error
    for what, value, known in (("prediction", prediction, get_args(Prediction)), ("schedule", schedule, SCHEDULES)):
        if value not in known:
            raise ReferenceModelError(f"{path} names the {what} {value!r}: known are {', '.join(known)}")
    return StageConfig(unet, prediction, schedule)


def save_cascade_index(folder: Path, name: str, stages: tuple[str, ...]) -> None:
    """Write which stages make the cascade, and in which order."""
    (folder / "cascade.json").write_text(json.dumps({"name": name, "stages": list(stages)}, indent=2) + "\n")


def load_cascade(folder: Path = BUNDLED, dtype: str = "float32", long_texts: LongTexts = "refuse") -> Cascade:
    """A trained cascade from disk; the last two are the text encoder's, see `load_text_encoder`.

    Raises ReferenceModelError when a file is missing or unreadable, or parts do not belong together.
    """
    index = folder / "cascade.json"
    try:
        data = json.loads(index.read_text())
        names = [str(name) for name in data["stages"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReferenceModelError(
            f"{folder} is not a cascade's checkpoint: {index.name} cannot be read ({error})"
        ) from error
    stages = [load_stage(folder, name) for name in names]
    encoder = load_text_encoder(folder / "text_encoder", dtype, long_texts)
    for stage in stages:
        _check_width(stage.config, encoder.width, folder)
    return Cascade(str(data["name"]), encoder, stages)


def assemble(name: str, text: Path, exports: Sequence[Path], out: Path, link_text: bool = False) -> None:
    """Make a cascade's checkpoint from a text encoder's folder and the exports of trained stages, in order.

    link_text: link to the text encoder instead of copying it, for encoders of many gigabytes.
    """
    found = [(export, path.stem) for export in exports for path in sorted(export.glob("*.safetensors"))]
    configs = [(read_stage_config(export / f"{stem}.json"), export) for export, stem in found]
    stages = sorted(configs, key=lambda stage: stage[0].unet.size)
    _check_chain([config for config, _ in stages])
    width = width_of(text)
    for config, export in stages:
        _check_width(config, width, export)
    if out.exists():
        raise ReferenceModelError(f"{out} exists already: choose another folder")
    remove_leftovers(out)
    with atomic_path(out) as partial:
        partial.mkdir()
        for config, export in stages:
            for suffix in ("json", "safetensors"):
                shutil.copyfile(export / f"{config.name}.{suffix}", partial / f"{config.name}.{suffix}")
        if link_text:
            (partial / "text_encoder").symlink_to(text.resolve(), target_is_directory=True)
        else:
            shutil.copytree(text, partial / "text_encoder")
        save_cascade_index(partial, name, tuple(config.name for config, _ in stages))


def _check_chain(stages: Sequence[StageConfig]) -> None:
    """A cascade begins with a base and each further stage starts from the size of the one before."""
    starts = [0 if isinstance(stage.unet, UNetConfig) else stage.unet.low_size for stage in stages]
    sizes = [0, *(stage.unet.size for stage in stages)]
    if not stages or starts != sizes[:-1]:
        names = ", ".join(stage.name for stage in stages) or "none"
        raise ReferenceModelError(f"these stages make no cascade: {names}; give a base and each stage above it once")


def _check_width(config: StageConfig, width: int, folder: Path) -> None:
    if config.unet.text_width != width:
        raise ReferenceModelError(
            f"{folder}: {config.name} was trained on text features {config.unet.text_width} wide, and the text encoder"
            f" gives {width}: use the encoder it was trained with"
        )


def untrained_cascade(
    config: Stages, seed: int = 0, dtype: str = "float32", long_texts: LongTexts = "refuse"
) -> Cascade:
    """The same networks with random weights: the floor of every table. The last two are the text encoder's."""
    from transformers import T5EncoderModel

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        width = config[0].unet.text_width
        network = T5EncoderModel(tiny_t5_config(width, layers=4, heads=4)).to(text_dtype(dtype))
        encoder = TextEncoder(network, long_texts=long_texts)
        stages = [Stage(stage, build_unet(stage.unet)) for stage in config]
        for stage in stages:
            _randomise_silent_layers(stage.unet)
    return Cascade("untrained", encoder, stages)


def _randomise_silent_layers(unet: torch.nn.Module) -> None:
    """Layers that start at zero get ordinary random weights, so that the network says something."""
    for module in unet.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and not module.weight.any():
            module.reset_parameters()


def weights_sha256(folder: Path) -> str:
    """One digest over all of a checkpoint that decides pixels, by name and content: weights, tokenizer, configurations.

    How a stage was trained and what the cascade is called are left out.
    """
    text = folder / "text_encoder"
    paths = {*folder.rglob("*.safetensors"), *text.glob("*.safetensors"), *text.glob("*.bin")}
    paths |= {text / name for name in (*TOKENIZER_FILES, "config.json") if (text / name).is_file()}
    digest = hashlib.sha256()
    for path in sorted(paths | set(folder.glob("*.json"))):
        digest.update(f"{path.relative_to(folder).as_posix()}\t{_content_sha256(path, folder)}\n".encode())
    return digest.hexdigest()


def _content_sha256(path: Path, folder: Path) -> str:
    if path.suffix == ".json" and path.parent == folder:
        kept = {name: value for name, value in json.loads(path.read_text()).items() if name not in ("training", "name")}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@with_exit_code
def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.checkpoint`: a checkpoint for `drawbench run --model reference:FOLDER`."""
    parser = argparse.ArgumentParser(prog="python -m reference_model.checkpoint", description=main.__doc__)
    parser.add_argument("exports", type=Path, nargs="+", help="export folders of trained stages")
    parser.add_argument("--name", required=True, help="what tables show")
    parser.add_argument("--text", type=Path, required=True, help="folder of the text encoder they were trained with")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint's folder; must not exist")
    parser.add_argument("--link-text", action="store_true", help="link to the text encoder instead of copying it")
    args = parser.parse_args(arguments)
    assemble(args.name, args.text, args.exports, args.out, args.link_text)


if __name__ == "__main__":
    sys.exit(main())
