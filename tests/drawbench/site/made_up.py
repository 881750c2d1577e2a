"""Results for tests of the site: no number here was ever measured."""

from pathlib import Path

from drawbench.results.files import Result, write_result
from drawbench.results.scores import PromptSetRef
from tests.drawbench.synthetic import CATEGORIES, clip_scores, human_result, preference, result, world_result

EVIL = "<img src=x onerror=alert(1)>"
SET, PROTOCOL = "made-up", "made-up"


def made(name: str, value: float = 0.2, **kwargs: object) -> Result:
    """Of a set and a protocol that nobody knows."""
    return result(name, value, set_name=SET, protocol=PROTOCOL, **kwargs)  # type: ignore[arg-type]


def study(name: str, against: str) -> Result:
    """A human study of two models."""
    rows = [preference(0.5, 0.3, question=q, scope=s, against=against) for q in ("a", "b") for s in ("overall", "Text")]
    prompts = PromptSetRef(name=SET, sha256="a" * 64, n=200)
    return human_result(name, rows).model_copy(update={"prompt_set": prompts})


def results() -> list[Result]:
    """Tables of seven rows, one partial, one of another set with a distance; one model lacks a category."""
    some = {scope: n for scope, n in CATEGORIES.items() if scope != "Text"}
    return [
        *(made(f"model {letter}", 0.20 + 0.004 * place) for place, letter in enumerate("abcde")),
        made(EVIL, 0.3),
        made("lacking", scores=clip_scores(0.15, some)),
        made("model a", 0.19, complete=False),
        world_result("model a", 0.2, 3.0, protocol=PROTOCOL),
        world_result("model b", 0.3, 2.0, protocol=PROTOCOL),
        study("model a", "model b"),
    ]


def folder_of(found: list[Result], folder: Path) -> Path:
    """As result files."""
    folder.mkdir()
    for each in found:
        write_result(each, folder)
    return folder
