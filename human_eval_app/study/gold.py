"""Trials whose right answer is known: gold trials among the others, and training trials before them.

Made from the runs' own images: for quality, a prompt's images beside the same images made plainly worse; for
alignment, a prompt's images beside another prompt's images of the same model. They are as true as the model is able: a
lab looks at them before launch. A single image is a photograph, with its own caption or with another's.

From which prompts: what a rater has met in a gold or training trial could colour their answer in a main one. So
prompts outside the study come first (as with --limit; of the panel's category if they can be, which makes a gold trial
harder to tell), then prompts that other raters judge. Training is the same for all raters, so it takes prompts outside
the study, or else those of the largest category, where one prompt counts least; and gold trials avoid training's
prompts while there are others.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import Prompt
from human_eval_app.study.assign import Known
from human_eval_app.study.design import ORIGINAL, StudyType
from human_eval_app.study.images import Alteration
from human_eval_app.study.study_types import QuestionId

CANDIDATES = 20  # of which the one with the fewest words in common is taken

# (label, prompt id, alteration) -> key of the set, which is made when it is asked for
SetMaker = Callable[[str, str, Alteration], str]


@dataclass(frozen=True)
class _Variant:
    """One way to make a known trial of a prompt: the images' label and what is wrong with the other side."""

    label: str
    wrong: Alteration  # "": a single image under its own caption


def known_trials(
    study_type: StudyType,
    labels: Sequence[str],
    pool: Sequence[Prompt],
    strangers: Sequence[Prompt],
    number: int,
    make_set: SetMaker,
    random: Random,
) -> tuple[Known, ...]:
    """`number` different known trials of prompts in `pool`, which come in the order of preference.

    `labels`: the models whose images are used, in turn. `strangers`: the prompts whose images are shown under another's
    caption. Raises UserError when there are too few prompts.
    """
    if number == 0:
        return ()
    variants = _variants(study_type, labels)
    if number > len(pool) * len(variants):
        raise UserError(
            f"{number} trials with known answers are asked for, and there are {len(pool)} prompts to make them of: "
            "ask for fewer, or give them with --gold-file."
        )
    # Each prompt once in every variant, and neighbours in different ones.
    rounds = (
        (pool[i], variants[(i + turn) % len(variants)]) for turn in range(len(variants)) for i in range(len(pool))
    )
    chosen = [next(rounds) for _ in range(number)]
    return tuple(_known(study_type, prompt, variant, strangers, make_set, random) for prompt, variant in chosen)


def in_turn(labels: Sequence[str], number: int) -> tuple[str, ...]:
    """The labels beginning with another one for each number: so a few trials favour no label."""
    start = number % len(labels)
    return (*labels[start:], *labels[:start])


def preferred(groups: Sequence[Sequence[Prompt]], avoid: frozenset[str], wanted: int, random: Random) -> list[Prompt]:
    """The prompts of `groups`, the first group first, each group in random order; `avoid` go last.

    Stops after the group with which there are `wanted` that are not to be avoided.
    """
    pool: list[Prompt] = []
    late: list[Prompt] = []
    for group in groups:
        shuffled = random.sample(list(group), len(group))
        pool += [prompt for prompt in shuffled if prompt.id not in avoid]
        late += [prompt for prompt in shuffled if prompt.id in avoid]
        if len(pool) >= wanted:
            return pool
    return pool + late


def _variants(study_type: StudyType, labels: Sequence[str]) -> list[_Variant]:
    wrongs: dict[StudyType, tuple[Alteration, ...]] = {
        "drawbench": ("mosaic and noise", "of another prompt"),
        "coco-photorealism": ("mosaic and noise",),
        "coco-alignment": ("", "of another prompt"),
    }
    wrong, used = wrongs[study_type], labels if study_type == "drawbench" else [ORIGINAL]
    # Models in turn, so that two trials already are of two models and ask two questions.
    return [
        _Variant(label, wrong[(i + turn) % len(wrong)]) for turn in range(len(wrong)) for i, label in enumerate(used)
    ]


def _known(
    study_type: StudyType,
    prompt: Prompt,
    variant: _Variant,
    strangers: Sequence[Prompt],
    make_set: SetMaker,
    random: Random,
) -> Known:
    other = _other(prompt, strangers, random) if variant.wrong == "of another prompt" else prompt
    touches = frozenset([prompt.id, other.id])
    if study_type == "coco-alignment":
        image = make_set(variant.label, other.id, variant.wrong)
        return Known(prompt.id, image, None, ("caption",), touches, "no" if variant.wrong else "yes")
    question: QuestionId = "alignment" if variant.wrong == "of another prompt" else "fidelity"
    if study_type == "coco-photorealism":
        question = "photorealism"
    better = make_set(variant.label, prompt.id, "")
    worse = make_set(variant.label, other.id, variant.wrong)
    return Known(prompt.id, better, worse, (question,), touches)


def _other(prompt: Prompt, strangers: Sequence[Prompt], random: Random) -> Prompt:
    """A prompt that asks for something else: of another category where there is one, with few words in common."""
    others = [each for each in strangers if each.text != prompt.text]
    if not others:
        raise UserError(f"there is no other prompt than {prompt.id} to make a trial with a known answer of.")
    unlike = [each for each in others if each.category != prompt.category] or others
    some = random.sample(unlike, min(len(unlike), CANDIDATES))
    return min(some, key=lambda each: len(_words(each) & _words(prompt)))


def _words(prompt: Prompt) -> set[str]:
    """Those that are about something, mostly: longer than three letters."""
    return {word for word in re.findall(r"\w+", prompt.text.lower()) if len(word) > 3}
