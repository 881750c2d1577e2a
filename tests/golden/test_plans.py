"""Hashes of plans: a run directory is resumed, and a sweep's point found, only under the hash that it was made with.

Every field of plan and model card that there was when these hashes were taken is in them. A field that is added later
needs a default, at which it is left out of the hash: so all older manifests and studies load, and stay what they are.
"""

import argparse
import json
import zipfile
from typing import Any

import pytest

from drawbench.cli import generate as command
from drawbench.interface import ModelCard
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs.generate import Request, make_plan
from drawbench.runs.plan import Plan
from human_eval_app.study.design import Design, StudyModel
from tests.golden.comparing import read_json
from tests.golden.conftest import Workplace
from tests.human_eval_app.runs import Noise

FUNCTION = ("--model", "python:golden_model:make")
MINE = ("--prompts", "prompts.csv")
UNTRAINED = (
    *("guidance=2.5", "steps=5", "sampler=ddim", "thresholding=static", "percentile=0.99"),
    *("sr_guidance=1.5", "sr_steps=3", "aug_level=0.2"),
)

PLANS: dict[str, tuple[tuple[str, ...], str]] = {
    "a folder": (
        ("--model", "folder:pictures", *MINE),
        "d874d20d76adb6ee635e3da235b1f5080bf9607633f4eda75f87e874d6983851",
    ),
    "a folder, named": (
        ("--model", "folder:pictures", *MINE, "--set", "name=mine", "--slice", "3"),
        "fc78bf4baa8b1dd1a61b9ddf7bc839d111b2f088ab28309e5c38ca6613a2c04c",
    ),
    "a folder, limited": (
        ("--model", "folder:pictures", *MINE, "--limit", "1"),
        "c0ce288eff095567356181cfe56b658aa01b2792d2629c08ed862042ddb8fc56",
    ),
    "a folder that is a run": (
        ("--model", "folder:runs/python", *MINE, "--samples", "2"),
        "c21a2b5fa567d4496b9933670fd6a1412d5f1f61acc3f987865c66477b9f4239",
    ),
    "a function": (
        (*FUNCTION, "--prompts", "open"),
        "c655cc99a63246397b1d45153bf7be595339b577c82df89542ba0f8420678d06",
    ),
    "a function, set": (
        (*FUNCTION, *MINE, "--set", "hue=2", "--samples", "3", "--size", "48", "--seed", "11"),
        "0d4c2a1fa5e17f6c0e7136bcb355f1b033955ab9abd0bc95984c8cf71ec095de",
    ),
    "a function, limited": (
        (*FUNCTION, "--prompts", "open", "--limit", "2", "--size", "64", "--samples", "1"),
        "9d51e9aeb2738f60393685bcfd452733355675be3f3fa0e3b1d95383ea254969",
    ),
    "a function, a file as setting": (
        (*FUNCTION, *MINE, "--set", "hue=pictures/colors-001-0.png"),
        "ebbe0633b0d3722361231a68502134f7a7e65da631aab2eefdbd8b00ab86020f",
    ),
    "a function, settings of all types": (
        (*FUNCTION, *MINE, "--set", "hue=1.25", "--slice", "1"),
        "bd93fbda0ce183ae7493a072b43316095e7238d14995169c13a2603712583a8e",
    ),
    "the untrained cascade": (
        (
            *("--model", "reference:untrained", *MINE, "--size", "64", "--samples", "1", "--device", "cpu"),
            *(word for setting in UNTRAINED for word in ("--set", setting)),
        ),
        "4516920e94256fa9ffe136fd0184faa24d2932e44556a9e1ae62811f2f4f2ea8",
    ),
}
# What the bundled cascade said of itself, with made-up weights: the real ones may be trained anew.
REFERENCE = ModelCard(
    adapter="reference",
    spec="reference",
    name="Imagen tiny",
    weights_sha256="a" * 64,
    settings={
        "guidance": 2.0,
        "steps": 16,
        "sampler": "dpmpp_2m",
        "thresholding": "dynamic",
        "percentile": 0.995,
        "sr_guidance": 1.0,
        "sr_steps": 6,
        "aug_level": 0.1,
        "dtype": "float32",
    },
)
WORLD = ModelCard(adapter="world", spec="world", name="true renderings", revision="world-0123456789ab")
EVERY_TYPE = ModelCard(
    adapter="diffusers",
    spec="some/pipeline",
    name="Würfel 🦉",
    revision="main",
    settings={"empty": None, "yes": True, "no": False, "whole": -3, "part": 1e-7, "text": "ß"},
)
CARDS: dict[str, tuple[ModelCard, dict[str, Any], str]] = {
    "the reference": (
        REFERENCE,
        {"samples": 1, "size": 64},
        "247ff72a494d22a37fa39395bd5b0af1e4de7b8be99d2d4b2a0425f3aed9c548",
    ),
    "the reference, limited": (
        REFERENCE,
        {"samples": 8, "size": 1024, "limit": 3, "seed": 2**40},
        "e2cf132f61dfd304243740eb8de9f436315297c89dac12845c0e45e01e23eb15",
    ),
    "the world": (
        WORLD,
        {"samples": 1, "size": 64},
        "7df9c2d5380b7865786e61f60dc97a3d30e87a5f4ffd23dc23d83af7e38500de",
    ),
    "settings of every type": (
        EVERY_TYPE,
        {"samples": 2, "size": 256, "slice_size": 5},
        "e24b47fde899c9df3c2811e2dd228987234854a4f60e8a6a6f643e938b7b0f21",
    ),
}


