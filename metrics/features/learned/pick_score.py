"""PickScore (Kirstain et al. 2023): a CLIP ViT-H/14 of transformers tuned on choices between images; its logit.

The score is the cosine times the network's own logit scale. Preprocessing and tokenizer are those of
laion/CLIP-ViT-H-14-laion2B-s32B-b79K, which the published code takes; its vocabulary is CLIP's, which open_clip brings.
"""

import gzip
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from metrics.errors import MetricInputError
from metrics.features.class_token import shorten_transformers_clip
from metrics.features.clip.open_clip import read_state
from metrics.features.clip.text_batches import encode_in_batches
from metrics.features.extractor import exact_float32, fingerprint_of
from metrics.features.learned.clip_sizes import CONTEXT, PATCH, TEXT_HEAD, blocks, heads, side
from metrics.features.pixel_transform import OPENAI_MEAN, OPENAI_STD, PixelTransform
from metrics.features.streams import in_streams
from metrics.features.weights import check_weights
from metrics.images.checked import checked_images

HEAD = 80  # width of a head of ViT-H
SIZE = 224
TRANSFORM = PixelTransform(SIZE, SIZE, OPENAI_MEAN, OPENAI_STD, crop="floor")
MERGES = 48_894  # of the file's lines, after the first; the vocabulary has 49,408 entries
BEGIN, END = "<|startoftext|>", "<|endoftext|>"


