"""ImageReward (Xu et al. 2023): BLIP's text encoder reads the prompt with cross-attention to the image's tokens.

Its first token goes through five linear layers to a number, from which the authors' mean is taken, in units of their
standard deviation. The image tower is timm's, the text encoder transformers': the names of the published file fit both.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from metrics.errors import MetricInputError
from metrics.features.clip.open_clip import read_state
from metrics.features.extractor import exact_float32, fingerprint_of
from metrics.features.learned.clip_sizes import blocks, heads, side
from metrics.features.learned.linear_layers import linear_layers, through
from metrics.features.pixel_transform import OPENAI_MEAN, OPENAI_STD, PixelTransform
from metrics.features.streams import in_streams
from metrics.features.weights import check_weights
from metrics.images.checked import checked_images

SIZE, PATCH = 224, 16
HEAD = 64  # width of a head of both networks
CONTEXT = 35  # tokens
MEAN, STD = 0.16717362830052426, 1.0333394966054072
TRANSFORM = PixelTransform(SIZE, SIZE, OPENAI_MEAN, OPENAI_STD)
_IMAGE, _TEXT, _LAYERS = "blip.visual_encoder.", "blip.text_encoder.", "mlp."


class ImageRewardReader:
    """One number a pair of image and prompt: float32 (B, 1)."""

    dimension = 1
    context_length = CONTEXT

    def __init__(
        self, weights: Path, vocabulary: Path, sha256: str = "", vocabulary_sha256: str = "", device: str = "cpu"
    ) -> None:
        """weights: `ImageReward.pt`. vocabulary: `vocab.txt` of bert-base-uncased. The digests are enforced when given.

        Raises MetricInputError for files that are missing, unreadable, not of these digests, or of another network.
        """
        for path in (weights, vocabulary):
            if not path.is_file():
                raise MetricInputError(f"the file {path} of ImageReward is missing")
        self.device = device
        self._digests = check_weights(weights, sha256), check_weights(vocabulary, vocabulary_sha256)
        self._tokenizer = _tokenizer(vocabulary)
        state = read_state(weights)
        try:
            self._tower, self._text = _tower(_part(state, _IMAGE)), _text_encoder(_part(state, _TEXT))
            self._layers = linear_layers(_part(state, _LAYERS))
        except (KeyError, ValueError, AttributeError, IndexError, RuntimeError) as error:
            raise MetricInputError(
                f"{weights} holds no BLIP with linear layers, as ImageReward is one: name the published file"
            ) from error
        words = self._text.config.vocab_size
        if len(self._tokenizer) != words:
            raise MetricInputError(
                f"{vocabulary} has {len(self._tokenizer) - 2} words where the network in {weights} knows {words - 2}: "
                "use the vocabulary of bert-base-uncased"
            )
        self._tower, self._text = self._tower.to(device), self._text.to(device)

    @property
    def fingerprint(self) -> str:
        """See `image_reward_fingerprint`."""
        return image_reward_fingerprint(*self._digests)

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        """For each prompt, whether only its first 35 tokens are read."""
        return [len(ids) > CONTEXT for ids in self._tokenizer(list(prompts), verbose=False).input_ids]

    def __call__(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, and the prompt of each. MetricInputError for any other images."""
        checked_images(images)
        pairs = list(zip(images, prompts, strict=True))
        with exact_float32():
            return in_streams(self._read, pairs) if self.device == "cpu" else self._read(pairs)

    def _read(self, pairs: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
        pixels = TRANSFORM([image for image, _ in pairs])
        texts = self._tokenizer(
            [prompt for _, prompt in pairs],
            padding="max_length",
            truncation=True,
            max_length=CONTEXT,
            return_tensors="pt",
        )
        with torch.inference_mode():
            tokens = self._tower.forward_features(pixels.to(self.device))  # (B, 197, W)
            read = self._text(
                input_ids=texts.input_ids.to(self.device),
                attention_mask=texts.attention_mask.to(self.device),
                encoder_hidden_states=tokens,
            ).last_hidden_state[:, 0]
            return ((through(self._layers, read.float().cpu()) - MEAN) / STD).numpy()


def image_reward_fingerprint(weights_sha256: str, vocabulary_sha256: str) -> str:
    """The reader's fingerprint, known without loading it. The weights tell the networks' sizes."""
    return fingerprint_of(
        {
            "network": "ImageReward: timm ViT-L/16, BLIP's text encoder of transformers with cross-attention",
            "weights": weights_sha256,
            "tokenizer": f"bert, uncased, {vocabulary_sha256}",
            "context_length": CONTEXT,
            "layer": f"first token, linear layers, minus {MEAN}, in units of {STD}",
            "preprocessing": TRANSFORM.declaration(),
            "library": "timm, transformers",
        }
    )


def _part(state: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors of one network under its own names; the positions' numbers, which some files hold, are left out."""
    return {
        name.removeprefix(prefix): value
        for name, value in state.items()
        if name.startswith(prefix) and not name.endswith(".position_ids")
    }


def _tower(state: dict[str, torch.Tensor]) -> Any:
    """BLIP's image tower, whose names and equations are timm's. Raises what a state of another network leads to."""
    from timm.models.vision_transformer import VisionTransformer

    width, _, patch, _ = state["patch_embed.proj.weight"].shape
    if (patch, side(state["pos_embed"].shape[1], patch)) != (PATCH, SIZE):
        raise ValueError("another patch or size")
    with torch.random.fork_rng(devices=[]):  # making a network draws random numbers that belong to the caller
        network = VisionTransformer(
            img_size=SIZE,
            patch_size=PATCH,
            num_classes=0,
            embed_dim=width,
            depth=blocks(state, "blocks."),
            num_heads=heads(width, HEAD),
            mlp_ratio=state["blocks.0.mlp.fc1.weight"].shape[0] / width,
        )
    network.load_state_dict(state, strict=True)
    return network.float().eval().requires_grad_(False)


def _text_encoder(state: dict[str, torch.Tensor]) -> Any:
    """BLIP's text encoder. Raises what a state of another network leads to."""
    from transformers.models.blip.configuration_blip import BlipTextConfig
    from transformers.models.blip.modeling_blip_text import BlipTextModel

    words, width = state["embeddings.word_embeddings.weight"].shape
    config = BlipTextConfig(
        vocab_size=words,
        hidden_size=width,
        encoder_hidden_size=state["encoder.layer.0.crossattention.self.key.weight"].shape[1],
        intermediate_size=state["encoder.layer.0.intermediate.dense.weight"].shape[0],
        num_hidden_layers=blocks(state, "encoder.layer."),
        num_attention_heads=heads(width, HEAD),
        max_position_embeddings=state["embeddings.position_embeddings.weight"].shape[0],
        hidden_act="gelu",
        layer_norm_eps=1e-12,
        bos_token_id=None,
        eos_token_id=None,
        sep_token_id=None,
        is_decoder=True,  # for its cross-attention; it is not asked to be causal
    )
    with torch.random.fork_rng(devices=[]):
        network = BlipTextModel(config, add_pooling_layer=False)
    network.load_state_dict(state, strict=True)
    return network.float().eval().requires_grad_(False)


def _tokenizer(vocabulary: Path) -> Any:
    """bert-base-uncased's, with BLIP's two tokens."""
    from transformers import BertTokenizer

    try:
        words = vocabulary.read_text(encoding="utf-8").splitlines()
        tokenizer = BertTokenizer(vocab={word: number for number, word in enumerate(words)})
    except Exception as error:  # of any kind, as junk leads the reader anywhere
        raise MetricInputError(f"{vocabulary} is no vocabulary of BERT: fetch it again") from error
    tokenizer.add_tokens(["[DEC]", "[ENC]"], special_tokens=True)
    return tokenizer
