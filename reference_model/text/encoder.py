"""The frozen text encoder (Imagen, sec. 2.1): texts to token features and a mask.

The encoder is trained on text alone and never again; the U-Nets see its token features and a mask. The bundled one is a
byte-level T5 (`byte_t5`). Any T5, BERT or CLIP text encoder of transformers takes its place (`pretrained_text`).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import torch

from reference_model.errors import ReferenceModelError
from reference_model.text.byte_t5 import ByteT5Config, ByteT5Encoder, transformers_name

if TYPE_CHECKING:
    from transformers import T5Config

PAD_ID, END_ID, BYTE_OFFSET = 0, 1, 3  # ByT5's convention: byte b is token b + 3
VOCABULARY_SIZE = 384
MAX_TOKENS = 320

LongTexts = Literal["refuse", "cut"]
TextDtype = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class TextFeatures:
    """Features of a batch of texts.

    tokens: float (B, L, D); mask: bool (B, L), True where a token is real. Padding is never attended to.
    """

    tokens: torch.Tensor
    mask: torch.Tensor

    def to(self, device: torch.device | str) -> "TextFeatures":
        return TextFeatures(self.tokens.to(device), self.mask.to(device))


class TextSource(Protocol):
    """Where text features come from: an encoder, or a cache of one."""

    @property
    def width(self) -> int:
        """Of the features."""
        ...

    def encode_batch(self, texts: Sequence[str]) -> TextFeatures:
        """Padded features of many texts."""
        ...


class Tokenizer(Protocol):
    """Text to token ids, with the encoder's own first and last tokens."""

    max_tokens: int
    fingerprint: str  # of everything that decides the ids

    def tokens(self, text: str) -> list[int]:
        """All ids of a text, however many."""
        ...

    def cut(self, text: str) -> list[int]:
        """The first `max_tokens` ids; the end token, where the encoder knows one, stays the last."""
        ...


class ByT5Tokenizer:
    """UTF-8 bytes plus 3 and the end token, as ByT5 does."""

    max_tokens = MAX_TOKENS
    fingerprint = "bytes"

    def tokens(self, text: str) -> list[int]:
        return [byte + BYTE_OFFSET for byte in text.encode()] + [END_ID]

    def cut(self, text: str) -> list[int]:
        whole_characters = text.encode()[: self.max_tokens - 1].decode(errors="ignore")
        return self.tokens(whole_characters)


def byte_tokens(text: str, max_tokens: int = MAX_TOKENS) -> list[int]:
    """UTF-8 bytes plus 3 and the end token. Raises ReferenceModelError when the text is longer than `max_tokens`."""
    ids = ByT5Tokenizer().tokens(text)
    if len(ids) > max_tokens:
        raise ReferenceModelError(
            f"a prompt of {len(ids) - 1} bytes is longer than the text encoder's {max_tokens - 1}: shorten the prompt"
        )
    return ids


