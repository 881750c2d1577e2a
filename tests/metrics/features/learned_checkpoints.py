"""Tiny checkpoints of the learned scorers' true architectures, from a seed: the published names, few and narrow layers.

All numbers are exact in float16, as OpenAI's own code rounds to it. `learned_scores.json` holds what the scorers'
published codes say of them.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

Shapes = Mapping[str, tuple[int, ...]]

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "green", "cat", "dog", "on", "the", "of"]
WORDS += ["left", "ring", "cube", "##s", "##ing", "sit", "two", "and", "tall"]
PROMPTS = ("a red cube", "Two blue cats, sitting on the tall dog", "a ring " * 60)


def images() -> list[np.ndarray]:
    """Smooth noise of several shapes: square, wide, tall, small; uint8 (H, W, 3)."""
    random = np.random.RandomState(7)
    drawn = []
    for height, width in ((256, 256), (240, 320), (301, 224), (64, 64)):
        coarse = random.randint(0, 256, (height // 16 + 2, width // 16 + 2, 3))
        fine = np.kron(coarse, np.ones((16, 16, 1)))[:height, :width] + random.randint(-20, 21, (height, width, 3))
        drawn.append(np.clip(fine, 0, 255).astype(np.uint8))
    return drawn


def pick_score_state() -> dict[str, torch.Tensor]:
    """CLIP ViT-H/14 as transformers names it: heads of 80 and 64, two layers a tower."""
    shapes: dict[str, tuple[int, ...]] = {
        "logit_scale": (),
        "visual_projection.weight": (24, 160),
        "text_projection.weight": (24, 64),
        "vision_model.embeddings.class_embedding": (160,),
        "vision_model.embeddings.patch_embedding.weight": (160, 3, 14, 14),
        "vision_model.embeddings.position_embedding.weight": (257, 160),
        "text_model.embeddings.token_embedding.weight": (49408, 64),
        "text_model.embeddings.position_embedding.weight": (77, 64),
        **_pair("vision_model.pre_layrnorm", 160),
        **_pair("vision_model.post_layernorm", 160),
        **_pair("text_model.final_layer_norm", 64),
    }
    for tower, width in (("vision_model", 160), ("text_model", 64)):
        for layer in range(2):
            block = f"{tower}.encoder.layers.{layer}"
            for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
                shapes |= _pair(f"{block}.self_attn.{name}", width, width)
            shapes |= _pair(f"{block}.mlp.fc1", 4 * width, width) | _pair(f"{block}.mlp.fc2", width, 4 * width)
            shapes |= _pair(f"{block}.layer_norm1", width) | _pair(f"{block}.layer_norm2", width)
    return _drawn(shapes, 1) | {"logit_scale": torch.tensor(4.5)}


def open_clip_state(width: int, text_width: int, embedding: int, seed: int) -> dict[str, torch.Tensor]:
    """A CLIP with patches of 14 px as open_clip and OpenAI name it, two layers a tower."""
    shapes: dict[str, tuple[int, ...]] = {
        "positional_embedding": (77, text_width),
        "text_projection": (text_width, embedding),
        "logit_scale": (),
        "token_embedding.weight": (49408, text_width),
        "visual.class_embedding": (width,),
        "visual.positional_embedding": (257, width),
        "visual.proj": (width, embedding),
        "visual.conv1.weight": (width, 3, 14, 14),
        **_pair("visual.ln_pre", width),
        **_pair("visual.ln_post", width),
        **_pair("ln_final", text_width),
    }
    for tower, size in (("visual.transformer", width), ("transformer", text_width)):
        for layer in range(2):
            block = f"{tower}.resblocks.{layer}"
            shapes |= {f"{block}.attn.in_proj_weight": (3 * size, size), f"{block}.attn.in_proj_bias": (3 * size,)}
            shapes |= _pair(f"{block}.attn.out_proj", size, size)
            shapes |= _pair(f"{block}.mlp.c_fc", 4 * size, size) | _pair(f"{block}.mlp.c_proj", size, 4 * size)
            shapes |= _pair(f"{block}.ln_1", size) | _pair(f"{block}.ln_2", size)
    return _drawn(shapes, seed) | {"logit_scale": torch.tensor(4.5)}


def head_state(inputs: int, prefix: str, seed: int) -> dict[str, torch.Tensor]:
    """The five linear layers that LAION's second predictor and ImageReward share."""
    sizes = [inputs, 1024, 128, 64, 16, 1]
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (before, after) in zip((0, 2, 4, 6, 7), pairwise(sizes), strict=True):
        shapes |= _pair(f"{prefix}layers.{number}", after, before)
    return _drawn(shapes, seed)


