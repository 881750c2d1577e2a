"""What a scene says, how scenes are drawn at random, and which compositions are held out from every training."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from reference_model.world.objects import COLOURS, OBJECTS, WORDS

Relation = Literal["left of", "right of", "above", "below"]
Split = Literal["train", "held_out"]

RELATIONS: tuple[Relation, ...] = ("left of", "right of", "above", "below")
OPPOSITE: dict[Relation, Relation] = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
}
SETTINGS: tuple[str, ...] = ("plain", "grass", "beach", "snow", "night", "sea")
COUNTS: tuple[int, ...] = (1, 2, 3, 4)
KINDS: tuple[str, ...] = ("single", "count", "pair", "sign")
KIND_WEIGHTS: tuple[float, ...] = (0.30, 0.26, 0.36, 0.08)
PAIR_WEIGHTS: tuple[float, ...] = (0.16, 0.18, 0.62, 0.04)  # for a base that has learnt all kinds but pairs
SIGN_OBJECT = "sign"


@dataclass(frozen=True)
class Item:
    """`count` objects of one kind and one colour."""

    object: str
    colour: str
    count: int = 1


@dataclass(frozen=True)
class Scene:
    """The meaning of an image: what a caption tells and what a skill check can test. Layout is drawn apart."""

    items: tuple[Item, ...]
    setting: str
    relation: Relation | None = None  # of items[0] to items[1]
    word: str | None = None

    @property
    def kind(self) -> str:
        if self.word is not None:
            return "sign"
        if self.relation is not None:
            return "pair"
        return "single" if self.items[0].count == 1 else "count"

    def compositions(self) -> tuple[frozenset[str], ...]:
        """The combinations in this scene that a split may hold out, each with all its wordings.

        A relation has two: what is left of something is what that is right of.
        """
        found = [{f"{item.object}/{item.colour}"} for item in self.items if item.object != SIGN_OBJECT]
        found += [{f"{item.count}x{item.object}"} for item in self.items if item.count > 1]
        if self.relation is not None:
            first, second = (item.object for item in self.items)
            found.append({f"{first} {self.relation} {second}", f"{second} {OPPOSITE[self.relation]} {first}"})
        if self.word is not None:
            found.append({f'"{self.word}"'})
        return tuple(frozenset(wordings) for wordings in found)


def is_held_out(wordings: frozenset[str]) -> bool:
    """Whether a composition is kept from every training, for ever the same: by the SHA-256 of each of its wordings.

    One wording in eight is; so one relation in 64, whose wordings must both be. docs/decisions.md tells why.
    """
    return all(hashlib.sha256(f"held out: {wording}".encode()).digest()[0] < 32 for wording in wordings)


def split_of(scene: Scene) -> Split:
    """`held_out` as soon as one composition of the scene is."""
    return "held_out" if any(is_held_out(c) for c in scene.compositions()) else "train"


def sample_scene(random: Random, split: Split, weights: Sequence[float] = KIND_WEIGHTS) -> Scene:
    """A random scene of a split, by rejection: the mix of kinds is kept in both splits."""
    kind = random.choices(KINDS, weights)[0]
    while True:
        scene = _any_scene(random, kind)
        if split_of(scene) == split:
            return scene


def _any_scene(random: Random, kind: str) -> Scene:
    setting = random.choice(SETTINGS)
    if kind == "single":
        return Scene((_item(random),), setting)
    if kind == "count":
        return Scene((_item(random, random.choice(COUNTS[1:])),), setting)
    if kind == "sign":
        colour = random.choice([c for c in COLOURS if c != "black"])  # the word is black
        return Scene((Item(SIGN_OBJECT, colour),), setting, word=random.choice(WORDS))
    first, second = random.sample(sorted(OBJECTS), 2)
    colours = random.sample(sorted(COLOURS), 2)
    return Scene((Item(first, colours[0]), Item(second, colours[1])), setting, relation=random.choice(RELATIONS))


def _item(random: Random, count: int = 1) -> Item:
    return Item(random.choice(sorted(OBJECTS)), random.choice(sorted(COLOURS)), count)
