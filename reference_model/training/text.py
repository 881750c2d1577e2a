"""Training of the frozen text encoder on text alone: every token learns to tell the whole scene of its caption.

The task is parsing: from a caption's bytes to the scene's objects and colours (left or upper one first), their count,
relation, setting, and the letters of a word; and, at the words that name an item, where it stands. No image is seen.
docs/decisions.md tells why this and not T5's span corruption in the bundled size.
"""

import argparse
import copy
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import nn

from reference_model.text.encoder import byte_tokens, pad_tokens, tiny_t5_config
from reference_model.training.options import add_loop_options, reported, run_training
from reference_model.world.captions import caption
from reference_model.world.examples import batch_seeds
from reference_model.world.objects import COLOURS, OBJECTS
from reference_model.world.scene import COUNTS, OPPOSITE, SETTINGS, SIGN_OBJECT, Scene, Split
from reference_model.world.worlds import SMALL_WORLDS, WORLDS, World, world_named

MAX_LETTERS = 4
# Of captions drawn again until they tell of a pair, whose order is the hardest to learn, or of a word.
PAIR_SHARE, WORD_SHARE = 0.4, 0.2
_OBJECT_NAMES = ("", SIGN_OBJECT, *OBJECTS)
_COLOUR_NAMES = ("", *COLOURS)
_AXES = ("", "horizontal", "vertical")
_LETTERS = " ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_ROLES = ("", "left of", "right of", "above", "below")  # where the item that a token names stands

# Number of answers to each question, in the order of `parse_labels`.
LABEL_SIZES: tuple[int, ...] = (
    *(len(_OBJECT_NAMES), len(_COLOUR_NAMES)) * 2,
    len(_AXES),
    len(COUNTS),
    len(SETTINGS),
    *(len(_LETTERS),) * MAX_LETTERS,
)


def parse_labels(scene: Scene) -> list[int]:
    """The scene as answers: object and colour of both items, left or upper first; axis, count, setting, letters."""
    items = list(scene.items)
    if scene.relation in ("right of", "below"):
        items.reverse()
    names = [(item.object, item.colour) for item in items] + [("", "")] * (2 - len(items))
    axis = "" if scene.relation is None else "horizontal" if scene.relation.endswith("of") else "vertical"
    word = (scene.word or "").ljust(MAX_LETTERS)
    return [
        *(i for name, colour in names for i in (_OBJECT_NAMES.index(name), _COLOUR_NAMES.index(colour))),
        _AXES.index(axis),
        COUNTS.index(scene.items[0].count),
        SETTINGS.index(scene.setting),
        *(_LETTERS.index(letter) for letter in word),
    ]


def role_labels(scene: Scene, text: str) -> list[int]:
    """For every token of the caption, the role in _ROLES of the item that its words name; 0 elsewhere."""
    roles = [0] * len(byte_tokens(text))
    if scene.relation is None:
        return roles
    for item, role in zip(scene.items, (scene.relation, OPPOSITE[scene.relation]), strict=True):
        named = re.search(rf"{item.colour}( colored)? {item.object}", text, re.IGNORECASE)
        if named is None:
            raise ValueError(f"{text!r} does not name the {item.colour} {item.object} of its scene")
        start, end = (len(text[:i].encode()) for i in named.span())
        roles[start:end] = [_ROLES.index(role)] * (end - start)
    return roles


@dataclass(frozen=True)
class Lesson:
    """A caption, the answers to every question about its scene, and the role of each of its tokens."""

    text: str
    labels: list[int]
    roles: list[int]


class Questions(Protocol):
    """What is asked about a world's scenes: how many answers each question has, and how many roles a token can have.

    letters: how many of the questions, the last ones, are the letters of a word, in order; 0 is none.
    """

    sizes: tuple[int, ...]
    roles: int
    letters: int

    def lesson(self, scene: Any, random: Random) -> Lesson: ...


class SmallQuestions:
    """Those of `parse_labels` and `role_labels`."""

    sizes = LABEL_SIZES
    roles = len(_ROLES)
    letters = MAX_LETTERS

    def lesson(self, scene: Scene, random: Random) -> Lesson:
        text = caption(scene, random)
        return Lesson(text, parse_labels(scene), role_labels(scene, text))


class RichQuestions:
    """Those of `rich.questions`; a token's role is which of the scene's items its words name."""

    def __init__(self) -> None:
        from reference_model.world.rich.questions import ANSWERS, MOST_ITEMS
        from reference_model.world.rich.words import LONGEST

        self.sizes, self.roles, self.letters = ANSWERS, 1 + MOST_ITEMS, LONGEST

    def lesson(self, scene: Any, random: Random) -> Lesson:
        from reference_model.world.rich.captions import tell
        from reference_model.world.rich.questions import answers, item_order

        told, order = tell(scene, random), item_order(scene)
        roles = [0] * len(byte_tokens(told.text))  # captions are ASCII: a character is a token
        for item, start, end in told.mentions:
            roles[start:end] = [1 + order.index(item)] * (end - start)
        return Lesson(told.text, answers(scene), roles)


