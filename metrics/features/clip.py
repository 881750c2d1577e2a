"""CLIP models of open_clip as image and text extractors: weights are required, matched strictly, and fingerprinted."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metrics.errors import MetricInputError
from metrics.features.byte_tokenizer import ByteTokenizer
from metrics.features.extractor import exact_float32, fingerprint_of
from metrics.features.weights import OPENAI_DIGESTS, check_weights, quiet_torchscript

if TYPE_CHECKING:
    import torch

CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"
CARD_FILE = "scorer.json"
TEXT_BATCH = 64
_TORCHSCRIPT_EXTRAS = ("input_resolution", "context_length", "vocab_size")  # numbers OpenAI keeps among its weights


@dataclass(frozen=True)
class ClipConfig:
    """What a CLIP model is, apart from its weights.

    name: for definitions and tables.
    model, preprocess: open_clip's `model_cfg` and `preprocess_cfg`, the latter complete.
    tokenizer: `bytes` or `clip`.
    """

    name: str
    model: dict[str, Any]
    preprocess: dict[str, Any]
    tokenizer: str

    @property
    def context_length(self) -> int:
        """Tokens a text is cut to."""
        return int(self.model["text_cfg"].get("context_length", 77))

    def fingerprint(self, weights_sha256: str) -> str:
        """The fingerprint of the extractor with these weights, known without loading them."""
        return fingerprint_of(
            {
                "network": self.model,
                "weights": weights_sha256,
                "tokenizer": self.tokenizer,
                "context_length": self.context_length,
                "layer": "projected embedding, unit norm",
                "preprocessing": self.preprocess,
            }
        )


class ClipExtractor:
    """One CLIP model: calling it embeds images, `encode_texts` embeds texts. Both give unit vectors, float32."""

    def __init__(self, config: ClipConfig, weights: Path, sha256: str = "", device: str = "cpu") -> None:
        """Load `weights` (.safetensors, a state dict, or OpenAI's TorchScript archive); nothing is downloaded.

        sha256: enforced when given. Raises MetricInputError when the weights do not fit the configuration exactly.
        """
        if not weights.is_file():
            raise MetricInputError(f"the weights file {weights} of {config.name} is missing")
        self.config = config
        self.device = device
        self.weights_sha256 = check_weights(weights, sha256)
        self.verified = bool(sha256)
        _refuse_wrong_activation(config, weights, self.weights_sha256)
        self.network = _load_network(config, weights).to(device)

    @property
    def fingerprint(self) -> str:
        """See `ClipConfig.fingerprint`."""
        return self.config.fingerprint(self.weights_sha256)

    @property
    def dimension(self) -> int:
        """D of the shared embedding."""
        return int(self.config.model["embed_dim"])

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, to unit vectors, float32 (B, D)."""
        import torch
        from PIL import Image

        batch = torch.stack([self._transform(Image.fromarray(image)) for image in images])  # (B, 3, S, S)
        with torch.inference_mode(), exact_float32():
            return self.network.encode_image(batch.to(self.device), normalize=True).float().cpu().numpy()

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to unit vectors, float32 (B, D). Texts longer than the context are cut; see `truncated`."""
        import torch

        parts = []
        with torch.inference_mode(), exact_float32():
            for start in range(0, len(texts), TEXT_BATCH):
                tokens = self._tokenizer(list(texts[start : start + TEXT_BATCH])).to(self.device)
                parts.append(self.network.encode_text(tokens, normalize=True).float().cpu().numpy())
        return np.concatenate(parts)

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        """For each text, whether the model reads only its beginning."""
        if isinstance(self._tokenizer, ByteTokenizer):
            return [self._tokenizer.truncated([text]) == 1 for text in texts]
        return [len(self._tokenizer.encode(text)) + 2 > self.config.context_length for text in texts]

    @cached_property
    def _tokenizer(self) -> Any:
        if self.config.tokenizer == "bytes":
            return ByteTokenizer(self.config.context_length)
        from open_clip.tokenizer import SimpleTokenizer

        return SimpleTokenizer(context_length=self.config.context_length)

    @cached_property
    def _transform(self) -> Any:
        from open_clip.transform import PreprocessCfg, image_transform_v2

        return image_transform_v2(PreprocessCfg(**self.config.preprocess), is_train=False)


def named_config(name: str) -> ClipConfig:
    """A configuration that open_clip knows by name, with OpenAI's preprocessing (open_clip's default)."""
    import open_clip
    from open_clip.transform import PreprocessCfg

    model = open_clip.get_model_config(name)
    if model is None:
        raise MetricInputError(f"open_clip knows no model {name}: `open_clip.list_models()` names them")
    return _config(name, model, vars(PreprocessCfg()), "clip")


def load_named(name: str, weights: Path, sha256: str = "", device: str = "cpu") -> ClipExtractor:
    """An open_clip model by its name (`ViT-L-14-quickgelu`) with the weights of a file."""
    return ClipExtractor(named_config(name), weights, sha256, device)


def read_scorer_card(folder: Path) -> dict[str, Any]:
    """scorer.json of a scorer folder: name, version, tokenizer, context_length, sha256 of the weights, ..."""
    card = _read_json(folder / CARD_FILE)
    lacking = [field for field in ("name", "version", "tokenizer", "context_length", "sha256") if field not in card]
    if lacking:
        raise MetricInputError(f"{folder / CARD_FILE} lacks {', '.join(lacking)}: restore the scorer's folder")
    return card


def folder_config(folder: Path) -> ClipConfig:
    """The configuration of a scorer folder: open_clip's local-dir layout with a scorer.json beside it."""
    from open_clip.transform import PreprocessCfg

    card = read_scorer_card(folder)
    settings = _read_json(folder / CONFIG_FILE)
    if "model_cfg" not in settings:
        raise MetricInputError(f"{folder / CONFIG_FILE} lacks model_cfg: restore the scorer's folder")
    preprocess = {**vars(PreprocessCfg()), **settings.get("preprocess_cfg", {})}
    config = _config(str(card["name"]), settings["model_cfg"], preprocess, str(card["tokenizer"]))
    if config.context_length != card["context_length"]:
        raise MetricInputError(
            f"{folder / CARD_FILE} says context_length {card['context_length']} where {CONFIG_FILE} says "
            f"{config.context_length}: restore the scorer's folder"
        )
    return config


