"""all-MiniLM-L6-v2 (Reimers and Gurevych 2019): sentences to unit vectors; mean of the tokens that are no padding."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from metrics.errors import MetricInputError
from metrics.features.clip.text_batches import encode_in_batches
from metrics.features.extractor import exact_float32
from metrics.features.packaged import MINILM_L6

CONTEXT = 256  # tokens, as its own configuration of sentence-transformers has it
DIMENSION = 384
PADDING = 0  # the id of [PAD]
UNUSED = ("embeddings.position_ids", "pooler.")  # tensors of the file that a mean over tokens does not read


class MiniLm:
    """The sentence encoder; reads only texts."""

    def __init__(self, device: str = "cpu") -> None:
        """Load the model from its package. Raises MetricInputError when it is missing or wrong."""
        self.device = device
        network, self._tokenizer = _load(MINILM_L6.checked())
        self._network = network.to(device)

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """n texts to unit vectors, float32 (n, 384). Longer ones than 256 tokens are cut; see `truncated`."""
        with exact_float32():
            return encode_in_batches(texts, self._ids, _longest, self._embed, self.device)

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        """For each text, whether only its beginning is read."""
        return [bool(encoding.overflowing) for encoding in self._tokenizer.encode_batch(list(texts))]

    def _ids(self, texts: list[str]) -> torch.Tensor:
        return torch.tensor([encoding.ids for encoding in self._tokenizer.encode_batch(texts)])  # (B, 256)

    def _embed(self, ids: torch.Tensor) -> torch.Tensor:
        ids = ids.to(self.device)
        mask = (ids != PADDING).long()
        tokens = self._network(input_ids=ids, attention_mask=mask).last_hidden_state  # (B, L, 384)
        weight = mask.unsqueeze(-1).float()
        return F.normalize((tokens * weight).sum(dim=1) / weight.sum(dim=1), dim=1)


def _longest(ids: torch.Tensor) -> int:
    """Columns up to the last that is no padding in every row."""
    return int((ids != PADDING).any(dim=0).nonzero().max()) + 1


def _load(path: Path) -> tuple[Any, Any]:
    """Network and tokenizer, read out of the package's zip file without unpacking it."""
    from safetensors.torch import load
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    try:
        with zipfile.ZipFile(path) as archive:
            settings = json.loads(archive.read("config.json"))
            weights = load(archive.read("model.safetensors"))
            tokenizer = Tokenizer.from_str(archive.read("tokenizer.json").decode())
        with torch.random.fork_rng(devices=[]):  # making a network draws random numbers that belong to the caller
            network = BertModel(BertConfig.from_dict(settings), add_pooling_layer=False)
        kept = {name: tensor for name, tensor in weights.items() if not name.startswith(UNUSED)}
        network.load_state_dict(kept, strict=True)
    except Exception as error:  # of any kind, as junk leads the reader anywhere
        raise MetricInputError(f"{path} holds no sentence encoder: install its package again") from error
    tokenizer.enable_truncation(CONTEXT)
    tokenizer.enable_padding(pad_id=PADDING, pad_token="[PAD]", length=CONTEXT)
    return network.float().eval().requires_grad_(False), tokenizer
