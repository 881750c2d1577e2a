"""Study types: the paper's words, and every departure from its protocol in one sentence."""

from dataclasses import replace
from typing import Any

import pytest

from drawbench.prompts.drawbench_set import SHA256
from human_eval_app.study.design import Exclusion
from human_eval_app.study.study_types import PROTOCOLS, QUESTIONS, Choices, batch_sizes, departures

DRAWBENCH = Choices(
    type="drawbench",
    models=2,
    raters=25,
    samples=8,
    prompt_set="drawbench",
    prompt_set_sha256=SHA256,
    set_prompts=200,
    run_prompts=200,
    shown=200,
    categories=11,
    batches=(25, 10, 19),
    gold=0,
    gold_given=False,
    mirrored=0,
    minimum_gold_correct=None,
    training=0,
    practice=(),
    exclusions=(),
    simulated=False,
    encoder_loses=False,
    encoder="webp-lossless",
    size=1024,
    resized_from=(),
    refused=(),
)
COCO = replace(
    DRAWBENCH,
    type="coco-photorealism",
    models=1,
    raters=73,
    samples=1,
    prompt_set="coco",
    prompt_set_sha256="c" * 64,
    set_prompts=30000,
    run_prompts=30000,
    categories=1,
    batches=(50, 50, 50, 50),
    gold=10,
    minimum_gold_correct=0.8,
)


def test_the_questions_are_the_papers() -> None:
    texts = [question.text for questions in QUESTIONS.values() for question in questions]
    assert texts == [
        "Which set of images is of higher quality?",
        "Which set of images better represents the text caption : {caption}?",
        "Which image is more photorealistic (looks more real)?",
        "Does the caption accurately describe the above image?",
    ]
    answers = {question.id: question.answers for questions in QUESTIONS.values() for question in questions}
    assert answers["fidelity"] == answers["alignment"] == ("left", "indifferent", "right")
    assert answers["photorealism"] == ("left", "right")
    assert answers["caption"] == ("yes", "somewhat", "no")


def test_the_papers_protocol_departs_from_nothing() -> None:
    assert departures(DRAWBENCH) == ()
    assert departures(COCO) == ()
    assert departures(replace(COCO, type="coco-alignment", raters=51)) == ()


@pytest.mark.parametrize(
    ("base", "change", "sentence"),
    [
        (DRAWBENCH, {"simulated": True}, "The raters are simulated, not people."),
        (DRAWBENCH, {"prompt_set": "open", "prompt_set_sha256": "0"}, "The prompts are those of the set open, not "),
        (DRAWBENCH, {"run_prompts": 22, "shown": 22}, "The runs hold 22 of the set's 200 prompts."),
        (DRAWBENCH, {"shown": 44}, "44 prompts are judged of the runs' 200, not all."),
        (
            DRAWBENCH,
            {"shown": 198, "refused": ("a", "b")},
            "2 prompts are left out because a model refused to draw them",
        ),
        (DRAWBENCH, {"shown": 199, "refused": ("a",)}, "1 prompt is left out because a model refused to draw it: a."),
        (DRAWBENCH, {"samples": 1}, "1 image is shown on a side, not 8."),
        (DRAWBENCH, {"encoder_loses": True, "encoder": "webp-90"}, "Images are shown with losses, as webp-90."),
        (DRAWBENCH, {"resized_from": (64, 256)}, "Images of 64 and 256 px are shown at 1024 px."),
        (DRAWBENCH, {"models": 3}, "3 models are compared in one study, each pair by raters of its own."),
        (DRAWBENCH, {"raters": 5}, "Every trial is judged by 5 raters, not 25."),
        (DRAWBENCH, {"training": 1}, "Raters practise on 1 trial with known answers before they begin."),
        (
            DRAWBENCH,
            {"gold": 4},
            "Every rater meets 4 control trials, right with images of each model in turn; the paper has none.",
        ),
        (DRAWBENCH, {"mirrored": 2}, "Every rater meets 2 trials a second time with the sides exchanged."),
        (
            DRAWBENCH,
            {"exclusions": (Exclusion(rule="too_fast", threshold=1500),)},
            "A second version of every number leaves out votes by rules fixed before launch: too_fast 1500.",
        ),
        (COCO, {"prompt_set": "world"}, "The captions and their references are those of the set world, not COCO's."),
        (COCO, {"shown": 100}, "100 prompts are judged, not 200."),
        (COCO, {"models": 2}, "2 models are judged in one study, each by raters of its own."),
        (COCO, {"batches": (34, 33)}, "A rater judges a batch of 33 or 34 prompts, not 50."),
        (COCO, {"gold_given": True}, "The control trials were given in a file."),
        (COCO, {"raters": 51}, "Every trial is judged by 51 raters, not 73."),
    ],
)
def test_a_departure_is_one_sentence(base: Choices, change: dict[str, Any], sentence: str) -> None:
    found = departures(replace(base, **change))
    assert len(found) == 1
    assert found[0].startswith(sentence)
    assert found[0].endswith(".")


def test_screening_is_named_both_ways() -> None:
    strict = departures(replace(DRAWBENCH, gold=4, minimum_gold_correct=0.75))
    assert "less than 75% of the controls right are screened out; in the paper no rater is screened out." in strict[-1]
    lenient = departures(replace(COCO, gold=0, minimum_gold_correct=None))
    assert lenient[0] == "There are no control trials."
    assert lenient[1].startswith("No rater is screened out; in the paper raters with less than 80%")


def test_a_set_without_categories_is_one_panel() -> None:
    found = departures(replace(DRAWBENCH, prompt_set="mine", prompt_set_sha256="0", categories=1))
    assert "The prompts have one category, so there is one panel." in found


@pytest.mark.parametrize(("prompts", "sizes"), [(200, [50] * 4), (50, [50]), (51, [26, 25]), (3, [3]), (120, [40] * 3)])
def test_batches_are_even(prompts: int, sizes: list[int]) -> None:
    assert list(batch_sizes(prompts, 50)) == sizes


def test_protocols_cover_all_types() -> None:
    assert set(PROTOCOLS) == set(QUESTIONS)
