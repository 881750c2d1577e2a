"""GenEval's rules as functions of what a detector found: no image, no network.

An image obeys a rule when it holds what is included and not what is excluded. Colours and places are judged on the
surest detections of a class, as many as are asked for.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from metrics.errors import MetricInputError

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")
RELATIONS = ("left of", "right of", "above", "below")
COUNTING = "counting"  # the task with a threshold of its own
_APART = 0.1  # of the sum of two objects' sizes: centres that are nearer stand in no relation
_MOSTLY = 0.5  # of the way between them, along an axis: from there on it is a relation


@dataclass(frozen=True)
class Detection:
    """An object that was found. box: left, top, right, bottom in pixels. score: how sure, the higher the surer."""

    box: tuple[float, float, float, float]
    score: float


Found = Mapping[str, Sequence[Detection]]  # by class, surest first
ColoursOf = Callable[[str, Sequence[Detection]], Sequence[str]]  # of some detections of a class


@dataclass(frozen=True)
class Clause:
    """At least `count` objects of a class; `colour`, and `relation` to the objects of the clause `target`, or empty."""

    name: str
    count: int
    colour: str = ""
    relation: str = ""
    target: int = 0


@dataclass(frozen=True)
class Rule:
    """What an image must hold, all of it, and what it must not, none of it."""

    task: str
    include: tuple[Clause, ...]
    exclude: tuple[Clause, ...] = ()

    @property
    def colours(self) -> bool:
        """Whether a colour is asked for."""
        return any(clause.colour for clause in self.include)


@dataclass(frozen=True)
class Thresholds:
    """Which detections count: those surer than `confidence` (for counting, `counting`), `most` of a class at most.

    overlap: of two boxes of a class whose intersection over union is this or more, the surer counts; 1 keeps all.
    """

    confidence: float
    counting: float
    most: int = 16
    overlap: float = 1.0


@dataclass(frozen=True)
class RuleFile:
    """The rules of a file in GenEval's format. sha256: of its bytes. by_prompt: by the prompt's text, stripped."""

    name: str
    sha256: str
    by_prompt: Mapping[str, Rule]

    @classmethod
    def read(cls, path: Path) -> "RuleFile":
        """A .jsonl file, an object a line with tag, prompt, include and exclude. Raises MetricInputError."""
        try:
            content = path.read_bytes()
            lines = content.decode("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise MetricInputError(f"{path} cannot be read as a file of GenEval's rules: check the path") from error
        by_prompt: dict[str, Rule] = {}
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                    prompt, rule = row["prompt"].strip(), _rule(row)
                except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                    raise MetricInputError(
                        f"line {number} of {path} is no rule in GenEval's format: write an object with tag, prompt and "
                        "include, a list of objects with class and count"
                    ) from error
                if by_prompt.setdefault(prompt, rule) != rule:
                    raise MetricInputError(f"line {number} of {path} is another rule for the same prompt: keep one")
        if not by_prompt:
            raise MetricInputError(f"{path} holds no rules: name a file in GenEval's format")
        return cls(path.name, sha256(content).hexdigest(), by_prompt)

    def of(self, prompt: str) -> Rule | None:
        """The rule of a prompt; None where the file has none."""
        return self.by_prompt.get(prompt.strip())

    @property
    def classes(self) -> tuple[str, ...]:
        """All that any rule names, in the order of the file."""
        rules = self.by_prompt.values()
        return tuple(dict.fromkeys(each.name for rule in rules for each in (*rule.include, *rule.exclude)))

    @property
    def tasks(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(dict.fromkeys(rule.task for rule in self.by_prompt.values()))

    @property
    def colours(self) -> bool:
        """Whether any rule asks for a colour."""
        return any(rule.colours for rule in self.by_prompt.values())


def counting(found: Found, task: str, thresholds: Thresholds) -> dict[str, list[Detection]]:
    """What counts of all that was found, surest first."""
    least = thresholds.counting if task == COUNTING else thresholds.confidence
    kept = {}
    for name, detections in found.items():
        left = sorted((each for each in detections if each.score > least), key=lambda each: -each.score)
        left, chosen = left[: thresholds.most], []
        while left:
            first, *left = left
            chosen.append(first)
            if thresholds.overlap < 1:
                left = [each for each in left if overlap(first, each) < thresholds.overlap]
        if chosen:
            kept[name] = chosen
    return kept


def obeys(rule: Rule, found: Found, colours_of: ColoursOf) -> bool:
    """Whether an image obeys a rule. found: what counts of what a detector found in it, by class, surest first."""
    groups: list[Sequence[Detection] | None] = []
    for clause in rule.include:
        objects = found.get(clause.name, ())[: clause.count]
        groups.append(objects if _fits(clause, objects, groups, colours_of) else None)
    unwanted = any(len(found.get(clause.name, ())) >= clause.count for clause in rule.exclude)
    return None not in groups and not unwanted


def _fits(
    clause: Clause, objects: Sequence[Detection], groups: Sequence[Sequence[Detection] | None], colours_of: ColoursOf
) -> bool:
    if len(objects) < clause.count:
        return False
    if clause.colour and list(colours_of(clause.name, objects)).count(clause.colour) < clause.count:
        return False
    if not clause.relation:
        return True
    targets = groups[clause.target]
    return targets is not None and all(clause.relation in relations(a, b) for a in objects for b in targets)


def relations(a: Detection, b: Detection) -> set[str]:
    """How a stands to b: left of, right of, above, below; none where the centres are near for the objects' sizes."""
    boxes = np.array([a.box, b.box]).reshape(2, 2, 2)  # object, corner, axis
    centres, sizes = boxes.mean(axis=1), np.abs(boxes[:, 1] - boxes[:, 0])
    offset = centres[0] - centres[1]
    beyond = np.maximum(np.abs(offset) - _APART * sizes.sum(axis=0), 0) * np.sign(offset)
    if (np.abs(beyond) < 1e-3).all():
        return set()
    x, y = beyond / np.linalg.norm(offset)
    held = (x < -_MOSTLY, x > _MOSTLY, y < -_MOSTLY, y > _MOSTLY)
    return {relation for relation, holds in zip(RELATIONS, held, strict=True) if holds}


def overlap(a: Detection, b: Detection) -> float:
    """Intersection over union, with both edges' pixels counted."""

    def area(left: float, top: float, right: float, bottom: float) -> float:
        return max(right - left + 1, 0) * max(bottom - top + 1, 0)

    low, high = np.maximum(a.box[:2], b.box[:2]), np.minimum(a.box[2:], b.box[2:])
    shared = area(*low, *high)
    return shared / (area(*a.box) + area(*b.box) - shared)


def _rule(row: Mapping[str, Any]) -> Rule:
    include = tuple(_clause(each) for each in row["include"])
    exclude = tuple(_clause(each) for each in row.get("exclude", []))
    if not include or any(clause.relation and clause.target >= number for number, clause in enumerate(include)):
        raise ValueError("nothing is included, or stands in a relation to what comes later")
    return Rule(str(row["tag"]), include, exclude)


def _clause(row: Mapping[str, Any]) -> Clause:
    relation, target = row.get("position", ("", 0))
    colour, count = row.get("color", ""), row["count"]
    known = colour in ("", *COLOURS) and relation in ("", *RELATIONS)
    if not known or not isinstance(count, int) or count < 1 or not isinstance(target, int) or target < 0:
        raise ValueError("a colour or relation that GenEval has not, or no whole number")
    return Clause(str(row["class"]), count, colour, relation, target)
