"""What a browser is told about a screen, and what it is not."""

import json
from dataclasses import replace

import pytest

from human_eval_app.app.rater.texts import languages, texts
from human_eval_app.app.rater.trial_component import read_answer, read_report, read_screen
from human_eval_app.app.rater.trial_view import hints, trial_view, trials_of, wrong_answers
from human_eval_app.app.tokens import Signer
from human_eval_app.store.records import Place
from human_eval_app.study.design import Design, StudyType
from tests.human_eval_app.designs import make_design

SIGNER = Signer(b"s" * 32, "a" * 64)


def _place(design: Design, position: int = 0) -> Place:
    panel = design.panels[0]
    seat = panel.seats[0]
    return Place(4, "trial", "en", panel.id, seat.id, 9, position, len(seat.order), 0, position > 0)


@pytest.mark.parametrize("study_type", ["drawbench", "coco-photorealism", "coco-alignment"])
@pytest.mark.parametrize("language", languages())
def test_no_model_is_named_anywhere(study_type: StudyType, language: str) -> None:
    design = make_design(study_type, models=("SECRETONE", "SECRETTWO"), gold=1, training=1, mirrored=1)
    for position in range(len(design.panels[0].seats[0].order)):
        told = json.dumps(trial_view(design, _place(design, position), SIGNER, texts(language)))
        assert "SECRET" not in told
        assert "original" not in told
        assert "gold" not in told.replace("gold-001", "").replace("gold 001", "")
        assert "expected" not in told


def test_the_sides_are_those_of_the_trial_and_addresses_are_signed_for_the_rater() -> None:
    design = make_design()
    place = _place(design)
    trial = trials_of(design, place)[0]
    view = trial_view(design, place, SIGNER, texts("en"))
    shown = [[url.split("/")[-1] for url in side["images"]] for side in view["sets"]]
    assert shown == [list(design.sets[trial.left].images), list(design.sets[trial.right or ""].images)]
    for url in view["sets"][0]["images"]:
        rater, signature, image = url.split("/")[-3:]
        assert rater == "4"
        assert SIGNER.image_is_signed(4, image, signature)


def test_questions_stand_in_the_papers_words_and_have_keys_of_their_own() -> None:
    design = make_design()
    view = trial_view(design, _place(design), SIGNER, texts("en"))
    assert [question["text"] for question in view["questions"]] == [
        "Which set of images is of higher quality?",
        "Which set of images better represents the text caption : {caption}?",
    ]
    keys = [answer["key"] for question in view["questions"] for answer in question["answers"]]
    assert len(set(keys)) == 6
    values = [answer["value"] for answer in view["questions"][0]["answers"]]
    assert values == ["left", "indifferent", "right"]


def test_the_next_screens_images_are_named_for_loading_ahead() -> None:
    design = make_design()
    first, second = (trial_view(design, _place(design, i), SIGNER, texts("en")) for i in (0, 1))
    assert first["preload"] == [url for side in second["sets"] for url in side["images"]]
    last = trial_view(design, _place(design, len(design.panels[0].seats[0].order) - 1), SIGNER, texts("en"))
    assert last["preload"] == []


def test_a_screens_key_changes_with_every_place() -> None:
    design = make_design(training=2)
    place = _place(design)
    places = [place, replace(place, position=1), replace(place, sequence=1), replace(place, sitting=10)]
    places.append(replace(place, stage="training", total=2))
    keys = {trial_view(design, each, SIGNER, texts("en"))["key"] for each in places}
    assert len(keys) == len(places)


def test_a_browsers_message_comes_back_as_the_place_it_was_shown_for() -> None:
    design = make_design()
    key = trial_view(design, replace(_place(design, 1), sequence=3), SIGNER, texts("en"))["key"]
    timing = {"load_ms": 10, "dwell_ms": 20, "zooms": 1, "shown_at": "2026-01-01T00:00:00Z"}
    message = read_answer({"key": key, "answers": {"fidelity": "left"}, "timing": timing})
    assert message is not None
    assert message.parts() == (9, "main", 1, 3)
    undo = read_screen({"key": key})
    assert undo is not None
    assert undo.parts() == (9, "main", 1, 3)


GOOD = {
    "key": "1-main-0-0",
    "answers": {"fidelity": "left"},
    "timing": {"load_ms": 1, "dwell_ms": 1, "zooms": 0, "shown_at": "2026-01-01T00:00:00.000Z"},
}


@pytest.mark.parametrize(
    "message",
    [
        None,
        "left",
        [],
        {},
        {**GOOD, "key": "1-main-0"},
        {**GOOD, "key": "1-gold-0-0"},
        {**GOOD, "key": "1-main-0-0'; DROP TABLE vote; --"},
        {**GOOD, "rater": 5},
        {**GOOD, "answers": {str(i): "left" for i in range(5)}},
        {**GOOD, "answers": {"fidelity": 1}},
        {**GOOD, "timing": {**GOOD["timing"], "dwell_ms": -1}},  # type: ignore[dict-item]
        {**GOOD, "timing": {**GOOD["timing"], "shown_at": "=HYPERLINK(1)"}},  # type: ignore[dict-item]
    ],
)
def test_a_message_that_our_page_would_not_send_is_no_answer(message: object) -> None:
    assert read_answer(GOOD) is not None
    assert read_answer(message) is None


@pytest.mark.parametrize("change", [{}, {"number": 0}, {"text": ""}, {"text": "x" * 1001}, {"text": 1}, {"rater": 5}])
def test_a_report_is_a_few_words_about_one_screen(change: dict) -> None:
    report = {"key": "1-main-0-0", "number": 1, "text": "x" * 1000}
    assert (read_report({**report, **change}) is not None) == (change == {})


@pytest.mark.parametrize(
    ("prompt_set", "language"), [("open", "en"), ("drawbench", "en"), ("coco", "en"), ("mine", "")]
)
def test_a_prompts_language_is_told_where_it_is_known(prompt_set: str, language: str) -> None:
    design = make_design()
    named = design.model_copy(update={"prompt_set": design.prompt_set.model_copy(update={"name": prompt_set})})
    assert trial_view(named, _place(named), SIGNER, texts("de"))["caption_language"] == language


def test_wrong_training_answers_are_told_by_question() -> None:
    design = make_design(training=1)
    trial = design.training[0]
    assert trial.expected
    assert wrong_answers(trial, dict(trial.expected)) == []
    wrong = wrong_answers(trial, dict.fromkeys(trial.expected, "indifferent"))
    assert wrong == list(trial.expected)
    for language in languages():
        assert "{" not in hints(texts(language), ["fidelity", "alignment", "photorealism", "caption"])
