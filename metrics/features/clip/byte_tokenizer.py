"""The bundled scorer's tokenizer: UTF-8 bytes, so that a misspelt or rare word is never an unknown one."""

from collections.abc import Sequence

import torch

PAD = 0
FIRST_BYTE = 1  # byte b has id b + 1
START = 257
END = 258  # the largest id: CLIP's text tower pools at the position of the largest
VOCAB_SIZE = 259


class ByteTokenizer:
    """Texts -> ids: start, the text's UTF-8 bytes as they are (case kept), end, padding.

    A text of more than `context_length - 2` bytes loses its last bytes and keeps the end token;
    `truncated` counts such texts, because a score that read only half a prompt must say so.
    """

    vocab_size = VOCAB_SIZE

    def __init__(self, context_length: int) -> None:
        if context_length < 3:
            raise ValueError(f"context_length must leave room for start, one byte and end: got {context_length}")
        self.context_length = context_length

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Ids, int64 (B, context_length), in the order of `texts`."""
        ids = torch.full((len(texts), self.context_length), PAD, dtype=torch.long)
        for row, text in zip(ids, texts, strict=True):
            tokens = [START, *(byte + FIRST_BYTE for byte in text.encode()[: self.context_length - 2]), END]
            row[: len(tokens)] = torch.tensor(tokens)
        return ids

    def truncated(self, texts: Sequence[str]) -> int:
        """How many of the texts do not fit and are cut."""
        return sum(len(text.encode()) > self.context_length - 2 for text in texts)