def pad_tokens(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Ragged token lists to (ids (B, L) int64, mask (B, L) bool)."""
    length = max(len(row) for row in rows)
    ids = torch.full((len(rows), length), PAD_ID, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    return ids, torch.arange(length)[None, :] < torch.tensor([len(row) for row in rows])[:, None]


def stack_features(features: Sequence[torch.Tensor]) -> TextFeatures:
    """Features of single texts, each (L_i, D), to one padded batch."""
    padded = torch.nn.utils.rnn.pad_sequence(list(features), batch_first=True)
    lengths = torch.tensor([len(f) for f in features], device=padded.device)
    return TextFeatures(padded, torch.arange(padded.shape[1], device=padded.device)[None, :] < lengths[:, None])


def tiny_t5_config(width: int, layers: int, heads: int) -> "T5Config":
    """A byte-level T5 v1.1 configuration (gated GELU), with a shallow decoder used in pre-training only."""
    from transformers import T5Config

    return T5Config(
        vocab_size=VOCABULARY_SIZE,
        d_model=width,
        d_kv=width // heads,
        d_ff=2 * width,
        num_layers=layers,
        num_decoder_layers=max(1, layers // 2),
        num_heads=heads,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
        tie_word_embeddings=True,
        pad_token_id=PAD_ID,
        eos_token_id=END_ID,
        decoder_start_token_id=PAD_ID,
    )


class TextEncoder:
    """A frozen encoder and its tokenizer.

    encoder: called as encoder(input_ids=, attention_mask=), answers with `.last_hidden_state` (B, L, D), and has a
    `.config.hidden_size`; every text encoder of transformers does. long_texts: whether a text of more tokens than
    the encoder takes is refused or cut.
    """

    def __init__(
        self, encoder: torch.nn.Module, tokenizer: Tokenizer | None = None, long_texts: LongTexts = "refuse"
    ) -> None:
        if long_texts not in get_args(LongTexts):
            raise ReferenceModelError(f"long texts cannot be treated by {long_texts!r}: choose refuse or cut")
        self.encoder = encoder.eval().requires_grad_(False)
        self.tokenizer = tokenizer or ByT5Tokenizer()
        self.long_texts = long_texts

    @property
    def width(self) -> int:
        return int(self.encoder.config.hidden_size)  # type: ignore[union-attr,arg-type]

    @property
    def dtype(self) -> torch.dtype:
        return next(self.encoder.parameters()).dtype

    def is_too_long(self, text: str) -> bool:
        """Whether the text would be refused or cut."""
        return len(self.tokenizer.tokens(text)) > self.tokenizer.max_tokens

    def tokens(self, text: str) -> list[int]:
        """Token ids of one text. Raises ReferenceModelError when there are too many and `long_texts` is `refuse`."""
        ids, limit = self.tokenizer.tokens(text), self.tokenizer.max_tokens
        if len(ids) <= limit:
            return ids
        if self.long_texts == "cut":
            return self.tokenizer.cut(text)
        raise ReferenceModelError(
            f"a prompt of {len(ids)} tokens is longer than the text encoder's {limit}: shorten the prompt"
        )

    @torch.inference_mode()
    def encode(self, text: str) -> torch.Tensor:
        """Features (L, D) of one text, encoded alone, so that they never depend on a neighbour's padding."""
        device = next(self.encoder.parameters()).device
        ids = torch.tensor([self.tokens(text)], device=device)
        return self.encoder(input_ids=ids).last_hidden_state[0].float()

    @torch.no_grad()
    def encode_batch(self, texts: Sequence[str]) -> TextFeatures:
        """Padded features of many texts in one pass: for training, where the last bit of a float does not matter."""
        device = next(self.encoder.parameters()).device
        ids, mask = pad_tokens([self.tokens(text) for text in texts])
        ids, mask = ids.to(device), mask.to(device)
        return TextFeatures(self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state.float(), mask)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all that decides the features: weights, their dtype, configuration, and tokenizer."""
        digest = hashlib.sha256()
        kind = {"class": type(self.encoder).__name__, "config": _config_values(self.encoder.config)}
        tokenizer = {"tokenizer": self.tokenizer.fingerprint, "max_tokens": self.tokenizer.max_tokens}
        digest.update(json.dumps(kind | tokenizer, sort_keys=True, default=str).encode())
        for name, tensor in sorted(self.encoder.state_dict().items()):
            digest.update(f"\n{name}\t{tensor.dtype}\t{tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
        return digest.hexdigest()


def _config_values(config: Any) -> dict[str, Any]:
    """A configuration without what changes no feature: paths, versions, the dtype of the file."""
    values = asdict(config) if is_dataclass(config) and not isinstance(config, type) else config.to_dict()
    neutral = {"_name_or_path", "architectures", "dtype", "transformers_version"}
    return {name: value for name, value in values.items() if name not in neutral}


def load_text_encoder(folder: Path, dtype: str = "float32", long_texts: LongTexts = "refuse") -> TextEncoder:
    """The text encoder that transformers saved in a folder: the bundled kind, or any T5, BERT or CLIP text encoder.

    dtype: `float32` or `bfloat16`, whatever the file holds. Raises ReferenceModelError when the folder holds none, or
    not all of one, and for float16.
    """
    torch_dtype, config = text_dtype(dtype), _read_config(folder)
    if _is_byte_t5(config, folder):
        return TextEncoder(_load_byte_t5(folder, config).to(torch_dtype), ByT5Tokenizer(), long_texts)
    from reference_model.text.pretrained import load_pretrained

    encoder, tokenizer = load_pretrained(folder, str(config["model_type"]), torch_dtype)
    return TextEncoder(encoder, tokenizer, long_texts)


def width_of(folder: Path) -> int:
    """The width of the features of a text encoder's folder, without loading its weights. Raises as loading it does."""
    config = _read_config(folder)
    if _is_byte_t5(config, folder):
        return int(config["d_model"])
    from reference_model.text.pretrained import pretrained_width

    return pretrained_width(folder, str(config["model_type"]))


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text())
        return {**config, "model_type": str(config["model_type"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReferenceModelError(f"{folder} holds no text encoder: config.json cannot be read ({error})") from error


def text_dtype(name: str) -> torch.dtype:
    """The dtype a text encoder runs in. Raises ReferenceModelError for float16, with the reason, and unknown names."""
    if name in ("float16", "fp16", "half"):
        raise ReferenceModelError(
            "text encoders do not run in float16, where T5's activations overflow to infinity: use bfloat16 or float32"
        )
    if name not in get_args(TextDtype):
        raise ReferenceModelError(f"text encoders do not run in {name!r}: use float32 or bfloat16")
    return getattr(torch, name)


def _is_byte_t5(config: dict[str, Any], folder: Path) -> bool:
    """Whether it is the bundled kind: a gated T5 over bytes, which needs no tokenizer's files."""
    return (
        config.get("model_type") == "t5"
        and config.get("vocab_size") == VOCABULARY_SIZE
        and config.get("feed_forward_proj") == "gated-gelu"
        and not any(folder.glob("tokenizer*.json"))
        and (folder / "model.safetensors").is_file()
    )


def _load_byte_t5(folder: Path, config: dict[str, Any]) -> ByteT5Encoder:
    from safetensors.torch import load_file

    path = folder / "model.safetensors"
    with torch.device("meta"):
        encoder = ByteT5Encoder(ByteT5Config.from_json(config))
    try:
        saved = load_file(path)
        weights = {name: saved[transformers_name(name)].float() for name in encoder.state_dict()}
        encoder.load_state_dict(weights, assign=True)
    except KeyError as error:
        raise ReferenceModelError(f"{path} holds no whole text encoder: {error} is missing") from error
    except Exception as error:  # safetensors raises its own type, which is no OSError
        reason = str(error).splitlines()[-1].strip()
        raise ReferenceModelError(f"{path} cannot be read as a text encoder's weights: {reason}") from error
    return encoder