def load_folder(folder: Path, device: str = "cpu") -> ClipExtractor:
    """The scorer of a folder; its weights must have the digest that its scorer.json states."""
    return ClipExtractor(folder_config(folder), folder / WEIGHTS_FILE, str(read_scorer_card(folder)["sha256"]), device)


def _config(name: str, model: dict[str, Any], preprocess: dict[str, Any], tokenizer: str) -> ClipConfig:
    if model.get("text_cfg", {}).get("hf_tokenizer_name") or "multimodal_cfg" in model:
        raise MetricInputError(
            f"{name} has a tokenizer or decoder that is not supported: use a CLIP model of open_clip"
        )
    if tokenizer not in ("bytes", "clip"):
        raise MetricInputError(f"{name} names the tokenizer {tokenizer}: `bytes` and `clip` are known")
    # The tower knows its input size; open_clip itself overrides the preprocessing's size by it.
    sized = {**preprocess, "size": model["vision_cfg"].get("image_size", 224)}
    return ClipConfig(name, model, {key: _plain(value) for key, value in sized.items()}, tokenizer)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _refuse_wrong_activation(config: ClipConfig, weights: Path, sha256: str) -> None:
    """OpenAI trained with QuickGELU; with GELU the same weights load without complaint and score wrongly."""
    openai = sha256 in OPENAI_DIGESTS or _is_torchscript(weights)
    if openai and not config.model.get("quick_gelu", False):
        raise MetricInputError(
            f"{weights.name} holds OpenAI's weights, which need QuickGELU: use the configuration "
            f"{config.name}-quickgelu instead of {config.name}"
        )


def _load_network(config: ClipConfig, weights: Path) -> Any:
    """The network in float32 with exactly these weights. No name or shape may be left over on either side."""
    import torch
    from open_clip.model import CLIP, CustomTextCLIP

    settings = json.loads(json.dumps(config.model))  # open_clip changes what it is given
    custom = settings.pop("custom_text", False)
    for tower, flag in (("vision_cfg", "timm_model_pretrained"), ("text_cfg", "hf_model_pretrained")):
        if flag.removesuffix("pretrained") + "name" in settings[tower]:
            settings[tower][flag] = False
    with torch.random.fork_rng(devices=[]):  # making a network draws random numbers that belong to the caller
        network = (CustomTextCLIP if custom else CLIP)(**settings)
    try:
        network.load_state_dict(_read_state(weights), strict=True)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise MetricInputError(f"{weights} does not fit the configuration {config.name}: {first}") from error
    return network.float().eval().requires_grad_(False)


def _read_state(weights: Path) -> dict[str, torch.Tensor]:
    """Names to tensors. Pickles are read with `weights_only`, so that no code of a file is run."""
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if weights.suffix == ".safetensors":
            return load_file(weights)
        if _is_torchscript(weights):
            with quiet_torchscript():
                state = torch.jit.load(str(weights), map_location="cpu").state_dict()
            return {name: value for name, value in state.items() if name not in _TORCHSCRIPT_EXTRAS}
        loaded = torch.load(weights, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise MetricInputError(f"{weights} is not a readable weights file: fetch it again") from error
    state = loaded.get("state_dict", loaded)
    return {name.removeprefix("module."): value for name, value in state.items()}


def _is_torchscript(weights: Path) -> bool:
    """Whether the file is a TorchScript archive, the form of OpenAI's weights."""
    if not zipfile.is_zipfile(weights):
        return False
    with zipfile.ZipFile(weights) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MetricInputError(f"{path} cannot be read ({error.strerror}): restore the scorer's folder") from error
    except ValueError as error:
        raise MetricInputError(f"{path} is not JSON: restore the scorer's folder") from error
    if not isinstance(content, dict):
        raise MetricInputError(f"{path} is not a JSON object: restore the scorer's folder")
    return content
