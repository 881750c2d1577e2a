"""CLIP, SigLIP and SigLIP 2 of transformers as image and text extractors: safetensors only, loaded strictly.

Preprocessing is what the model's folder declares, done with Pillow: the Pillow processors of transformers give the same
numbers within 2e-6. The torchvision processors, its default, resize with other rounding: up to one 8-bit level apart.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from metrics.errors import MetricInputError
from metrics.features.clip.text_batches import encode_in_batches, whole_length
from metrics.features.clip.transformers_folder import load_exactly
from metrics.features.extractor import exact_float32, fingerprint_of
from metrics.features.pixel_transform import PixelTransform
from metrics.features.streams import in_streams
from metrics.features.weights import check_weights
from metrics.images.checked import checked_images

MODELS = {"clip": "CLIPModel", "siglip": "SiglipModel", "siglip2": "Siglip2Model"}
HUB_PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
)
_NOT_IN_THE_NETWORK = ("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LEGACY_END = 2  # configurations of before 2023: the end token is then the largest id, as OpenAI had it


class TransformersClipExtractor:
    """One model: calling it embeds images, `encode_texts` embeds texts; both unit vectors, float32."""

    def __init__(self, folder: Path, name: str = "", device: str = "cpu") -> None:
        """Load a folder in transformers' layout; nothing is downloaded.

        Raises MetricInputError when files are missing, changed since their first use, or do not fit exactly.
        """
        self.folder = folder
        self.name = name or folder.name
        self.device = device
        self.config = read_config(folder)
        self.weights_sha256 = weights_digest(folder)
        self.processor = _Pixels(folder, self.config)
        self.network = _load_network(folder, self.config).to(device)

    @property
    def fingerprint(self) -> str:
        """See `folder_fingerprint`."""
        return _fingerprint(self.folder, self.config, self.weights_sha256, self.processor)

    @property
    def dimension(self) -> int:
        """D of the shared embedding."""
        if self.config["model_type"] == "clip":
            return int(self.network.config.projection_dim)
        return int(self.network.config.vision_config.hidden_size)

    @property
    def context_length(self) -> int:
        """Tokens a text is cut to."""
        return int(self.network.config.text_config.max_position_embeddings)

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, to unit vectors, float32 (B, D). MetricInputError for any others."""
        checked_images(images)
        with exact_float32():
            return in_streams(self._embed, images) if self.device == "cpu" else self._embed(images)

    def _embed(self, images: Sequence[np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            # Contiguous: a patch embedding is slower on channels_last pixels.
            inputs = {name: value.contiguous().to(self.device) for name, value in self.processor(images).items()}
            features = self.network.get_image_features(**inputs).pooler_output
            return F.normalize(features.float(), dim=-1).cpu().numpy()

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to unit vectors, float32 (n, D), in their order; longer ones are cut, see `truncated`.

        CLIP's tower is causal and is read at the end token, so the padding after it is left out. SigLIP's sees all
        tokens, and was trained on texts padded to the full context without a mask: so they are given to it.
        """

        def encode(tokens: torch.Tensor) -> torch.Tensor:
            features = self.network.get_text_features(input_ids=tokens.to(self.device)).pooler_output
            return F.normalize(features.float(), dim=-1)

        length = self._read_length if self.config["model_type"] == "clip" else whole_length
        with exact_float32():
            return encode_in_batches(texts, self._tokens, length, encode, self.device)

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        """For each text, whether the model reads only its beginning."""
        ids = self._tokenizer(list(texts), verbose=False).input_ids
        return [len(row) > self.context_length for row in ids]

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MetricInputError(f"{self.folder} has no usable tokenizer: add the model's tokenizer files") from error

    def _tokens(self, texts: list[str]) -> torch.Tensor:
        """Ids (B, context length), padded."""
        side = {"padding_side": "right"} if self.config["model_type"] == "clip" else {}
        return self._tokenizer(
            texts, padding="max_length", truncation=True, max_length=self.context_length, return_tensors="pt", **side
        ).input_ids

    def _read_length(self, tokens: torch.Tensor) -> int:
        """Columns up to the batch's last end token. A text without one would be read at its first token: refused."""
        end = self.network.config.text_config.eos_token_id
        found = tokens == (tokens.max(dim=-1, keepdim=True).values if end == _LEGACY_END else end)
        if not bool(found.any(dim=-1).all()):
            raise MetricInputError(
                f"the tokenizer in {self.folder} ends no text with the id {end} that config.json names: "
                "use the tokenizer that belongs to the model"
            )
        return int(found.int().argmax(dim=-1).max()) + 1


def folder_fingerprint(folder: Path) -> str:
    """The fingerprint of the extractor of a folder, known without loading the network."""
    config = read_config(folder)
    return _fingerprint(folder, config, weights_digest(folder), _Pixels(folder, config))


def find_model(spec: str) -> Path:
    """The folder of `spec`: a folder, or a hub id `OWNER/NAME[@REVISION]` that is in the local hub cache already."""
    if Path(spec).is_dir():
        return Path(spec)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    name, _, revision = spec.partition("@")
    try:
        return Path(
            snapshot_download(name, revision=revision or None, local_files_only=True, allow_patterns=list(HUB_PATTERNS))
        )
    except (LocalEntryNotFoundError, HFValidationError, OSError) as error:
        raise MetricInputError(
            f"{spec} is neither a folder nor a model in the local hub cache: "
            f"fetch it with `drawbench weights fetch {shlex.quote(spec)}`, or name a folder with its files"
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a model of a supported type."""
    config = read_json(folder / "config.json")
    model_type = config.get("model_type")
    if model_type not in MODELS:
        raise MetricInputError(f"{folder} holds a model of type {model_type}: use one of {', '.join(MODELS)}")
    return config


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a model's folder."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MetricInputError(
            f"{path} is missing or is no model's configuration: name a folder that has it"
        ) from error
    if not isinstance(content, dict):
        raise MetricInputError(f"{path} is missing or is no model's configuration: name a folder that has it")
    return content


def network_settings(config: dict[str, Any]) -> dict[str, Any]:
    """What a configuration says of the network itself, for a fingerprint."""
    return {key: value for key, value in config.items() if key not in _NOT_IN_THE_NETWORK}


def files_digest(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of a folder that say what a network is given: tokenizer, processors, chat template."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".json", ".jinja", ".txt", ".model"))
    left = ("config.json", "generation_config.json", "README.txt")
    chosen = [path for path in files if path.name not in left and not path.name.endswith(".index.json")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in chosen}


def require_tokenizer(folder: Path) -> None:
    """Refuse a folder without any vocabulary, of which transformers makes a tokenizer that knows no word."""
    names = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model", "tekken.json")
    if not any((folder / name).is_file() for name in names):
        raise MetricInputError(f"{folder} has no tokenizer: add the model's tokenizer files")


def weights_files(folder: Path) -> list[Path]:
    """The model's safetensors files: one, or the shards that its index names."""
    index = folder / "model.safetensors.index.json"
    names = {"model.safetensors"}
    if index.is_file():
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    missing = sorted(name for name in names if not (folder / name).is_file())
    if missing:
        raise MetricInputError(f"{folder} lacks {missing[0]}: only safetensors are read, never pickled weights")
    return [folder / name for name in sorted(names)]


def weights_digest(folder: Path) -> str:
    """SHA-256 of the weights file; of several shards, over their names and digests.

    A file of the hub's cache must have the digest that the hub gave it; any other the one of its first use here.
    """
    digests = {path.name: check_weights(path, _hub_digest(path)) for path in weights_files(folder)}
    if len(digests) == 1:
        return next(iter(digests.values()))
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def _hub_digest(path: Path) -> str:
    """In the hub's cache a weights file is a link to a file named by its SHA-256."""
    name = path.resolve().name
    return name if path.is_symlink() and _SHA256.fullmatch(name) else ""


class _Pixels:
    """Images to the network's inputs, as the folder's image processor declares."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        from transformers import AutoImageProcessor

        try:
            self._processor = AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True)
        except (OSError, ValueError, ImportError) as error:
            raise MetricInputError(
                f"{folder} has no usable image processor: add the model's preprocessor_config.json"
            ) from error
        self._flexible = config["model_type"] == "siglip2"
        self.transform = None if self._flexible else _declared(self._processor, folder)
        size = config.get("vision_config", {}).get("image_size")
        if self.transform and size and self.transform.size != size:
            raise MetricInputError(
                f"the image processor in {folder} makes {self.transform.size} px where its network takes {size} px: "
                "restore the model's preprocessor_config.json"
            )

    def declaration(self) -> dict[str, object]:
        """Every choice, for a fingerprint."""
        if self.transform:
            return self.transform.declaration()
        declared = json.loads(self._processor.to_json_string())
        return {"processor": "Siglip2ImageProcessorPil", **declared}

    def __call__(self, images: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        """uint8 images to `pixel_values` and, for SigLIP 2's patches of any aspect ratio, their masks and shapes."""
        if self.transform:
            return {"pixel_values": self.transform(images)}
        from PIL import Image

        return dict(self._processor(images=[Image.fromarray(image) for image in images], return_tensors="pt"))


def _declared(processor: Any, folder: Path) -> PixelTransform:
    """The processor's settings as a transform. Each step is done once: /255 by us, never again by the processor."""
    filters: dict[int, Any] = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
    usual = processor.do_resize and processor.do_rescale and processor.do_normalize
    size: Any = processor.size
    crop: Any = getattr(processor, "crop_size", None)
    cropped = bool(getattr(processor, "do_center_crop", False))
    if usual and int(processor.resample) in filters and abs(processor.rescale_factor * 255 - 1) < 1e-6:
        shared = {
            "mean": tuple(processor.image_mean),
            "std": tuple(processor.image_std),
            "filter": filters[int(processor.resample)],
            "crop": "floor",
        }
        if size.shortest_edge and not size.longest_edge and cropped and crop.height == crop.width:
            return PixelTransform(crop.height, size.shortest_edge, **shared)
        if size.height and size.height == size.width and not cropped:
            return PixelTransform(size.height, size.height, resize="squash", **shared)
    raise MetricInputError(
        f"the image processor in {folder} is not a resize, a square crop, a division by 255 and a normalisation: "
        "use a CLIP or SigLIP model with the usual processor"
    )


def _load_network(folder: Path, config: dict[str, Any]) -> Any:
    """The network in float32 with exactly these weights."""
    import transformers

    from metrics.features.class_token import shorten_transformers_clip

    network = load_exactly(getattr(transformers, MODELS[config["model_type"]]), folder)
    if config["model_type"] == "clip":
        shorten_transformers_clip(network)
    return network


def _fingerprint(folder: Path, config: dict[str, Any], weights_sha256: str, pixels: _Pixels) -> str:
    tokenizer = hashlib.sha256()
    for name in _TOKENIZER_FILES:
        if (folder / name).is_file():
            tokenizer.update(f"{name}\n".encode() + hashlib.sha256((folder / name).read_bytes()).digest())
    return fingerprint_of(
        {
            "network": network_settings(config),
            "weights": weights_sha256,
            "tokenizer": tokenizer.hexdigest(),
            "layer": "projected embedding, unit norm",
            "preprocessing": pixels.declaration(),
            "library": "transformers",
        }
    )
