"""The frozen text encoder (Imagen, sec. 2.1): a T5 encoder through transformers, byte-level in the bundled size.

The encoder is trained on text alone and never again; the U-Nets see its token features and a mask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from reference_model.errors import ReferenceModelError

if TYPE_CHECKING:
    from transformers import T5Config

PAD_ID, END_ID, BYTE_OFFSET = 0, 1, 3  # ByT5's convention: byte b is token b + 3
SENTINEL_OFFSET = 259
VOCABULARY_SIZE = 384
MAX_TOKENS = 320


@dataclass(frozen=True)
class TextFeatures:
    """Features of a batch of texts.

    tokens: float (B, L, D); mask: bool (B, L), True where a token is real. Padding is never attended to.
    """

    tokens: torch.Tensor
    mask: torch.Tensor

    def to(self, device: torch.device | str) -> "TextFeatures":
        return TextFeatures(self.tokens.to(device), self.mask.to(device))


def byte_tokens(text: str, max_tokens: int = MAX_TOKENS) -> list[int]:
    """UTF-8 bytes plus 3 and the end token. Raises ReferenceModelError when the text is longer than `max_tokens`."""
    data = text.encode()
    if len(data) + 1 > max_tokens:
        raise ReferenceModelError(
            f"a prompt of {len(data)} bytes is longer than the text encoder's {max_tokens - 1}: shorten the prompt"
        )
    return [byte + BYTE_OFFSET for byte in data] + [END_ID]


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
    """A frozen T5 encoder and its byte tokens.

    Each text is encoded alone, so that its features never depend on its neighbours' padding.
    """

    def __init__(self, encoder: torch.nn.Module) -> None:
        self.encoder = encoder.eval().requires_grad_(False)

    @property
    def width(self) -> int:
        return int(self.encoder.config.d_model)  # type: ignore[union-attr,arg-type]

    @torch.inference_mode()
    def encode(self, text: str) -> torch.Tensor:
        """Features (L, D) of one text."""
        device = next(self.encoder.parameters()).device
        ids = torch.tensor([byte_tokens(text)], device=device)
        return self.encoder(input_ids=ids).last_hidden_state[0].float()

    @torch.no_grad()
    def encode_batch(self, texts: Sequence[str]) -> TextFeatures:
        """Padded features of many texts in one pass: for training, where the last bit of a float does not matter."""
        device = next(self.encoder.parameters()).device
        ids, mask = pad_tokens([byte_tokens(text) for text in texts])
        ids, mask = ids.to(device), mask.to(device)
        return TextFeatures(self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state.float(), mask)


def load_text_encoder(folder: Path) -> TextEncoder:
    """A T5 encoder saved by transformers. Never in fp16, where T5 overflows: half-precision weights run in fp32."""
    from transformers import T5EncoderModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # the weights load in no time; a bar of their own would break up ours
    try:
        encoder = T5EncoderModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ReferenceModelError(f"{folder} holds no T5 text encoder: {str(error).splitlines()[0]}") from error
    finally:
        logging.enable_progress_bar()
    return TextEncoder(encoder)
