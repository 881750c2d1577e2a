"""CLIP models of open_clip as image and text extractors: weights are required, matched strictly, and fingerprinted."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from metrics.errors import MetricInputError
from metrics.features.clip.byte_tokenizer import ByteTokenizer
from metrics.features.clip.published import published_settings
from metrics.features.clip.text_batches import encode_in_batches, whole_length
from metrics.features.extractor import exact_float32, fingerprint_of
from metrics.features.pixel_transform import PixelTransform
from metrics.features.streams import in_streams
from metrics.features.weights import OPENAI_DIGESTS, check_weights, is_torchscript, quiet_torchscript
from metrics.images.checked import checked_images

CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILE = "open_clip_model.safetensors"
CARD_FILE = "scorer.json"
_TORCHSCRIPT_EXTRAS = ("input_resolution", "context_length", "vocab_size")  # numbers OpenAI keeps among its weights


@dataclass(frozen=True)
class ClipConfig:
    """What a CLIP model is, apart from its weights.

    name: for definitions and tables.
    model, preprocess: open_clip's `model_cfg` and `preprocess_cfg`, the latter complete.
    tokenizer: `bytes` or `clip`.
    unit_norm: whether image embeddings are scaled to length 1; CLIP-FID's are left as the network projects them.
    """

    name: str
    model: dict[str, Any]
    preprocess: dict[str, Any]
    tokenizer: str
    unit_norm: bool = True

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
                "layer": "projected embedding, unit norm" if self.unit_norm else "projected embedding",
                "preprocessing": self.preprocess,
            }
        )


class ClipExtractor:
    """One CLIP model: calling it embeds images, `encode_texts` embeds texts, both as float32."""

    def __init__(self, config: ClipConfig, weights: Path, sha256: str = "", device: str = "cpu") -> None:
        """Load `weights` (.safetensors, a state dict, or OpenAI's TorchScript archive); nothing is downloaded.

        sha256: enforced when given. Raises MetricInputError when the weights do not fit the configuration exactly.
        """
        if not weights.is_file():
            raise MetricInputError(f"the weights file {weights} of {config.name} is missing")
        self.config = config
        self.device = device
        self.weights_sha256 = check_weights(weights, sha256)
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
        """B uint8 images (H, W, 3), RGB, to float32 (B, D), unit vectors if the configuration says so.

        Raises MetricInputError for anything but such images.
        """
        checked_images(images)
        with exact_float32():
            return in_streams(self._embed, images) if self.device == "cpu" else self._embed(images)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to unit vectors, float32 (B, D). Texts longer than the context are cut; see `truncated`."""

        def encode(tokens: torch.Tensor) -> torch.Tensor:
            return _text_features(self.network, tokens.to(self.device)).float()

        length = _read_length if _is_causal(self.network) else whole_length
        with exact_float32():
            return encode_in_batches(texts, self._tokenizer, length, encode, self.device)

    def _embed(self, images: Sequence[np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            batch = self._transform(images).to(self.device)  # (B, 3, S, S)
            return self.network.encode_image(batch, normalize=self.config.unit_norm).float().cpu().numpy()

    @property
    def context_length(self) -> int:
        """Tokens a text is cut to."""
        return self.config.context_length

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
    def _transform(self) -> Callable[[Sequence[np.ndarray]], torch.Tensor]:
        return _pixel_transform(self.config.preprocess) or _open_clips_transform(self.config.preprocess)


def named_config(name: str, unit_norm: bool = True) -> ClipConfig:
    """A configuration that open_clip knows by `MODEL/TAG`, or by `MODEL` alone; see `published_settings`."""
    model, preprocess = published_settings(name)
    return replace(_config(name, model, preprocess, "clip"), unit_norm=unit_norm)


def load_named(
    name: str, weights: Path, sha256: str = "", device: str = "cpu", unit_norm: bool = True
) -> ClipExtractor:
    """An open_clip model by its name (`ViT-L-14/laion2b_s32b_b82k`) with the weights of a file."""
    return ClipExtractor(named_config(name, unit_norm), weights, sha256, device)


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
            f"{name} has a tokenizer or decoder that is not supported: use transformers' version of it, in a folder"
        )
    if tokenizer not in ("bytes", "clip"):
        raise MetricInputError(f"{name} names the tokenizer {tokenizer}: `bytes` and `clip` are known")
    # The tower knows its input size; open_clip itself overrides the preprocessing's size by it.
    sized = {**preprocess, "size": model["vision_cfg"].get("image_size", 224)}
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in sized.items()}
    return ClipConfig(name, model, plain, tokenizer)


def _pixel_transform(preprocess: dict[str, Any]) -> PixelTransform | None:
    """Ours, in threads and batches, where open_clip's transform is one of the usual ones."""
    size = preprocess["size"]
    sizes = [size, size] if isinstance(size, int) else list(size)
    if sizes[0] != sizes[1] or preprocess["resize_mode"] not in ("shortest", "squash"):
        return None
    return PixelTransform(
        size=sizes[0],
        edge=sizes[0],
        mean=tuple(preprocess["mean"]),
        std=tuple(preprocess["std"]),
        resize=preprocess["resize_mode"],
        filter="bilinear" if preprocess["interpolation"] == "bilinear" else "bicubic",
    )


def _open_clips_transform(preprocess: dict[str, Any]) -> Callable[[Sequence[np.ndarray]], torch.Tensor]:
    from open_clip.transform import PreprocessCfg, image_transform_v2
    from PIL import Image

    transform = image_transform_v2(PreprocessCfg(**preprocess), is_train=False)
    return lambda images: torch.stack([transform(Image.fromarray(image)) for image in images])


def _is_causal(network: Any) -> bool:
    """Whether a token sees only those before it, and the embedding is read at the end token."""
    from open_clip.model import CLIP

    return isinstance(network, CLIP) and network.attn_mask is not None and network.text_pool_type == "argmax"


def _read_length(tokens: torch.Tensor) -> int:
    """The end token has the largest id; nothing after it is read."""
    return int(tokens.argmax(dim=-1).max()) + 1


def _text_features(network: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Unit vectors (B, D) of tokens (B, L) open_clip's own function takes the full context only."""
    from open_clip.transformer import text_global_pool

    length = tokens.shape[1]
    if length == network.context_length:
        return network.encode_text(tokens, normalize=True)
    x = network.token_embedding(tokens) + network.positional_embedding[:length]  # (B, L, W)
    x = network.ln_final(network.transformer(x, attn_mask=network.attn_mask[:length, :length]))
    x = text_global_pool(x, tokens, network.text_pool_type)  # (B, W)
    projection = network.text_projection
    if projection is not None:
        x = projection(x) if callable(projection) else x @ projection
    return F.normalize(x, dim=-1)


def _refuse_wrong_activation(config: ClipConfig, weights: Path, sha256: str) -> None:
    """OpenAI trained with QuickGELU; with GELU the same weights load without complaint and score wrongly."""
    openai = sha256 in OPENAI_DIGESTS or is_torchscript(weights)
    if openai and not config.model.get("quick_gelu", False):
        raise MetricInputError(
            f"{weights.name} holds OpenAI's weights, which need QuickGELU: use the configuration "
            f"{config.name.partition('/')[0]}-quickgelu instead of {config.name}"
        )


def _load_network(config: ClipConfig, weights: Path) -> Any:
    """The network in float32 with exactly these weights. No name or shape may be left over on either side."""
    from open_clip.model import CLIP, CustomTextCLIP

    from metrics.features.class_token import shorten_open_clip

    settings = json.loads(json.dumps(config.model))  # open_clip changes what it is given
    custom = settings.pop("custom_text", False)
    for tower, flag in (("vision_cfg", "timm_model_pretrained"), ("text_cfg", "hf_model_pretrained")):
        if flag.removesuffix("pretrained") + "name" in settings[tower]:
            settings[tower][flag] = False
    with torch.random.fork_rng(devices=[]):  # making a network draws random numbers that belong to the caller
        network = (CustomTextCLIP if custom else CLIP)(**settings)
    try:
        network.load_state_dict(read_state(weights), strict=True)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise MetricInputError(f"{weights} does not fit the configuration {config.name}: {first}") from error
    shorten_open_clip(network)
    return network.float().eval().requires_grad_(False)


def read_state(weights: Path) -> dict[str, torch.Tensor]:
    """Names to tensors. Pickles are read with `weights_only`, so that no code of a file is run."""
    from safetensors.torch import load_file

    try:
        if weights.suffix == ".safetensors":
            return load_file(weights)
        if is_torchscript(weights):
            with quiet_torchscript():
                state = torch.jit.load(str(weights), map_location="cpu").state_dict()
            return {name: value for name, value in state.items() if name not in _TORCHSCRIPT_EXTRAS}
        loaded = torch.load(weights, map_location="cpu", weights_only=True)
        state = loaded.get("state_dict", loaded)
        return {name.removeprefix("module."): value for name, value in state.items()}
    except Exception as error:  # of any kind, as junk leads the reader anywhere
        raise MetricInputError(f"{weights} is not a readable weights file: fetch it again") from error


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