def image_reward_state() -> dict[str, torch.Tensor]:
    """BLIP's image tower and text encoder with cross-attention, heads of 64, two layers each; and what is not read."""
    width, text = 128, 64
    shapes: dict[str, tuple[int, ...]] = {
        "blip.visual_encoder.cls_token": (1, 1, width),
        "blip.visual_encoder.pos_embed": (1, 197, width),
        **_pair("blip.visual_encoder.patch_embed.proj", width, 3, 16, 16),
        **_pair("blip.visual_encoder.norm", width),
        "blip.text_encoder.embeddings.word_embeddings.weight": (len(WORDS) + 2, text),
        "blip.text_encoder.embeddings.position_embeddings.weight": (512, text),
        **_pair("blip.text_encoder.embeddings.LayerNorm", text),
        **_pair("blip.vision_proj", 256, width),
        **_pair("blip.text_proj", 256, text),
    }
    for layer in range(2):
        block = f"blip.visual_encoder.blocks.{layer}"
        shapes |= _pair(f"{block}.norm1", width) | _pair(f"{block}.norm2", width)
        shapes |= _pair(f"{block}.attn.qkv", 3 * width, width) | _pair(f"{block}.attn.proj", width, width)
        shapes |= _pair(f"{block}.mlp.fc1", 4 * width, width) | _pair(f"{block}.mlp.fc2", width, 4 * width)
        block = f"blip.text_encoder.encoder.layer.{layer}"
        for attention, seen in (("attention", text), ("crossattention", width)):
            shapes |= _pair(f"{block}.{attention}.self.query", text, text)
            shapes |= _pair(f"{block}.{attention}.self.key", text, seen)
            shapes |= _pair(f"{block}.{attention}.self.value", text, seen)
            shapes |= _pair(f"{block}.{attention}.output.dense", text, text)
            shapes |= _pair(f"{block}.{attention}.output.LayerNorm", text)
        shapes |= _pair(f"{block}.intermediate.dense", 4 * text, text)
        shapes |= _pair(f"{block}.output.dense", text, 4 * text) | _pair(f"{block}.output.LayerNorm", text)
    positions = {"blip.text_encoder.embeddings.position_ids": torch.arange(512)[None]}
    return _drawn(shapes, 4) | head_state(text, "mlp.", 5) | positions


def write_pick_score(folder: Path) -> Path:
    """`model.safetensors`, as its publisher names it."""
    return _saved(folder, "model.safetensors", pick_score_state())


def write_hps(folder: Path) -> Path:
    """The state under `state_dict`, as HPS v2.1 is published."""
    return _saved(folder, "HPS_v2.1_compressed.pt", {"state_dict": open_clip_state(160, 64, 24, 2)})


def write_aesthetic(folder: Path) -> Path:
    """The linear layers, and the CLIP below them."""
    _saved(folder, "ViT-L-14.pt", open_clip_state(128, 64, 24, 3))
    return _saved(folder, "sac+logos+ava1-l14-linearMSE.pth", head_state(24, "", 6))


def write_image_reward(folder: Path) -> Path:
    """The network, and a vocabulary of few words."""
    path = _saved(folder, "ImageReward.pt", image_reward_state())
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return path


WRITERS = {
    "pick-score": write_pick_score,
    "hps-v2.1": write_hps,
    "aesthetic": write_aesthetic,
    "image-reward": write_image_reward,
}


def _saved(folder: Path, name: str, state: Mapping[str, object]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if name.endswith(".safetensors"):
        save_file(dict(state), folder / name)
    else:
        torch.save(dict(state), folder / name)
    return folder / name


def _pair(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _drawn(shapes: Shapes, seed: int) -> dict[str, torch.Tensor]:
    """Numpy's frozen generator, so that the same numbers come for ever."""
    random, state = np.random.RandomState(seed), {}
    for name in sorted(shapes):
        values = random.standard_normal(shapes[name])
        norm = re.search(r"(norm\w*|ln_\w+|LayerNorm)\.weight$", name)
        values = 1 + 0.2 * values if norm else values * (0.3 if len(shapes[name]) < 2 else 1.5 * _fan(shapes[name]))
        state[name] = torch.tensor(values, dtype=torch.float16).float()
    return state


def _fan(shape: tuple[int, ...]) -> float:
    return float(np.prod(shape[1:])) ** -0.5
