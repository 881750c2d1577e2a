"""What a rater's browser is told about one screen: plain data, with nothing in it that could tell the models apart."""

from collections.abc import Mapping
from typing import Any

from human_eval_app.app.rater.texts import DEFAULT_LANGUAGE, Texts
from human_eval_app.app.rater.texts import texts as texts_of
from human_eval_app.app.tokens import Signer
from human_eval_app.store.records import Part, Place
from human_eval_app.study.design import Answer, Design, Question, Trial

IMAGE_ROUTE = "/study/image"
_ENGLISH_SETS = ("coco", "drawbench", "open", "world")  # of other prompts, nobody has said the language
_QUESTION_KEYS = ("123", "456")  # of the first question's answers and of the second's


def part_of(place: Place) -> Part:
    """Which of the two parts with trials a place is in."""
    return "training" if place.stage == "training" else "main"


def trials_of(design: Design, place: Place) -> tuple[Trial, ...]:
    """The trials of the part that a rater is in."""
    return design.training if place.stage == "training" else design.trials_of_seat[place.seat or ""]


def screen_key(place: Place) -> str:
    """Names one screen of one rater; an answer carries it, so that it can never count for another screen."""
    return f"{place.sitting}-{part_of(place)}-{place.position}-{place.sequence}"


def trial_view(design: Design, place: Place, signer: Signer, texts: Texts, base_path: str = "") -> dict[str, Any]:
    """The screen for a place in stage `training` or `trial`, of an app whose addresses begin with base_path."""
    trials = trials_of(design, place)
    trial = trials[place.position]
    words = texts["trial"]
    counted = words["training"] if place.stage == "training" else words["progress"]
    following = trials[place.position + 1 : place.position + 2]

    def addresses(side: str) -> list[str]:
        return [base_path + address for address in _addresses(design, signer, place, side)]

    return {
        "key": screen_key(place),
        "progress": {
            "text": counted.format(position=place.position + 1, total=place.total),
            "value": place.position / place.total,
        },
        "caption": design.captions[trial.prompt_id],
        "caption_language": "en" if design.prompt_set.name in _ENGLISH_SETS else "",
        "sets": [
            {"label": label, "images": addresses(side)}
            for label, side in zip(_labels(design, texts), _sides(trial), strict=True)
        ],
        "questions": [
            _question_view(question, design, texts, keys)
            for question, keys in zip(design.questions, _QUESTION_KEYS, strict=False)
        ],
        "preload": [url for next_ in following for side in _sides(next_) for url in addresses(side)],
        "can_undo": place.can_undo,
        "texts": {
            **{name: words[name] for name in _BROWSER_TEXTS},
            "answer_first": words["answer_first" if len(design.questions) > 1 else "answer_first_single"],
            "next": texts["common"]["next"],
            **{name: texts["common"][name] for name in ("stop", "stop_confirm", "stop_yes", "stop_no")},
        },
    }


_BROWSER_TEXTS = (
    "caption",
    "close",
    "enlarge",
    "failed",
    "following",
    "image_alt",
    "loading",
    "previous",
    "ready",
    "report",
    "report_close",
    "report_failed",
    "report_send",
    "report_sending",
    "report_thanks",
    "report_what",
    "retry",
    "saving",
    "unconfirmed",
    "undo",
)


def wrong_answers(trial: Trial, answers: dict[str, Answer]) -> list[str]:
    """The questions whose known answer is another than the one given."""
    return [question for question, expected in trial.expected.items() if answers.get(question) != expected]


def hints(texts: Texts, questions: list[str]) -> str:
    """What to tell a rater who answered these training questions otherwise than expected."""
    words = texts["trial"]
    return words["try_again"].format(hint=" ".join(words[f"hint_{question}"] for question in questions))


def answers_text(design: Design, answers: Mapping[str, str], texts: Texts) -> str:
    """A screen's answers as the rater reads them, in the order of the questions."""
    return " ".join(
        _answer_text(answer, design, texts)
        for question in design.questions
        for answer in question.answers
        if answers.get(question.id) == answer
    )


def question_text(question: Question, texts: Texts) -> str:
    """The question as asked: the design's own wording in English, the translation elsewhere.

    Where it has {caption}, the browser puts the caption, in quotation marks.
    """
    return question.text if texts is texts_of(DEFAULT_LANGUAGE) else texts["question"][question.id]


def _question_view(question: Question, design: Design, texts: Texts, keys: str) -> dict[str, Any]:
    return {
        "id": question.id,
        "text": question_text(question, texts),
        "answers": [
            {"value": answer, "text": _answer_text(answer, design, texts), "key": key}
            for answer, key in zip(question.answers, keys, strict=False)
        ],
    }


def _answer_text(answer: Answer, design: Design, texts: Texts) -> str:
    sided = {"left", "right"}
    name = f"{'image' if design.type == 'coco-photorealism' else 'set'}_{answer}" if answer in sided else answer
    return texts["answer"][name]


def _labels(design: Design, texts: Texts) -> tuple[str, ...]:
    names = {
        "drawbench": ("set_a", "set_b"),
        "coco-photorealism": ("image_a", "image_b"),
        "coco-alignment": ("image",),
    }[design.type]
    return tuple(texts["trial"][name] for name in names)


def _sides(trial: Trial) -> tuple[str, ...]:
    return (trial.left,) if trial.right is None else (trial.left, trial.right)


def _addresses(design: Design, signer: Signer, place: Place, side: str) -> list[str]:
    """The images of one side, at addresses that are valid for this rater only."""
    rater = place.rater
    return [
        f"{IMAGE_ROUTE}/{rater}/{signer.image_signature(rater, image)}/{image}" for image in design.sets[side].images
    ]
