"""Frozen text encoders of transformers: T5 up to XXL, BERT, and CLIP's text tower, as the paper compares them.

All of them give the last layer's hidden state of every token (Imagen, sec. 2.1 and fig. 4b). The files are read from a
local folder; nothing is downloaded.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from reference_model.errors import ReferenceModelError

MOST_TOKENS = 512  # of encoders that name no limit of their own


# transformers' classes by `model_type` of config.json. A folder of a whole model (T5 with its decoder, CLIP with its
# image tower) gives the text encoder in it.
CLASSES = {"t5": "T5EncoderModel", "bert": "BertModel", "clip": "CLIPTextModel", "clip_text_model": "CLIPTextModel"}


class PretrainedTokenizer:
    """A tokenizer of transformers, with the encoder's limit of tokens.

    Texts are tokenized one by one and padded by us, so that no tokenizer's padding convention matters.
    """

    def __init__(self, tokenizer: Any, limit: int | None) -> None:
        self._tokenizer = tokenizer
        named = [n for n in (limit, int(tokenizer.model_max_length)) if n and n <= 100_000]  # "no limit" is 1e30
        self.max_tokens = min([*named, MOST_TOKENS])
        self.fingerprint = _tokenizer_fingerprint(tokenizer)

    def tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text, verbose=False).input_ids)

    def cut(self, text: str) -> list[int]:
        return list(self._tokenizer(text, truncation=True, max_length=self.max_tokens).input_ids)


def load_pretrained(folder: Path, kind: str, dtype: torch.dtype) -> tuple[torch.nn.Module, PretrainedTokenizer]:
    """Encoder and tokenizer from a folder. Raises ReferenceModelError when either is missing or not whole."""
    encoder = _load_encoder(folder, _class_name(folder, kind), dtype)
    tokenizer = _load_tokenizer(folder)
    limit = getattr(encoder.config, "max_position_embeddings", None)  # T5 has relative positions and no limit
    if len(tokenizer) > encoder.config.vocab_size:  # type: ignore[union-attr,operator]
        raise ReferenceModelError(
            f"{folder}: its tokenizer has {len(tokenizer)} tokens and its encoder embeds only"
            f" {encoder.config.vocab_size}: they do not belong together"  # type: ignore[union-attr]
        )
    return encoder, PretrainedTokenizer(tokenizer, limit if isinstance(limit, int) else None)


def pretrained_width(folder: Path, kind: str) -> int:
    """The width of an encoder's features, by its configuration alone."""
    from transformers import AutoConfig

    _class_name(folder, kind)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    return int(getattr(config, "text_config", config).hidden_size)  # a whole CLIP has one configuration per tower


def _class_name(folder: Path, kind: str) -> str:
    if kind not in CLASSES:
        known = ", ".join(CLASSES)
        raise ReferenceModelError(f"{folder} holds a model of type {kind!r}, not one of the text encoders {known}")
    return CLASSES[kind]


def _load_encoder(folder: Path, name: str, dtype: torch.dtype) -> torch.nn.Module:
    """transformers only warns of missing weights and leaves them random; here they are an error."""
    import transformers
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # of weights that are there and not used: decoders, image towers
    logging.disable_progress_bar()  # a bar of their own would break up ours
    try:
        options = {"add_pooling_layer": False} if name == "BertModel" else {}
        encoder, report = getattr(transformers, name).from_pretrained(
            folder, local_files_only=True, dtype=dtype, output_loading_info=True, **options
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ReferenceModelError(f"{folder} holds no text encoder: {str(error).strip().splitlines()[0]}") from error
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()
    missing = sorted(report["missing_keys"])
    if missing:
        raise ReferenceModelError(
            f"{folder} holds no whole {name}: {len(missing)} weights are missing, {missing[0]} first"
        )
    return encoder


def _load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise ReferenceModelError(f"{folder} holds a text encoder and no tokenizer: save its tokenizer there too")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # tokenizers raises plain Exceptions
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ReferenceModelError(f"{folder} holds no tokenizer that can be read: {reason}") from error


# What a tokenizer may be saved as; also what a checkpoint's digest covers beside weights.
TOKENIZER_FILES = (
    "added_tokens.json",
    "merges.txt",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)


def _tokenizer_fingerprint(tokenizer: Any) -> str:
    """SHA-256 of all its rules, without truncation and padding, which a call can set."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:  # ByT5's has no rules but bytes
        rules: dict[str, Any] = {"class": type(tokenizer).__name__, "vocabulary": tokenizer.get_vocab()}
    else:
        rules = json.loads(backend.to_str()) | {"truncation": None, "padding": None}
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


def t5_xxl() -> torch.nn.Module:
    """The encoder of T5 v1.1 XXL, the paper's, with random weights on torch's default device: for the meta device.

    Its shape is that of the published config.json (arXiv 1910.10683 and its v1.1 release).
    """
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=32128,
            d_model=4096,
            d_kv=64,
            d_ff=10240,
            num_layers=24,
            num_decoder_layers=24,
            num_heads=64,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
        )
    )
