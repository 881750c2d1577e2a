"""Small random networks in the file formats of the real ones: they prove loading and arithmetic, not the weights."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

TINY_CLIP: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 40, "vocab_size": 259, "width": 32, "heads": 2, "layers": 1},
}


def tiny_clip_network(seed: int = 0, config: dict[str, Any] = TINY_CLIP) -> nn.Module:
    """A random CLIP of open_clip, without touching the global random state."""
    from open_clip.model import CLIP

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIP(**json.loads(json.dumps(config))).eval()


def write_scorer(folder: Path, seed: int = 0, **card: object) -> Path:
    """A scorer folder in the layout of the bundled one."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "open_clip_model.safetensors"
    save_file({name: value.contiguous() for name, value in tiny_clip_network(seed).state_dict().items()}, weights)
    preprocess = {
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
    settings = {"model_cfg": TINY_CLIP, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(settings))
    facts = {
        "name": "stand-in",
        "version": 3,
        "tokenizer": "bytes",
        "context_length": 40,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    (folder / "scorer.json").write_text(json.dumps(facts | card))
    return folder


class _Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2048, 23, 23)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.convolution(x)).mean(dim=[2, 3])


class _Inception(nn.Module):
    """The calling convention of inception-2015-12-05.pt: `layers`, and a resize inside for pixels in 0..255."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = _Layers()

    def forward(self, x: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        x = nn.functional.interpolate(x, size=[299, 299], mode="bilinear", align_corners=False)
        return self.layers((x - 128) / 128)


def write_inception(folder: Path, seed: int = 0) -> Path:
    """A random network under the real file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "inception-2015-12-05.pt"
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated, and the format of the real file
        torch.manual_seed(seed)
        torch.jit.script(_Inception()).save(str(path))
    return path


def write_transformers_clip(folder: Path, seed: int = 0) -> Path:
    """A tiny random CLIP as transformers saves one, with OpenAI's kind of tokenizer (bytes only, no merges)."""
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    alphabet = [chr(code) for code in range(33, 127)] + [chr(code) for code in range(256, 256 + 162)]
    vocab = {piece: number for number, piece in enumerate([*alphabet, *(f"{letter}</w>" for letter in alphabet)])}
    vocab |= {"<|startoftext|>": 512, "<|endoftext|>": 513}
    CLIPTokenizer(vocab=vocab, merges=[]).save_pretrained(folder)
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {"vocab_size": 514, "max_position_embeddings": 16, "bos_token_id": 512, "eos_token_id": 513}
    config = CLIPConfig(
        text_config={**tower, **text, "pad_token_id": 513},
        vision_config={**tower, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder
