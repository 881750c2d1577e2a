"""The plan: what its hash covers, its order, its slices, and how two plans differ."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbench.interface import ModelCard
from drawbench.prompts.prompt_set import Prompt
from drawbench.runs.plan import Plan, plan_samples, plan_slices

PROMPTS = [Prompt(f"colors-{n:03d}", "Colors", f"thing {n}") for n in range(1, 6)]


def make_plan(**changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "prompt_set_name": "mine",
        "prompt_set_sha256": "a" * 64,
        "prompt_set_n": 5,
        "prompts_sha256": "a" * 64,
        "prompt_ids": tuple(prompt.id for prompt in PROMPTS),
        "model": ModelCard(adapter="python", spec="m:f", name="m", settings={"guidance": 1.35}),
        "size": 64,
        "samples": 2,
        "limit": None,
        "seed": 0,
        "slice_size": 2,
        "dtype": "float32",
    }
    return Plan(**(fields | changes))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt_set_sha256", "b" * 64),
        ("prompt_ids", ("colors-002",)),
        ("size", 32),
        ("samples", 3),
        ("limit", 5),
        ("seed", 1),
        ("slice_size", 4),
        ("dtype", "bfloat16"),
        ("model", ModelCard(adapter="python", spec="m:f", name="m", settings={"guidance": 1.36})),
        ("model", ModelCard(adapter="python", spec="m:f", name="m", settings={"guidance": 1.35}, revision="2")),
    ],
)
def test_every_field_is_in_the_hash(field: str, value: Any) -> None:
    assert make_plan(**{field: value}).sha256 != make_plan().sha256


@given(st.permutations(["guidance", "steps", "sampler"]))
def test_the_hash_does_not_depend_on_the_order_in_which_settings_were_given(order: list[str]) -> None:
    values = {"guidance": 1.5, "steps": 20, "sampler": "ddim"}
    card = ModelCard(adapter="python", spec="m:f", name="m", settings={key: values[key] for key in order})
    reference = ModelCard(adapter="python", spec="m:f", name="m", settings=values)
    assert make_plan(model=card).sha256 == make_plan(model=reference).sha256


@given(
    st.dictionaries(
        st.text(max_size=8), st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
    ),
    st.integers(),
)
def test_the_hash_survives_a_file(settings: dict[str, Any], seed: int) -> None:
    plan = make_plan(model=ModelCard(adapter="a", spec="s", name="é", settings=settings), seed=seed)
    assert Plan.model_validate_json(plan.model_dump_json()).sha256 == plan.sha256
    assert Plan.model_validate(json.loads(plan.model_dump_json())).sha256 == plan.sha256


def test_order_is_sample_major() -> None:
    samples = plan_samples(PROMPTS[:2], 2, seed=0)
    assert [(sample.prompt_id, sample.index) for sample in samples] == [
        ("colors-001", 0),
        ("colors-002", 0),
        ("colors-001", 1),
        ("colors-002", 1),
    ]


def test_seeds_do_not_depend_on_what_else_is_planned() -> None:
    alone = plan_samples(PROMPTS[3:4], 1, seed=7)[0]
    among = next(s for s in plan_samples(PROMPTS, 3, seed=7) if (s.prompt_id, s.index) == (alone.prompt_id, 0))
    assert alone.seed == among.seed


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 7), st.integers(0, 3))
def test_slices_cover_the_plan_in_order_and_more_samples_only_append(
    n_prompts: int, samples: int, slice_size: int, more: int
) -> None:
    planned = plan_samples(PROMPTS[:n_prompts], samples, seed=0)
    slices = plan_slices(planned, slice_size)
    assert [sample for part in slices for sample in part.samples] == planned
    assert all(1 <= len(part.samples) <= slice_size for part in slices)
    longer = plan_slices(plan_samples(PROMPTS[:n_prompts], samples + more, seed=0), slice_size)
    assert longer[: len(slices)] == slices


def test_only_more_samples_extend_a_plan() -> None:
    assert make_plan(samples=3).extends(make_plan(samples=2))
    assert not make_plan(samples=2).extends(make_plan(samples=2))
    assert not make_plan(samples=1).extends(make_plan(samples=2))
    assert not make_plan(samples=3, seed=1).extends(make_plan(samples=2))


def test_differences_name_the_fields_and_both_values() -> None:
    card = ModelCard(adapter="python", spec="m:f", name="m", settings={"guidance": 2.0, "steps": 20})
    found = make_plan(size=32, model=card, limit=1, prompt_ids=("colors-001",)).differences(make_plan())
    assert "size: 64 -> 32" in found
    assert "model.settings.guidance: 1.35 -> 2.0" in found
    assert "model.settings.steps: none -> 20" in found
    assert "limit: none -> 1" in found
    assert "prompt_ids: 5 prompts -> 1 prompts" in found
    assert make_plan().differences(make_plan()) == []


def test_a_part_of_a_set_is_not_complete() -> None:
    assert make_plan().complete
    assert not make_plan(prompt_ids=("colors-001",), limit=1).complete
