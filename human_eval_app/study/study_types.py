"""The three types of study: the questions in the paper's words, the paper's protocol, and what departs from it.

Source: Saharia et al. 2022 (arXiv 2205.11487), section 3 and appendix C for DrawBench, section 4 for COCO.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from drawbench.prompts.drawbench_set import SHA256 as DRAWBENCH_SHA256
from human_eval_app.study.design import Answer, Exclusion, Question, StudyType

QuestionId = Literal["fidelity", "alignment", "photorealism", "caption"]

_SETS: tuple[Answer, ...] = ("left", "indifferent", "right")

# The paper's wording. The three answers to a pair of sets are shown as "I prefer set A.", "I am indifferent." and
# "I prefer set B."; those words, and translations of all, are the app's.
QUESTIONS: dict[StudyType, tuple[Question, ...]] = {
    "drawbench": (
        Question(id="fidelity", text="Which set of images is of higher quality?", answers=_SETS),
        Question(
            id="alignment", text="Which set of images better represents the text caption : {caption}?", answers=_SETS
        ),
    ),
    "coco-photorealism": (
        Question(
            id="photorealism",
            text="Which image is more photorealistic (looks more real)?",
            answers=("left", "right"),
        ),
    ),
    "coco-alignment": (
        Question(
            id="caption",
            text="Does the caption accurately describe the above image?",
            answers=("yes", "somewhat", "no"),
        ),
    ),
}


@dataclass(frozen=True)
class StudyProtocol:
    """How the paper ran a type of study; its numbers are the defaults of ours.

    raters: of each trial. prompts: how many are judged; None: all. batch: prompts that one rater judges; None: those of
    a category. gold: control trials per rater; the paper tells that COCO has some, not how many: 10 are ours, of
    which somebody who guesses gets 8 right in 1 of 18 cases.
    """

    raters: int
    samples: int
    prompts: int | None
    batch: int | None
    gold: int
    minimum_gold_correct: float | None
    photographs: bool  # whether the prompts' own photographs are shown


PROTOCOLS: dict[StudyType, StudyProtocol] = {
    "drawbench": StudyProtocol(25, 8, None, None, 0, None, False),
    "coco-photorealism": StudyProtocol(73, 1, 200, 50, 10, 0.8, True),
    "coco-alignment": StudyProtocol(51, 1, 200, 50, 10, 0.8, True),
}


@dataclass(frozen=True)
class Choices:
    """What a study does, as far as the paper's protocol has a say in it.

    set_prompts: of the whole prompt set; run_prompts: of those, the ones that the runs hold; shown: of those, the ones
    in the study. resized_from: the runs' own sizes where they are not the shown one. refused: what models refused.
    """

    type: StudyType
    models: int
    raters: int
    samples: int
    prompt_set: str
    prompt_set_sha256: str
    set_prompts: int
    run_prompts: int
    shown: int
    categories: int
    batches: tuple[int, ...]  # prompts of each batch, of a COCO study
    gold: int
    gold_given: bool
    mirrored: int
    minimum_gold_correct: float | None
    training: int
    practice: tuple[str, ...]  # the prompts of training trials, unless those were given
    exclusions: tuple[Exclusion, ...]
    simulated: bool
    encoder_loses: bool
    encoder: str
    size: int
    resized_from: tuple[int, ...]
    refused: tuple[str, ...]  # prompts left out because a model refused them
    stopping: str = ""  # the stopping rule in one sentence


def departures(choices: Choices) -> tuple[str, ...]:
    """Every departure from the paper's protocol, one sentence each; empty when there is none."""
    protocol = PROTOCOLS[choices.type]
    return (
        *(["The raters are simulated, not people."] if choices.simulated else []),
        *_of_the_prompts(choices, protocol),
        *_of_the_images(choices, protocol),
        *_of_the_raters(choices, protocol),
        *_of_the_controls(choices, protocol),
    )


