"""The commands that a report names make the numbers beside them."""

import json
import shlex
from pathlib import Path

import pytest

from drawbench.cli.generate import request_from
from drawbench.cli.main import parse
from drawbench.interface import ModelCard
from drawbench.models.registry import resolve_model
from drawbench.prompts.registry import BY_NAME, FROM_PATH, load_prompt_set
from drawbench.report.provenance import generate_command, prompts_option, spec_of
from drawbench.runs.generate import Request, make_plan


def test_the_command_of_a_run_plans_the_same_run() -> None:
    model = resolve_model("reference:untrained", {"guidance": "1.5", "steps": "3", "threshold_cap": "2.0"}, "cpu")
    prompts = load_prompt_set("open")
    plan, _ = make_plan(Request(model, prompts, None, samples=3, size=64, seed=7, limit=2, slice_size=4))
    words = shlex.split(generate_command(plan, "my run"))
    assert words[-2:] == ["--out", "runs/my run"]
    parsed = parse(words[1:])
    assert parsed is not None
    again, _ = make_plan(request_from(parsed[1]))
    assert again.sha256 == plan.sha256


def test_a_model_is_named_as_the_option_takes_it() -> None:
    for adapter, spec, named in (
        ("reference", "reference:untrained", "reference:untrained"),
        ("world", "world", "world"),
        ("folder", "pictures", "folder:pictures"),
        ("python", "module:make", "python:module:make"),
        ("diffusers", "diffusers:name", "diffusers:name"),
    ):
        assert spec_of(ModelCard(adapter=adapter, spec=spec, name="x")) == named


@pytest.mark.parametrize("name", [*BY_NAME, "coco-mine", "mine", "coco", "coco2017", "hf-mine"])
def test_the_prompts_of_a_command_are_what_it_takes(name: str) -> None:
    """A set's own name only where it brings the prompts; else the kind, and in capitals what the reader has."""
    option = prompts_option(name)
    kind, _, what = option.partition(":")
    if name in BY_NAME:
        assert option == name
    else:
        assert what.split(",")[0] in ("FILE", "ROOT", "DATASET") if what else option == "FILE"
        assert kind in FROM_PATH or not what


def test_coco_captions_are_found_by_the_command_of_a_result(tmp_path: Path) -> None:
    captions = [{"id": 7, "image_id": 3, "caption": "A red boat."}]
    (tmp_path / "captions_mine.json").write_text(json.dumps({"annotations": captions, "images": [{"id": 3}]}))
    given = load_prompt_set(f"coco:{tmp_path / 'captions_mine.json'}")
    again = load_prompt_set(prompts_option(given.name).replace("FILE", str(tmp_path / "captions_mine.json")))
    assert again.sha256 == given.sha256