class PickScoreExtractor:
    """Image embeddings of length 1, text embeddings as long as the logit scale: the score is their product."""

    def __init__(self, weights: Path, sha256: str = "", device: str = "cpu") -> None:
        """weights: `model.safetensors` of PickScore_v1, or its .bin. sha256: enforced when given.

        Raises MetricInputError for a file that is missing, unreadable, not of this digest, or of another network.
        """
        if not weights.is_file():
            raise MetricInputError(f"the weights file {weights} of PickScore is missing")
        self.device = device
        self.weights_sha256 = check_weights(weights, sha256)
        self.network = _load_network(weights).to(device)
        self.scale = float(self.network.logit_scale.exp())

    @property
    def fingerprint(self) -> str:
        """See `pick_score_fingerprint`."""
        return pick_score_fingerprint(self.weights_sha256)

    @property
    def dimension(self) -> int:
        """D of the shared embedding."""
        return int(self.network.config.projection_dim)

    @property
    def context_length(self) -> int:
        """77."""
        return CONTEXT

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, to unit vectors, float32 (B, D). MetricInputError for any others."""
        checked_images(images)
        with exact_float32():
            return in_streams(self._embed, images) if self.device == "cpu" else self._embed(images)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to vectors as long as the logit scale, float32 (n, D), in their order; longer texts are cut."""

        def encode(tokens: torch.Tensor) -> torch.Tensor:
            features = self.network.get_text_features(input_ids=tokens.to(self.device)).pooler_output
            return self.scale * F.normalize(features.float(), dim=-1)

        with exact_float32():
            return encode_in_batches(texts, self._tokens, self._read_length, encode, self.device)

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        """For each text, whether only its beginning is read."""
        return [len(row) > CONTEXT for row in self._tokenizer(list(texts), verbose=False).input_ids]

    def _embed(self, images: Sequence[np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            pixels = TRANSFORM(images).contiguous().to(self.device)  # (B, 3, 224, 224)
            features = self.network.get_image_features(pixel_values=pixels).pooler_output
            return F.normalize(features.float(), dim=-1).cpu().numpy()

    def _tokens(self, texts: list[str]) -> torch.Tensor:
        """Ids (B, 77), padded by the end token."""
        return self._tokenizer(
            texts, padding="max_length", truncation=True, max_length=CONTEXT, return_tensors="pt"
        ).input_ids

    def _read_length(self, tokens: torch.Tensor) -> int:
        """Columns up to the batch's last first end token; the tower is causal, so nothing after it is read."""
        return int((tokens == self._tokenizer.eos_token_id).int().argmax(dim=-1).max()) + 1

    @cached_property
    def _tokenizer(self) -> Any:
        return clip_tokenizer()


def clip_tokenizer() -> Any:
    """CLIP's tokenizer in transformers' implementation, from the table of merges that open_clip brings."""
    from open_clip.tokenizer import bytes_to_unicode, default_bpe
    from transformers import CLIPTokenizer

    with gzip.open(default_bpe(), "rt", encoding="utf-8") as file:
        merges = [line.rstrip("\n") for line in file][1 : 1 + MERGES]
    letters = list(bytes_to_unicode().values())
    joined = [merge.replace(" ", "") for merge in merges]
    entries = [*letters, *(f"{letter}</w>" for letter in letters), *joined, BEGIN, END]
    return CLIPTokenizer(
        vocab={entry: number for number, entry in enumerate(entries)},
        merges=[tuple(merge.split()) for merge in merges],
    )


def pick_score_fingerprint(weights_sha256: str) -> str:
    """The extractor's fingerprint, known without loading it. The weights tell the network's sizes."""
    return fingerprint_of(
        {
            "network": "PickScore: transformers CLIP ViT-H/14, GELU",
            "weights": weights_sha256,
            "tokenizer": "CLIP's, of transformers",
            "context_length": CONTEXT,
            "layer": "projected embeddings, images of length 1, texts as long as the logit scale",
            "preprocessing": TRANSFORM.declaration(),
            "library": "transformers",
        }
    )


def _load_network(weights: Path) -> Any:
    """The network in float32 with exactly these weights."""
    from transformers import CLIPConfig, CLIPModel

    state = {name: value for name, value in read_state(weights).items() if not name.endswith(".position_ids")}
    try:
        config = CLIPConfig(**_sizes(state))
        with torch.random.fork_rng(devices=[]):  # making a network draws random numbers that belong to the caller
            network = CLIPModel(config)
        network.load_state_dict(state, strict=True)
    except (KeyError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        raise MetricInputError(
            f"{weights} holds no CLIP ViT-H/14 of transformers, as PickScore is one: name the published file"
        ) from error
    shorten_transformers_clip(network)
    return network.float().eval().requires_grad_(False)


def _sizes(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """The settings of CLIPConfig. Raises KeyError or ValueError for another network."""
    width, _, patch, _ = state["vision_model.embeddings.patch_embedding.weight"].shape
    vocabulary, text_width = state["text_model.embeddings.token_embedding.weight"].shape
    shared: dict[str, Any] = {"hidden_act": "gelu", "projection_dim": state["visual_projection.weight"].shape[0]}
    image_size = side(state["vision_model.embeddings.position_embedding.weight"].shape[0])
    context = state["text_model.embeddings.position_embedding.weight"].shape[0]
    if (patch, image_size, context) != (PATCH, SIZE, CONTEXT):
        raise ValueError("another patch, size or context")
    return {
        "projection_dim": shared["projection_dim"],
        "text_config": shared
        | {
            "vocab_size": vocabulary,
            "hidden_size": text_width,
            "intermediate_size": state["text_model.encoder.layers.0.mlp.fc1.weight"].shape[0],
            "num_hidden_layers": blocks(state, "text_model.encoder.layers."),
            "num_attention_heads": heads(text_width, TEXT_HEAD),
            "max_position_embeddings": context,
            "bos_token_id": vocabulary - 2,
            "eos_token_id": vocabulary - 1,
        },
        "vision_config": shared
        | {
            "hidden_size": width,
            "intermediate_size": state["vision_model.encoder.layers.0.mlp.fc1.weight"].shape[0],
            "num_hidden_layers": blocks(state, "vision_model.encoder.layers."),
            "num_attention_heads": heads(width, HEAD),
            "image_size": image_size,
            "patch_size": patch,
        },
    }
