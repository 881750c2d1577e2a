"""Made-up results for tests of tables and reports: no number here was ever measured."""

from collections.abc import Sequence
from typing import Literal

from drawbench.interface import ModelCard, Setting
from drawbench.results.files import HumanPreference, Result, RunRef, StudyRef
from drawbench.results.scores import OVERALL, Interval, PromptSetRef, ProtocolRef, ReferenceRef, Score

CATEGORIES = {
    "Colors": 25,
    "Conflicting": 10,
    "Counting": 19,
    "DALL-E": 20,
    "Descriptions": 20,
    "Gary Marcus et al.": 10,
    "Misspellings": 10,
    "Positional": 20,
    "Rare Words": 7,
    "Reddit": 38,
    "Text": 21,
}
DEFINITION = "made up for a test"
METHOD = "t over prompts"


def score(
    metric: str, value: float, scope: str = OVERALL, *, half: float | None = 0.01, n: int = 200, note: str = ""
) -> Score:
    """One aggregate with a symmetric interval, or with none when `half` is None."""
    interval = "not available" if half is None else Interval(low=value - half, high=value + half, method=METHOD)
    return Score(metric=metric, scope=scope, value=value, interval=interval, n=n, definition=DEFINITION, note=note)


def clip_scores(value: float, categories: dict[str, int], unmeasurable: tuple[str, ...] = ()) -> list[Score]:
    """CLIP score, shuffled and difference, overall and for each category."""
    scopes = {OVERALL: sum(categories.values()), **categories}
    scores = []
    for place, (scope, n) in enumerate(scopes.items()):
        note = "not measurable with this scorer: no clear difference" if scope in unmeasurable else ""
        level = value + 0.002 * (place % 5)
        half = 0.05 / n**0.5
        scores += [
            score("clip_score", level, scope, half=half, n=n, note=note),
            score("clip_score_shuffled", 0.12, scope, half=half, n=n),
            score("clip_score_difference", level - 0.12, scope, half=half, n=n),
        ]
    return scores


def result(
    name: str = "synthetic model",
    value: float = 0.2,
    *,
    scores: list[Score] | None = None,
    adapter: str = "reference",
    settings: dict[str, Setting] | None = None,
    set_name: str = "open",
    set_hash: str = "a" * 64,
    prompts: int = 200,
    protocol: str = "bundled",
    fingerprint: str = "f" * 64,
    reference: ReferenceRef | None = None,
    size: int = 256,
    samples: int = 1,
    complete: bool = True,
    refusals: int = 0,
    pixels: str = "",
) -> Result:
    """A synthetic result; every part of its comparison key can be set."""
    return Result(
        kind="measured",
        model=ModelCard(adapter=adapter, spec=name, name=name, settings=settings or {}),
        prompt_set=PromptSetRef(name=set_name, sha256=set_hash, n=prompts),
        protocol=ProtocolRef(name=protocol, version=1, fingerprint=fingerprint),
        reference=reference,
        size=size,
        samples=samples,
        complete=complete,
        refusals=refusals,
        scores=clip_scores(value, CATEGORIES) if scores is None else scores,
        run=RunRef(plan_sha256="1" * 64, pixels_sha256=pixels or name.ljust(64, "-")[:64]),
        environment={"python": "3.11"},
        date="2020-01-01",
    )


def world_result(name: str, value: float, distance: float, **kwargs: object) -> Result:
    """A synthetic result on `world`: a distance without an interval, and CLIP scores without categories."""
    scores = [score("frechet_distance", distance, half=None, n=500), *clip_scores(value, {"": 500})[:3]]
    reference = ReferenceRef(name="world", sha256="b" * 64, n=500)
    return result(
        name,
        scores=scores,
        set_name="world",
        set_hash="c" * 64,
        prompts=500,
        reference=reference,
        size=64,
        **kwargs,  # type: ignore[arg-type]
    )


def preference(
    a: float,
    b: float,
    *,
    question: str = "fidelity",
    scope: str = OVERALL,
    against: str = "the other model",
    half: float | None = 0.05,
) -> HumanPreference:
    """One question of a made-up human study; what is left of the votes is indifferent."""
    method = "made up for a test"

    def interval(value: float) -> Interval | Literal["not available"]:
        return "not available" if half is None else Interval(low=value - half, high=value + half, method=method)

    return HumanPreference(
        question=question,
        scope=scope,
        average="micro",
        against=against,
        a=a,
        indifferent=1 - a - b,
        b=b,
        interval=interval(a),
        net=a - b,
        net_interval=interval(a - b),
        votes=500,
        raters=25,
        prompts=20,
    )


def human_result(
    name: str, preferences: Sequence[HumanPreference], *, design: str = "d" * 64, complete: bool = True
) -> Result:
    """A made-up human study of a model against another one."""
    study = StudyRef(name="a study", design_sha256=design, seats=50, seats_complete=50 if complete else 49)
    base = result(name, scores=[], protocol="human-drawbench", samples=8, complete=complete)
    return base.model_copy(update={"human": tuple(preferences), "study": study})