def questions_of(world: World) -> Questions:
    """What is asked about that world's scenes."""
    return SmallQuestions() if world.name in SMALL_WORLDS else RichQuestions()


class SceneParser(nn.Module):
    """The encoder and, in training only, a linear head that reads every label from each token's features."""

    def __init__(self, width: int, layers: int, questions: Questions) -> None:
        super().__init__()
        from transformers import T5EncoderModel

        self.encoder = T5EncoderModel(tiny_t5_config(width, layers, heads=4))
        self.answers = (*questions.sizes, questions.roles)
        self.head = nn.Linear(width, sum(self.answers))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Token ids and mask (B, L) -> logits (B, L, answers) for each question; the last is the token's own role."""
        features = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return self.head(features).split(self.answers, dim=2)


class Parsing:
    """The task: cross-entropy of every question at every token."""

    def __init__(
        self, width: int, layers: int, batch: int, seed: str, world: World | None = None, device: str = "cpu"
    ) -> None:
        torch.manual_seed(0)
        self.device = torch.device(device)
        self.world = world or world_named("small")
        self.questions = questions_of(self.world)
        self.module: nn.Module = SceneParser(width, layers, self.questions).to(self.device)
        self.batch, self.seed = batch, seed

    def loss(self, step: int) -> torch.Tensor:
        ids, mask, labels, roles = self._examples("train", self.seed, step)
        *answers, own = self.module(ids, mask)
        losses = [
            F.cross_entropy(logits[mask], labels[:, i, None].expand_as(mask)[mask]) for i, logits in enumerate(answers)
        ]
        return torch.stack(losses).mean() + F.cross_entropy(own[mask], roles[mask])

    @torch.no_grad()
    def evaluate(self, ema: nn.Module) -> dict[str, float]:
        """On held-out compositions, at the end token: the share of facts told, and of captions with all of them.

        Letters are no facts. Of words of two to four the shares of right letters and of whole words: what a linear
        probe reads.
        """
        right, asked = [], []
        for step in range(8):
            ids, mask, labels, _ = self._examples("held_out", "text evaluation", step)
            last = mask.sum(1) - 1
            answers = [
                logits[torch.arange(len(ids), device=ids.device), last].argmax(1) for logits in ema(ids, mask)[:-1]
            ]
            right.append((torch.stack(answers, dim=1) == labels).float())
            asked.append(labels)
        stacked, labels = torch.cat(right), torch.cat(asked)
        facts, told = stacked.tensor_split([-self.questions.letters], dim=1)
        letters = labels[:, -self.questions.letters :] > 0
        words = (letters.sum(1) >= 2) & (letters.sum(1) <= MAX_LETTERS)
        found = {
            "held_out_facts": float(facts.mean()),
            "held_out_scenes": float(facts.min(1).values.mean()),
        }
        if words.any():
            found["held_out_letters"] = float(told[words][letters[words]].mean())
            found["held_out_words"] = float(told[words].min(1).values.mean())
        return found

    def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
        copy.deepcopy(ema.encoder).to(torch.bfloat16).save_pretrained(folder)  # type: ignore[union-attr,operator]
        (folder / "training.json").write_text(json.dumps(log, indent=2) + "\n")

    def load(self, folder: Path) -> int:
        """The encoder alone: the head that answers is no part of an export, and begins anew."""
        from transformers import T5EncoderModel

        exported = T5EncoderModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        self.module.encoder.load_state_dict(exported.state_dict())  # type: ignore[union-attr]
        return int(json.loads((folder / "training.json").read_text())["step"])

    def _examples(self, split: Split, seed: str, step: int) -> tuple[torch.Tensor, ...]:
        """Ids, mask (B, L), answers (B, questions), roles (B, L)."""
        lessons = []
        for example_seed in batch_seeds(seed, step, self.batch):
            random = Random(example_seed)
            lessons.append(self.questions.lesson(self._scene(random, split), random))
        ids, mask = pad_tokens([byte_tokens(lesson.text) for lesson in lessons])
        labels = torch.tensor([lesson.labels for lesson in lessons])
        roles = pad_tokens([lesson.roles for lesson in lessons])[0]
        return tuple(tensor.to(self.device) for tensor in (ids, mask, labels, roles))

    def _scene(self, random: Random, split: Split) -> Any:
        scene, kind = self.world.sample_scene(random, split), random.random()
        while kind < PAIR_SHARE and scene.relation is None:
            scene = self.world.sample_scene(random, split)
        while PAIR_SHARE <= kind < PAIR_SHARE + WORD_SHARE and scene.word is None:
            scene = self.world.sample_scene(random, split)
        return scene


@reported
def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.training.text --out DIR`: trains or resumes, then exports the encoder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", choices=WORLDS, default="small")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    add_loop_options(parser, minutes=9, batch=64)
    parser.set_defaults(save_minutes=0.5)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    task = Parsing(args.width, args.layers, args.batch, "text", world_named(args.world), args.device)
    run_training(task, args, evaluate_minutes=1, ema_decay=0.99)


if __name__ == "__main__":
    sys.exit(main())
