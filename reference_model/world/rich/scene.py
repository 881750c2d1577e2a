"""What a scene of the rich world says, and which compositions are held out from every training."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from reference_model.world.rich.objects import OBJECTS
from reference_model.world.scene import Split

Relation = Literal["left of", "right of", "above", "below", "on", "under", "inside", "next to", "between"]
Size = Literal["small", "large"]

RELATIONS: tuple[Relation, ...] = (
    "left of", "right of", "above", "below", "on", "under", "inside", "next to", "between",
)  # fmt: skip
MIRRORED: dict[str, Relation] = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
COUNTS: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
SKILLS: tuple[str, ...] = ("object", "colour", "part", "pattern", "size", "count", "relation", "setting", "word")
KINDS: tuple[str, ...] = ("single", "count", "groups", "pair", "between", "list", "sign")


@dataclass(frozen=True)
class Item:
    """`count` objects that look alike.

    colour: what it is drawn in; None of wood and glass, which have their own. named: whether a caption says the
    colour; where it does not, the colour is one that the object has in life. pattern: of PATTERNS. second: the colour
    of the object's second part, where a caption says it.
    """

    object: str
    colour: str | None
    count: int = 1
    size: Size | None = None
    pattern: str | None = None
    second: str | None = None
    named: bool = True


@dataclass(frozen=True)
class Scene:
    """The meaning of an image. relation: of items[0] to items[1] (and, `between`, items[2])."""

    items: tuple[Item, ...]
    setting: str
    relation: Relation | None = None
    word: str | None = None

    @property
    def kind(self) -> str:
        """What is asked for: one of KINDS."""
        if self.word is not None:
            return "sign"
        if self.relation is not None:
            return "between" if self.relation == "between" else "pair"
        if len(self.items) > 1:
            return "list" if all(item.count == 1 for item in self.items) else "groups"
        return "single" if self.items[0].count == 1 else "count"

    def compositions(self) -> tuple[str, ...]:
        """The combinations in this scene that a split may hold out, each in its one canonical wording.

        A colour that the object has in life is no such combination: every training shows yellow bananas.
        """
        found: list[str] = []
        for item in self.items:
            if item.object not in OBJECTS:  # a sign: its word counts
                continue
            if item.colour is not None and item.colour not in OBJECTS[item.object].natural:
                found.append(f"{item.object}/{item.colour}")
            if item.second is not None:
                found.append(f"{item.object}'s {OBJECTS[item.object].second}/{item.second}")
            if item.pattern is not None:
                found.append(f"{item.pattern} {item.object}")
            if item.count > 1:
                found.append(f"{item.count}x{item.object}")
        if self.relation is not None:
            found.append(relation_wording(self.relation, *(item.object for item in self.items)))
        if self.word is not None:
            found.append(f'"{self.word}"')
        return tuple(found)


def relation_wording(relation: Relation, first: str, second: str, third: str = "") -> str:
    """The one wording of a relation: what is right of something has that on its left, next to goes both ways."""
    if relation in ("right of", "below"):
        return relation_wording(MIRRORED[relation], second, first)
    if relation == "next to":
        first, second = sorted((first, second))
    if relation == "between":
        return "{} between {} and {}".format(first, *sorted((second, third)))
    return f"{first} {relation} {second}"


def is_held_out(composition: str) -> bool:
    """Whether a composition is kept from every training, for ever the same: one in eight is, by its SHA-256."""
    return hashlib.sha256(f"held out: {composition}".encode()).digest()[0] < 32


def scene_from_json(data: dict) -> Scene:
    """The scene of which `dataclasses.asdict` made the data."""
    items = tuple(Item(**item) for item in data["items"])
    return Scene(items, data["setting"], data["relation"], data["word"])


def split_of(scene: Scene) -> Split:
    """`held_out` as soon as one composition of the scene is."""
    return "held_out" if any(is_held_out(c) for c in scene.compositions()) else "train"
