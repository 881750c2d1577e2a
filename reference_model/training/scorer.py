"""Training of the bundled scorer: a small open_clip model that tells which caption belongs to which scene.

It sees scenes of both worlds, with other seeds than the cascade's, and none of the compositions that each holds out.
Every scene comes with near misses, scenes with one thing changed: telling those apart is its work. Half of them are
exchanges (of colours, counts or places, or one letter for another), which no bag of words tells.
"""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from reference_model.pixels import from_pixels
from reference_model.training.options import add_loop_options, reported, run_training
from reference_model.training.text import Questions, questions_of
from reference_model.world.examples import batch_seeds
from reference_model.world.scene import Split
from reference_model.world.worlds import EXCHANGES, WORLDS, World, WorldName, world_named

VERSION = 3  # a retrained scorer that is to be shipped is a new one; protocol `bundled` names it
IMAGE_SIZE = 64
CONTEXT_LENGTH = 176  # every caption of both worlds, with its two end tokens
START, END, FIRST_BYTE, VOCABULARY_SIZE = 257, 258, 1, 259  # as metrics' byte tokenizer, which a test compares
GROUP = 4  # a scene and three near misses
BINDING_SHARE = 2 / 3  # of the scenes, that are drawn until they allow an exchange
EXCHANGE_SHARE = 0.6  # of the near misses of a scene that allows one
READING = 4.0  # weight of the two towers' reading beside the contrast
FOCUS = 2  # of the focal loss (Lin et al. 2017): what few scenes ask, as letters, drowns in what is known
TOLD = 100  # scenes, and as many near misses of them, that say how often a change is told

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


