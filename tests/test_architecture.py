"""docs/architecture.md: its drawing is what the code imports, and its walks lead through modules that exist."""

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text()
DRAWING, _, WALKS = PAGE.partition("```mermaid\n")[2].partition("```")
IMPORT_LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES = IMPORT_LINTER["root_packages"]
CONTRACTS = {contract["id"]: contract for contract in IMPORT_LINTER["contracts"]}
CODE = grimp.build_graph(*PACKAGES, cache_dir=None)


@dataclass(frozen=True)
class Drawing:
    """What is drawn. boxes: of each package, in order: the box's name and the rooms in it. arrows: between names."""

    boxes: dict[str, dict[str, tuple[str, ...]]]
    arrows: set[tuple[str, str]]


def _read(text: str) -> Drawing:
    boxes: dict[str, dict[str, tuple[str, ...]]] = {}
    arrows: set[tuple[str, str]] = set()
    for line in map(str.strip, text.splitlines()):
        if match := re.fullmatch(r"subgraph (\w+)", line):
            boxes[match[1]] = {}
        elif match := re.fullmatch(r'(\w+)\["(.+)"\]', line):
            boxes[list(boxes)[-1]][match[1]] = tuple(match[2].split(" · "))
        elif "-->" in line:
            ends = [part.split(" & ") for part in line.split(" --> ")]
            arrows |= {(a, b) for left, right in pairwise(ends) for a in left for b in right}
        else:
            assert line in ("flowchart TD", "direction TB", "end"), f"{line} is more than this test reads"
    return Drawing(boxes, arrows)


def _floors(contract: str) -> list[set[str]]:
    return [set(re.split(r" [|:] ", layer)) for layer in CONTRACTS[contract]["layers"]]


DRAWN = _read(DRAWING)


def test_every_room_is_drawn_once_on_its_floor() -> None:
    assert set(DRAWN.boxes) == set(PACKAGES)
    for package, boxes in DRAWN.boxes.items():
        floors = _floors(package)
        drawn = [room for rooms in boxes.values() for room in rooms]
        assert sorted(drawn) == sorted(name.split(".")[1] for name in CODE.find_children(package))
        levels = [[floor for floor, rooms in enumerate(floors) if room in rooms] for room in drawn]
        assert levels == sorted(levels), f"the rooms of {package} are not drawn from the upper floor to the lower"
        for rooms in boxes.values():
            assert any(set(rooms) <= floor for floor in floors), f"{rooms} share a box and not a floor"


def test_the_arrows_are_the_imports() -> None:
    """Each import is an arrow or a chain of arrows, and no arrow could be left out."""
    box = {
        f"{package}.{room}": name
        for package, boxes in DRAWN.boxes.items()
        for name, rooms in boxes.items()
        for room in rooms
    }
    imports: dict[str, set[str]] = defaultdict(set)
    for module in CODE.modules:
        for imported in CODE.find_modules_directly_imported_by(module):
            rooms = [".".join(name.split(".")[:2]) for name in (module, imported)]
            packages = [room.split(".")[0] for room in rooms]
            ends = packages if packages[0] != packages[1] else [box.get(room, "") for room in rooms]
            if ends[0] != ends[1] and all(ends):
                imports[ends[0]].add(ends[1])

    def below(name: str) -> set[str]:
        return imports[name].union(*map(below, imports[name]))

    arrows = {(a, b) for a in set(imports) for b in imports[a] if not any(b in below(c) for c in imports[a])}
    assert arrows == DRAWN.arrows


def test_the_walks_lead_through_modules() -> None:
    paths = re.findall(r"\]\(\.\./([^)]+)\.py\)", WALKS)
    assert len(paths) > 20
    missing = [path for path in paths if path.replace("/", ".") not in CODE.modules]
    assert not missing
