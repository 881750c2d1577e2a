"""Made-up designs for tests of store, app and analysis: valid, small, without images, and alike on every call."""

from collections.abc import Mapping
from hashlib import sha256
from itertools import combinations
from random import Random

from drawbench.interface import ModelCard
from drawbench.results.scores import PromptSetRef
from human_eval_app.study.design import (
    ORIGINAL,
    Answer,
    Controls,
    Design,
    Exclusion,
    Panel,
    Seat,
    StudyModel,
    StudyType,
    Trial,
    TrialImages,
)
from human_eval_app.study.study_types import QUESTIONS

GOLD_PROMPT = "gold-001"  # of no category, so that it is never among a panel's own prompts


def make_design(
    study_type: StudyType = "drawbench",
    *,
    categories: Mapping[str, int] | None = None,
    models: tuple[str, ...] = ("model one", "model two"),
    raters: int = 3,
    samples: int = 2,
    gold: int = 0,
    mirrored: int = 0,
    minimum_gold_correct: float | None = None,
    training: int = 0,
    exclusions: tuple[Exclusion, ...] = (),
    simulated: bool = False,
    seed: int = 0,
    name: str = "made up",
) -> Design:
    """A valid design. `categories`: how many prompts each has (default: Colors 2, Counting 3).

    Panels are `colors`, `colors-part-2` (the second pair of models, or the second model of a coco-alignment study) and
    so on; their seats are `colors-001` and so on.
    Every panel lists, per prompt, the trial with its first model on the left and then the one with it on the right
    (one trial per prompt in a coco-alignment study). Seat n shows the n-th prompt of a random order on either side in
    turn, so sides are balanced. `gold` trials of known answers stand first, `mirrored` repeats last.
    """
    counts = dict(categories or {"Colors": 2, "Counting": 3})
    labels = models if study_type == "drawbench" else (*models, ORIGINAL)
    prompts = {c: [f"{_slug(c)}-{n:03d}" for n in range(1, k + 1)] for c, k in counts.items()}
    ids = [GOLD_PROMPT, *(prompt for some in prompts.values() for prompt in some)]
    sets = {f"{label}/{p}": _image_set(label, p, samples) for label in labels for p in ids}
    sets |= {f"{label}/{GOLD_PROMPT}/worse": _image_set(label, GOLD_PROMPT, samples, "mosaic") for label in labels}
    sides = {"drawbench": list(combinations(models, 2)), "coco-photorealism": [(m, ORIGINAL) for m in models]}
    random = Random(f"made up {seed}")
    panels = [
        _panel(study_type, panel_id, category, pair, prompts[category], raters, gold, mirrored, random)
        for category in counts
        for number, pair in enumerate(sides.get(study_type, [(label,) for label in labels]), start=1)
        for panel_id in [_slug(category) if number == 1 else f"{_slug(category)}-part-{number}"]
    ]
    return Design(
        name=name,
        type=study_type,
        raters="simulated" if simulated else "human",
        seed=seed,
        samples=samples,
        image_size=64,
        encoder="webp-lossless",
        prompt_set=PromptSetRef(name="made up", sha256="a" * 64, n=len(ids) - 1),
        captions={prompt: f"the caption of {prompt}" for prompt in ids},
        models=tuple(_model(label) for label in labels),
        questions=QUESTIONS[study_type],
        instructions_version="1",
        training=tuple(_known(study_type, labels[0], "training", n % 2 == 0) for n in range(training)),
        controls=Controls(gold_per_seat=gold, mirrored_per_seat=mirrored, minimum_gold_correct=minimum_gold_correct),
        exclusions=exclusions,
        departures=("It is made up.",),
        sets=sets,
        panels=tuple(panels),
    )


def _panel(
    study_type: StudyType,
    panel_id: str,
    category: str,
    models: tuple[str, ...],
    prompts: list[str],
    raters: int,
    gold: int,
    mirrored: int,
    random: Random,
) -> Panel:
    ways = len(models)  # how many trials there are for a prompt: with the sides either way, or one
    main = [trial for prompt in prompts for trial in _both_ways(prompt, models)]
    known = [_known(study_type, models[0], "gold", way == 0) for way in range(2)]
    mirrors = [
        trial.model_copy(update={"kind": "mirror", "left": trial.right, "right": trial.left, "mirror_of": index})
        for index, trial in enumerate(main)
        if ways == 2
    ]
    seats = []
    for number in range(raters):
        order = list(range(len(prompts)))
        random.shuffle(order)
        shown = [ways * prompt + (number + prompt) % ways for prompt in order]
        first = [len(main) + (number + index) % 2 for index in range(gold)]
        last = [len(main) + len(known) + index for index in shown[: mirrored if mirrors else 0]]
        seats.append(Seat(id=f"{panel_id}-{number + 1:03d}", order=(*first, *shown, *last)))
    return Panel(id=panel_id, category=category, models=models, trials=(*main, *known, *mirrors), seats=tuple(seats))


def _slug(category: str) -> str:
    return category.lower().replace(" ", "-")


def _both_ways(prompt: str, models: tuple[str, ...]) -> list[Trial]:
    keys = [f"{model}/{prompt}" for model in models]
    if len(keys) == 1:
        return [Trial(prompt_id=prompt, kind="main", left=keys[0])]
    return [
        Trial(prompt_id=prompt, kind="main", left=keys[0], right=keys[1]),
        Trial(prompt_id=prompt, kind="main", left=keys[1], right=keys[0]),
    ]


def _known(study_type: StudyType, label: str, kind: str, good_first: bool) -> Trial:
    """A trial whose answer is known: the left side is the better one, or the caption is right, when `good_first`."""
    good, bad = f"{label}/{GOLD_PROMPT}", f"{label}/{GOLD_PROMPT}/worse"
    left, right = (good, bad) if good_first else (bad, good)
    answer: Answer
    if study_type == "coco-alignment":
        answer = "yes" if good_first else "no"
        return Trial(prompt_id=GOLD_PROMPT, kind=kind, left=left, expected={"caption": answer})  # type: ignore[arg-type]
    answer = "left" if good_first else "right"
    question = "fidelity" if study_type == "drawbench" else "photorealism"
    return Trial(prompt_id=GOLD_PROMPT, kind=kind, left=left, right=right, expected={question: answer})  # type: ignore[arg-type]


def _image_set(label: str, prompt: str, samples: int, altered: str = "") -> TrialImages:
    tokens = [sha256(f"{label}\t{prompt}\t{index}\t{altered}".encode()).hexdigest()[:32] for index in range(samples)]
    return TrialImages(model=label, prompt_id=prompt, images=tuple(tokens), altered=altered)


def _model(label: str) -> StudyModel:
    if label == ORIGINAL:
        return StudyModel(label=label, card=None, plan_sha256=None, pixels_sha256=None)
    card = ModelCard(adapter="test", spec=label, name=label)
    digest = sha256(label.encode()).hexdigest()
    return StudyModel(label=label, card=card, plan_sha256=digest, pixels_sha256=digest[::-1])
