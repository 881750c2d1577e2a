"""What was written then, found again in what is written now. More may stand there now; nothing may be lost."""

import json
import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any


def read_json(path: Path | str) -> Any:
    """A JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_lines(path: Path | str) -> list[Any]:
    """A file of JSON lines."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def files_of(folder: Path | str) -> dict[str, bytes]:
    """All files below a folder but hidden ones, which are locks."""
    root = Path(folder)
    paths = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def lost(old: Any, new: Any, free: Collection[str] = (), where: str = "") -> list[str]:
    """Every place of `old` that `new` lacks or where it says otherwise. Not looked at: keys that are `free`."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            problem
            for key in old
            if key not in free
            for problem in (
                lost(old[key], new[key], free, f"{where}.{key}") if key in new else [f"{where}.{key} is not there"]
            )
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        parts = enumerate(zip(old, new, strict=True))
        return [problem for place, pair in parts for problem in lost(*pair, free, f"{where}[{place}]")]
    return [] if _equal(old, new) else [f"{where}: {old!r} was written, and now {new!r}"]


def lost_keys(old: Any, new: Any, free: Collection[str] = ()) -> set[str]:
    """The keys that stand in `old` and nowhere in `new`, as `.points[].result.size`. Not looked at: those `free`."""
    return set(_keys(old, free)) - set(_keys(new, free))


def _keys(value: Any, free: Collection[str], where: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield f"{where}.{key}"
            if key not in free:
                yield from _keys(part, free, f"{where}.{key}")
    elif isinstance(value, list):
        for part in value:
            yield from _keys(part, free, f"{where}[]")


def _equal(old: Any, new: Any) -> bool:
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=1e-9, abs_tol=1e-12)
    return type(old) is type(new) and old == new
