"""The commands that a report names make the numbers beside them."""

import shlex

from drawbench.cli.generate import request_from
from drawbench.cli.main import parse
from drawbench.interface import ModelCard
from drawbench.models.registry import resolve_model
from drawbench.prompts.registry import load_prompt_set
from drawbench.report.provenance import generate_command, spec_of
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
