"""Training of the bundled scorer: a small open_clip model that tells which caption belongs to which scene.

It sees scenes of both worlds, with other seeds than the cascade's, and none of the compositions that each holds out.
Every scene comes with near misses (another colour, object, count, relation or word): telling those apart is its work.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from reference_model.pixels import from_pixels
from reference_model.training.options import add_loop_options, reported, run_training
from reference_model.world.examples import batch_seeds
from reference_model.world.scene import Split
from reference_model.world.worlds import WORLDS, World, world_named

VERSION = 2  # a retrained scorer that is to be shipped is a new one; protocol `bundled` names it
IMAGE_SIZE = 64
CONTEXT_LENGTH = 176  # every caption of both worlds, with its two end tokens
START, END, FIRST_BYTE, VOCABULARY_SIZE = 257, 258, 1, 259  # as metrics' byte tokenizer, which a test compares
GROUP = 4  # a scene and three near misses

MODEL_CONFIG: dict[str, Any] = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": IMAGE_SIZE, "layers": [1, 2, 2, 1], "width": 24, "head_width": 64},
    "text_cfg": {
        "context_length": CONTEXT_LENGTH,
        "vocab_size": VOCABULARY_SIZE,
        "width": 128,
        "heads": 4,
        "layers": 3,
    },
}
PREPROCESS_CONFIG = {
    "size": [IMAGE_SIZE, IMAGE_SIZE],
    "mode": "RGB",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
    "fill_color": 0,
}


class ScorerTraining:
    """The task: CLIP's symmetric contrastive loss over a batch of scene groups, of each world in turn."""

    def __init__(self, batch: int, seed: str, worlds: Sequence[World], device: str = "cpu") -> None:
        from open_clip.model import CLIP

        torch.manual_seed(0)
        self.batch, self.seed, self.worlds = batch, seed, worlds
        self.module: nn.Module = CLIP(**MODEL_CONFIG).to(device)

    def loss(self, step: int) -> torch.Tensor:
        image, text = self._embed(self.module.train(), "train", self.seed, step, self.worlds)
        logits = self.module.logit_scale.exp().clamp(max=50) * image @ text.T  # type: ignore[operator]
        target = torch.arange(len(image), device=image.device)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2

    @torch.no_grad()
    def evaluate(self, ema: nn.Module) -> dict[str, float]:
        """Retrieval on each world's held-out compositions: among a scene's near misses, and among 200 scenes."""
        measured = {}
        for world in self.worlds:
            measured[f"{world.name}: near_miss_accuracy"] = self._near_miss_accuracy(ema.eval(), world)
            measured[f"{world.name}: retrieval_200"] = self._retrieval(ema.eval(), world, 200)
        return measured

    def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
        """open_clip's local-directory layout, with a card beside it. Weights in fp16."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        weights = folder / "open_clip_model.safetensors"
        state = {k: v.half() if v.is_floating_point() else v for k, v in ema.state_dict().items()}
        save_file({k: v.contiguous() for k, v in state.items()}, weights)
        config = {"model_cfg": MODEL_CONFIG, "preprocess_cfg": PREPROCESS_CONFIG}
        (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
        card = {
            "name": "bundled",
            "version": VERSION,
            "tokenizer": "bytes",
            "context_length": CONTEXT_LENGTH,
            "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "training": {**log, "batch": self.batch},
        }
        (folder / "scorer.json").write_text(json.dumps(card, indent=2) + "\n")

    def load(self, folder: Path) -> int:
        from safetensors.torch import load_file

        self.module.load_state_dict(load_file(folder / "open_clip_model.safetensors"))
        return int(json.loads((folder / "scorer.json").read_text())["training"]["step"])

    def _embed(
        self, module: nn.Module, split: Split, seed: str, step: int, worlds: Sequence[World]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        images, texts = [], []
        for number, group_seed in enumerate(batch_seeds(seed, step, self.batch // GROUP)):
            random, world = Random(group_seed), worlds[number % len(worlds)]
            scene = world.sample_scene(random, split)
            for variant in (scene, *(world.near_miss(scene, random, split) for _ in range(GROUP - 1))):
                images.append(_augmented(_drawn(world, variant, random), random))
                texts.append(world.caption(variant, random))
        return _encode(module, np.stack(images), texts)

    def _near_miss_accuracy(self, module: nn.Module, world: World) -> float:
        hits = []
        for step in range(16):
            image, text = self._embed(module, "held_out", "scorer evaluation", step, [world])
            image, text = image.unflatten(0, (-1, GROUP)), text.unflatten(0, (-1, GROUP))
            best = torch.einsum("gid,gjd->gij", image, text).argmax(2)
            hits.append((best == torch.arange(GROUP, device=best.device)).float().mean())
        return float(torch.stack(hits).mean())

    def _retrieval(self, module: nn.Module, world: World, count: int) -> float:
        random = Random("scorer retrieval")
        scenes = [world.sample_scene(random, "held_out") for _ in range(count)]
        images = np.stack([_drawn(world, scene, random) for scene in scenes])
        image, text = _encode(module, images, [world.caption(scene, random) for scene in scenes])
        return float(((image @ text.T).argmax(1).cpu() == torch.arange(count)).float().mean())


def _drawn(world: World, scene: Any, random: Random) -> np.ndarray:
    return world.render(world.sample_layout(scene, random), IMAGE_SIZE)


def _encode(module: nn.Module, images: np.ndarray, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    device = next(module.parameters()).device
    pixels = from_pixels(images).to(device).contiguous(memory_format=torch.channels_last)
    image = module.encode_image(pixels, normalize=True)  # type: ignore[operator]
    return image, _embed_texts(module, _tokens(texts).to(device))


def _embed_texts(module: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Unit vectors (B, D) of tokens (B, L), L up to the context: open_clip's own function takes the whole of it."""
    length = tokens.shape[1]
    x = module.token_embedding(tokens) + module.positional_embedding[:length]
    x = module.ln_final(module.transformer(x, attn_mask=module.attn_mask[:length, :length]))
    ends = x[torch.arange(len(x), device=x.device), tokens.argmax(1)]  # the end token has the largest id
    return F.normalize(ends @ module.text_projection, dim=-1)


def _tokens(texts: list[str]) -> torch.Tensor:
    """Padded to the longest of the texts: nothing after a text's end token is read."""
    ids = torch.zeros(len(texts), max(len(text.encode()) for text in texts) + 2, dtype=torch.long)
    for row, text in zip(ids, texts, strict=True):
        tokens = [START, *(byte + FIRST_BYTE for byte in text.encode()), END]
        row[: len(tokens)] = torch.tensor(tokens)
    return ids


def _augmented(image: np.ndarray, random: Random) -> np.ndarray:
    """Some images noisy or blurred, so that a generator's small faults do not leave the scorer's experience."""
    kind = random.random()
    if kind < 0.25:
        noise = np.random.default_rng(random.getrandbits(32)).normal(0, random.uniform(2, 20), image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8)
    if kind < 0.5:
        from PIL import Image, ImageFilter

        return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.2))))
    return image


@reported
def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.training.scorer --out DIR`: trains or resumes, then exports the scorer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", choices=WORLDS, nargs="+", default=list(WORLDS))
    add_loop_options(parser, minutes=20, batch=128)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    run_training(ScorerTraining(args.batch, "scorer", [world_named(name) for name in args.world], args.device), args)


if __name__ == "__main__":
    sys.exit(main())