class ScorerModule(nn.Module):
    """The CLIP and, in training only, linear heads that read each world's scene from what either tower is about to
    project: every fact is learnt as such, where contrast alone teaches only what tells a batch apart."""

    def __init__(self, questions: Mapping[WorldName, Questions]) -> None:
        from open_clip.model import CLIP

        super().__init__()
        self.clip: Any = CLIP(**MODEL_CONFIG)
        self.sizes = {name: asked.sizes for name, asked in questions.items()}
        grid = math.ceil(IMAGE_SIZE / 32) ** 2
        widths = {"image": 32 * MODEL_CONFIG["vision_cfg"]["width"] * grid, "text": MODEL_CONFIG["text_cfg"]["width"]}
        self.heads = nn.ModuleDict(
            {
                f"{name} {side}": nn.Linear(width, sum(sizes))
                for name, sizes in self.sizes.items()
                for side, width in widths.items()
            }
        )

    def images(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit vectors (B, D) of pixels (B, 3, H, W) in [-1, 1], and what they are made of (B, F)."""
        visual, seen = self.clip.visual, []
        with visual.attnpool.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])):
            image = F.normalize(visual(pixels), dim=-1)
        return image, seen[0].flatten(1)

    def texts(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit vectors (B, D) of tokens (B, L), L up to the context, and what they are made of (B, F).

        As open_clip's own function, which takes the whole context.
        """
        clip, length = self.clip, tokens.shape[1]
        x = clip.token_embedding(tokens) + clip.positional_embedding[:length]
        x = clip.ln_final(clip.transformer(x, attn_mask=clip.attn_mask[:length, :length]))
        ends = x[torch.arange(len(x), device=x.device), tokens.argmax(1)]  # the end token has the largest id
        return F.normalize(ends @ clip.text_projection, dim=-1), ends

    def reading_loss(
        self, side: str, features: torch.Tensor, worlds: Sequence[str], labels: Sequence[list[int]]
    ) -> torch.Tensor:
        """Mean focal loss of all questions about the scenes, each of its own world."""
        losses = []
        for name, sizes in self.sizes.items():
            rows = [i for i, world in enumerate(worlds) if world == name]
            if not rows:  # of a batch with fewer groups than worlds
                continue
            asked = torch.tensor([labels[i] for i in rows], device=features.device)
            logits = self.heads[f"{name} {side}"](features[rows]).split(sizes, dim=1)
            losses += [_focal_loss(answer, asked[:, i]) for i, answer in enumerate(logits)]
        return torch.stack(losses).mean()


def _focal_loss(logits: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each answer, the less of it the surer the answer is."""
    lacking = F.cross_entropy(logits, asked, reduction="none")
    return ((1 - torch.exp(-lacking)) ** FOCUS * lacking).mean()


@dataclass(frozen=True)
class Batch:
    """Images uint8 (B, S, S, 3), their captions, the world and the facts of each."""

    images: np.ndarray
    texts: list[str]
    worlds: Sequence[str]
    labels: list[list[int]]


class ScorerTraining:
    """The task: CLIP's symmetric contrastive loss over a batch of scene groups, of each world in turn, and reading."""

    def __init__(self, batch: int, seed: str, worlds: Sequence[World], device: str = "cpu", told: int = TOLD) -> None:
        torch.manual_seed(0)
        self.batch, self.seed, self.worlds, self.told = batch, seed, worlds, told
        self.questions = {world.name: questions_of(world) for world in worlds}
        self.module: Any = ScorerModule(self.questions).to(device)

    def loss(self, step: int) -> torch.Tensor:
        module, batch = self.module.train(), self._examples(step)
        image, seen = module.images(_pixels(module, batch.images))
        text, read = _texts(module, batch.texts)
        logits = module.clip.logit_scale.exp().clamp(max=50) * image @ text.T
        target = torch.arange(len(image), device=image.device)
        contrast = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        reading = [
            module.reading_loss(side, features, batch.worlds, batch.labels)
            for side, features in (("image", seen), ("text", read))
        ]
        return contrast + READING * torch.stack(reading).sum()

    @torch.no_grad()
    def evaluate(self, ema: nn.Module) -> dict[str, float]:
        """On each world's held-out compositions: how often each change is told, and retrieval among 200 scenes."""
        measured: dict[str, float] = {}
        for world in self.worlds:
            told = {what: told_share(ema.eval(), world, what, self.told) for what in world.changes}
            measured |= {f"{world.name}: told {what}": share for what, share in told.items()}
            measured[f"{world.name}: retrieval_200"] = self._retrieval(ema.eval(), world, 200)
        return measured

    def export(self, ema: Any, folder: Path, log: dict[str, float]) -> None:
        """open_clip's local-directory layout, with a card beside it. Weights in fp16."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        weights = folder / "open_clip_model.safetensors"
        state = {k: v.half() if v.is_floating_point() else v for k, v in ema.clip.state_dict().items()}
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
        """The CLIP alone: the heads are no part of an export, and begin anew."""
        from safetensors.torch import load_file

        self.module.clip.load_state_dict(load_file(folder / "open_clip_model.safetensors"))
        return int(json.loads((folder / "scorer.json").read_text())["training"]["step"])

    def _examples(self, step: int) -> Batch:
        images, texts, worlds, labels = [], [], [], []
        for number, group_seed in enumerate(batch_seeds(self.seed, step, self.batch // GROUP)):
            random, world = Random(group_seed), self.worlds[number % len(self.worlds)]
            for variant in scene_group(world, random, "train"):
                lesson = self.questions[world.name].lesson(variant, random)
                images.append(_augmented(_drawn(world, variant, random), random))
                texts.append(lesson.text)
                worlds.append(world.name)
                labels.append(lesson.labels)
        return Batch(np.stack(images), texts, worlds, labels)

    def _retrieval(self, module: nn.Module, world: World, count: int) -> float:
        random = Random("scorer retrieval")
        scenes = [world.sample_scene(random, "held_out") for _ in range(count)]
        images = np.stack([_drawn(world, scene, random) for scene in scenes])
        image, text = _encode(module, images, [world.caption(scene, random) for scene in scenes])
        return float(((image @ text.T).argmax(1).cpu() == torch.arange(count)).float().mean())


def scene_group(world: World, random: Random, split: Split) -> list[Any]:
    """A scene and its near misses, half of which are exchanges over many groups."""
    scene = world.sample_scene(random, split)
    exchanged = world.near_miss(scene, random, split, EXCHANGES)
    if random.random() < BINDING_SHARE:
        while exchanged is None:
            scene = world.sample_scene(random, split)
            exchanged = world.near_miss(scene, random, split, EXCHANGES)
    others = [what for what in world.changes if what not in EXCHANGES]
    group = [scene]
    while len(group) < GROUP:
        changes = EXCHANGES if exchanged is not None and random.random() < EXCHANGE_SHARE else others
        variant = world.near_miss(scene, random, split, changes)
        group += [] if variant is None else [variant]
    return group


def told_share(module: nn.Module, world: World, what: str, count: int) -> float:
    """How often a scene's caption suits its own image better than that of a near miss by this change, and the near
    miss's caption its own image better than the scene's: a share of 2 * count comparisons on held-out scenes.

    An equal mark counts half: one half is chance.
    """
    random = Random(f"scorer evaluation: {what}")
    pairs: list[tuple[Any, Any]] = []
    while len(pairs) < count:
        scene = world.sample_scene(random, "held_out")
        other = world.near_miss(scene, random, "held_out", (what,))
        pairs += [] if other is None else [(scene, other)]
    scenes = [scene for pair in pairs for scene in pair]
    images = np.stack([_drawn(world, scene, random) for scene in scenes])
    image, text = _encode(module, images, [world.caption(scene, random) for scene in scenes])
    image, text = image.unflatten(0, (-1, 2)), text.unflatten(0, (-1, 2))
    suits = torch.einsum("pid,ptd->pti", image, text)  # (pair, text, image)
    better = suits.diagonal(dim1=1, dim2=2) - suits.flip(2).diagonal(dim1=1, dim2=2)
    return float((better.sign() + 1).mean() / 2)


def _drawn(world: World, scene: Any, random: Random) -> np.ndarray:
    return world.render(world.sample_layout(scene, random), IMAGE_SIZE)


def _encode(module: Any, images: np.ndarray, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    return module.images(_pixels(module, images))[0], _texts(module, texts)[0]


def _pixels(module: nn.Module, images: np.ndarray) -> torch.Tensor:
    device = next(module.parameters()).device
    pixels = from_pixels(images).to(device)
    if pixels.shape[-1] != IMAGE_SIZE:
        pixels = F.interpolate(pixels, size=IMAGE_SIZE, mode="bicubic", antialias=True).clamp(-1, 1)
    return pixels.contiguous(memory_format=torch.channels_last)


def _texts(module: Any, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """`texts` of the module, a quarter of them at a time, by length: short ones are not padded to the longest."""
    device = next(module.parameters()).device
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    parts = [order[i : i + math.ceil(len(order) / 4)] for i in range(0, len(order), math.ceil(len(order) / 4))]
    encoded = [module.texts(_tokens([texts[i] for i in part]).to(device)) for part in parts]
    back = torch.tensor(order, device=device).argsort()
    return torch.cat([unit for unit, _ in encoded])[back], torch.cat([ends for _, ends in encoded])[back]


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
    parser.add_argument("--world", choices=WORLDS, nargs="+", default=["small", "rich"])
    add_loop_options(parser, minutes=20, batch=128)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    run_training(ScorerTraining(args.batch, "scorer", [world_named(name) for name in args.world], args.device), args)


if __name__ == "__main__":
    sys.exit(main())
