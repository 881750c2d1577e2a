"""Training of the bundled scorer: a small open_clip model that tells which caption belongs to which scene.

It sees the same world as the cascade, with other seeds, and none of the held-out compositions. Every scene comes with
near misses (another colour, object, count, relation or word), because telling those apart is the scorer's work.
"""

import argparse
import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from reference_model.pixels import from_pixels
from reference_model.training.loop import LoopConfig, train
from reference_model.world.examples import batch_seeds
from reference_model.world.scene import Split
from reference_model.world.worlds import WORLDS, World, world_named

IMAGE_SIZE = 64
CONTEXT_LENGTH = 112
CONTEXT_LENGTHS = {"small": CONTEXT_LENGTH, "rich": 176}  # every caption of the world, with its two end tokens
START, END, FIRST_BYTE, VOCABULARY_SIZE = 257, 258, 1, 259  # the scorer's byte tokens: see metrics.features
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


def model_config(world: str) -> dict[str, Any]:
    """open_clip's configuration of the scorer of a world."""
    return {**MODEL_CONFIG, "text_cfg": {**MODEL_CONFIG["text_cfg"], "context_length": CONTEXT_LENGTHS[world]}}


class ScorerTraining:
    """The task: CLIP's symmetric contrastive loss over a batch of scene groups."""

    def __init__(self, batch: int, seed: str, world: World | None = None) -> None:
        from open_clip.model import CLIP

        torch.manual_seed(0)
        self.batch, self.seed, self.world = batch, seed, world or world_named("small")
        self.model_config = model_config(self.world.name)
        self.module: nn.Module = CLIP(**self.model_config)

    def loss(self, step: int) -> torch.Tensor:
        image, text = self._embed(self.module.train(), "train", self.seed, step)
        logits = self.module.logit_scale.exp().clamp(max=50) * image @ text.T  # type: ignore[operator]
        target = torch.arange(len(image))
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2

    @torch.no_grad()
    def evaluate(self, ema: nn.Module) -> dict[str, float]:
        """Retrieval on held-out compositions: among a scene's near misses, and among 200 random scenes."""
        return {
            "near_miss_accuracy": self._near_miss_accuracy(ema.eval()),
            "retrieval_200": self._retrieval(ema.eval(), 200),
        }

    def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
        """open_clip's local-directory layout, with a card beside it. Weights in fp16."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        weights = folder / "open_clip_model.safetensors"
        state = {k: v.half() if v.is_floating_point() else v for k, v in ema.state_dict().items()}
        save_file({k: v.contiguous() for k, v in state.items()}, weights)
        config = {"model_cfg": self.model_config, "preprocess_cfg": PREPROCESS_CONFIG}
        (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
        card = {
            "name": "bundled",
            "version": 1,
            "tokenizer": "bytes",
            "context_length": self.context_length,
            "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "training": {**log, "batch": self.batch},
        }
        (folder / "scorer.json").write_text(json.dumps(card, indent=2) + "\n")

    def _embed(self, module: nn.Module, split: Split, seed: str, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        images, texts = [], []
        for group_seed in batch_seeds(seed, step, self.batch // GROUP):
            random = Random(group_seed)
            scene = self.world.sample_scene(random, split)
            for variant in (scene, *(self.world.near_miss(scene, random, split) for _ in range(GROUP - 1))):
                images.append(_augmented(self._drawn(variant, random), random))
                texts.append(self.world.caption(variant, random))
        return self._encode(module, np.stack(images), texts)

    def _drawn(self, scene: Any, random: Random) -> np.ndarray:
        return self.world.render(self.world.sample_layout(scene, random), IMAGE_SIZE)

    def _near_miss_accuracy(self, module: nn.Module) -> float:
        hits = []
        for step in range(8):
            image, text = self._embed(module, "held_out", "scorer evaluation", step)
            image, text = image.unflatten(0, (-1, GROUP)), text.unflatten(0, (-1, GROUP))
            best = torch.einsum("gid,gjd->gij", image, text).argmax(2)
            hits.append((best == torch.arange(GROUP)).float().mean())
        return float(torch.stack(hits).mean())

    def _retrieval(self, module: nn.Module, count: int) -> float:
        random = Random("scorer retrieval")
        scenes = [self.world.sample_scene(random, "held_out") for _ in range(count)]
        images = np.stack([self._drawn(scene, random) for scene in scenes])
        image, text = self._encode(module, images, [self.world.caption(scene, random) for scene in scenes])
        return float(((image @ text.T).argmax(1) == torch.arange(count)).float().mean())

    @property
    def context_length(self) -> int:
        return CONTEXT_LENGTHS[self.world.name]

    def _encode(self, module: nn.Module, images: np.ndarray, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = from_pixels(images)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        tokens = _tokens(texts, self.context_length)
        return module.encode_image(pixels, normalize=True), module.encode_text(tokens, normalize=True)  # type: ignore[operator]


def _tokens(texts: list[str], context_length: int = CONTEXT_LENGTH) -> torch.Tensor:
    ids = torch.zeros(len(texts), context_length, dtype=torch.long)
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


def main() -> None:
    """`python -m reference_model.training.scorer --out DIR`: trains or resumes, then exports the scorer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--world", choices=WORLDS, default="small")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    task = ScorerTraining(args.batch, seed="scorer", world=world_named(args.world))
    train(task, LoopConfig(steps=args.steps, minutes=args.minutes, learning_rate=1e-3), args.out)


if __name__ == "__main__":
    main()