class Carded(Noise):
    """A model that says of itself what a test wants."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card.name)
        self._card = card

    def card(self) -> ModelCard:
        return self._card


def planned(*words: str) -> Plan:
    """The plan that `drawbench generate` makes of its options."""
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return make_plan(command.request_from(parser.parse_args(words)))[0]


@pytest.mark.parametrize("name", PLANS)
def test_the_options_of_generate_give_the_plan_they_gave(name: str, workplace: Workplace) -> None:
    words, expected = PLANS[name]
    plan = planned(*words)
    assert (plan.sha256, plan.model_dump()) == (expected, plan.model_dump())
    assert workplace.drawn() == []


@pytest.mark.parametrize("name", CARDS)
def test_a_card_gives_the_plan_it_gave(name: str) -> None:
    card, options, expected = CARDS[name]
    plan, _ = make_plan(Request(Carded(card), load_prompt_set("open"), **options))
    assert (plan.sha256, plan.model_dump()) == (expected, plan.model_dump())


class LaterCard(ModelCard):
    """A card of a later day."""

    precision: str = "as it was"
    parts: tuple[str, ...] = ()


class LaterPlan(Plan):
    """A plan of a later day."""

    model: LaterCard
    thinned: int | None = None


class LaterStudyModel(StudyModel):
    """A model of a study of a later day."""

    card: LaterCard | None


class LaterDesign(Design):
    """A study of a later day."""

    models: tuple[LaterStudyModel, ...]


@pytest.mark.parametrize("run", ["runs/python", "runs/folder", "runs/refusing"])
def test_a_field_that_is_added_later_is_in_no_older_hash(run: str, workplace: Workplace) -> None:
    manifest = read_json(f"{run}/manifest.json")
    plan = LaterPlan.model_validate(manifest["plan"])
    assert plan.sha256 == manifest["plan_sha256"]
    assert json.loads(plan.model_dump_json())["thinned"] is None, "a new manifest says it nevertheless"
    others = [
        plan.model_copy(update={"thinned": 2}),
        plan.model_copy(update={"model": plan.model.model_copy(update={"precision": "half"})}),
        plan.model_copy(update={"model": plan.model.model_copy(update={"parts": ("one",)})}),
    ]
    assert len({other.sha256 for other in (plan, *others)}) == 4, "at another value it makes another plan"


@pytest.mark.parametrize("field", ["revision", "weights_sha256", "settings"])
def test_a_field_that_was_there_is_in_the_hash_at_its_default_too(field: str) -> None:
    assert field not in WORLD.model_copy(update={field: ModelCard.model_fields[field].default}).unhashed()


def test_a_field_that_is_added_to_the_card_is_in_no_older_study(workplace: Workplace) -> None:
    with zipfile.ZipFile("study/backup.zip") as archive:
        content = json.loads(archive.read("design.json"))
    design = LaterDesign.model_validate(content["design"])
    assert design.sha256 == content["sha256"]
    first, *others = design.models
    assert first.card is not None
    changed = first.model_copy(update={"card": first.card.model_copy(update={"precision": "half"})})
    assert design.model_copy(update={"models": (changed, *others)}).sha256 != design.sha256