def _of_the_prompts(choices: Choices, protocol: StudyProtocol) -> list[str]:
    found = []
    if choices.type == "drawbench" and choices.prompt_set_sha256 != DRAWBENCH_SHA256:
        found.append(f"The prompts are those of the set {choices.prompt_set}, not DrawBench.")
        if choices.categories == 1:
            found.append("The prompts have one category, so there is one panel.")
    if choices.type != "drawbench" and choices.prompt_set != "coco":
        found.append(f"The captions and their references are those of the set {choices.prompt_set}, not COCO's.")
    if choices.type == "drawbench" and choices.run_prompts < choices.set_prompts:
        found.append(f"The runs hold {choices.run_prompts} of the set's {choices.set_prompts} prompts.")
    wanted = protocol.prompts or choices.run_prompts - len(choices.refused)
    if choices.shown != wanted:
        of_all = "" if protocol.prompts else f" of the runs' {choices.run_prompts}"
        paper = f"{protocol.prompts}" if protocol.prompts else "all"
        found.append(f"{_count(choices.shown, 'prompt is', 'prompts are')} judged{of_all}, not {paper}.")
    if choices.refused:
        found.append(
            f"{_count(len(choices.refused), 'prompt is', 'prompts are')} left out because a model refused to draw "
            f"{'it' if len(choices.refused) == 1 else 'them'}: {', '.join(choices.refused)}."
        )
    return found


def _of_the_images(choices: Choices, protocol: StudyProtocol) -> list[str]:
    found = []
    if choices.samples != protocol.samples:
        found.append(f"{_count(choices.samples, 'image is', 'images are')} shown on a side, not {protocol.samples}.")
    if choices.encoder_loses:
        found.append(f"Images are shown with losses, as {choices.encoder}.")
    if choices.resized_from:
        sizes = " and ".join(str(size) for size in choices.resized_from)
        found.append(f"Images of {sizes} px are shown at {choices.size} px.")
    return found


def _of_the_raters(choices: Choices, protocol: StudyProtocol) -> list[str]:
    found = []
    if choices.models > 2 and choices.type == "drawbench":
        found.append(f"{choices.models} models are compared in one study, each pair by raters of its own.")
    if choices.models > 1 and choices.type != "drawbench":
        found.append(f"{choices.models} models are judged in one study, each by raters of its own.")
    if choices.raters != protocol.raters:
        found.append(f"Every trial is judged by {_count(choices.raters, 'rater', 'raters')}, not {protocol.raters}.")
    if protocol.batch and any(batch != protocol.batch for batch in choices.batches):
        sizes = sorted(set(choices.batches))
        sizes_text = " or ".join(str(size) for size in sizes)
        found.append(f"A rater judges a batch of {sizes_text} prompts, not {protocol.batch}.")
    if choices.stopping:
        found.append(choices.stopping)
    if choices.training:
        found.append(
            f"Raters practise on {_count(choices.training, 'trial', 'trials')} with known answers before they begin."
        )
    if choices.practice:
        found.append(f"Practice shows prompts that nobody judges: {', '.join(choices.practice)}.")
    return found


def _of_the_controls(choices: Choices, protocol: StudyProtocol) -> list[str]:
    found = []
    turns = "" if choices.gold_given else ", right with images of each model in turn"
    if choices.gold and not protocol.gold:
        found.append(
            f"Every rater meets {_count(choices.gold, 'control trial', 'control trials')}{turns}; the paper has none."
        )
    if protocol.gold and not choices.gold:
        found.append("There are no control trials.")
    if choices.gold and choices.gold_given:
        found.append("The control trials were given in a file.")
    if choices.mirrored:
        repeats = _count(choices.mirrored, "trial", "trials")
        found.append(f"Every rater meets {repeats} a second time with the sides exchanged.")
    if choices.minimum_gold_correct != protocol.minimum_gold_correct:
        paper = _screening(protocol.minimum_gold_correct)
        found.append(f"{_screening(choices.minimum_gold_correct).capitalize()}; in the paper {paper}.")
    if choices.exclusions:
        rules = ", ".join(f"{exclusion.rule} {exclusion.threshold:g}" for exclusion in choices.exclusions)
        found.append(f"A second version of every number leaves out votes by rules fixed before launch: {rules}.")
    return found


def _screening(minimum: float | None) -> str:
    if minimum is None:
        return "no rater is screened out"
    return f"raters with less than {minimum:.0%} of the controls right are screened out"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def batch_sizes(prompts: int, batch: int) -> Sequence[int]:
    """Sizes, equal to within one, of the fewest batches of at most `batch` prompts."""
    batches = -(-prompts // batch)
    return [prompts // batches + (number < prompts % batches) for number in range(batches)]
