"""Made-up runs, scores and comparisons for tests of the report: no number here was ever measured."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drawbench.comparing.compare import ComparedRun, Comparison
from drawbench.comparing.differences import Difference, Verdict
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.report.sources import ReportedRun
from drawbench.results.scores import OVERALL, Interval, PromptSetRef, ProtocolRef, Score, ScoreFile, scores_path
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.scoring.score_files import write_scores
from tests.drawbench.synthetic import score

EVIL = "<img src=x onerror=alert(1)> & “模型”"
CATEGORIES = ("Colors", "Text")


class Painter(TextToImage):
    """Paints each sample in a colour of its seed; refuses the prompts whose text asks for it."""

    def __init__(self, name: str = "painter", refuses: Sequence[str] = (), reason: str = "because <b>") -> None:
        self.name, self.refuses, self.reason = name, refuses, reason

    def card(self) -> ModelCard:
        return ModelCard(adapter="python", spec="test", name=self.name, settings={"guidance": 1.5})

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        return [self._paint(sample, size) for sample in samples]

    def _paint(self, sample: Sample, size: int) -> np.ndarray | Refused:
        if sample.prompt_id in self.refuses:
            return Refused(self.reason)
        own = sample.seed * (1 + len(self.name))
        return np.full((size, size, 3), [own % 251, own % 241, own % 239], np.uint8)


def prompt_set(name: str = "mine", per_category: int = 3) -> PromptSet:
    texts = dict(zip(CATEGORIES, ("paint this", EVIL), strict=True))
    prompts = [
        Prompt(f"{category.lower()}-{number:03d}", category, f"{text} {number}")
        for category, text in texts.items()
        for number in range(1, per_category + 1)
    ]
    return PromptSet(name, tuple(prompts))


@dataclass(frozen=True)
class MadeUp:
    """One run: which model, prompts, and what it refuses. levels: of its CLIP scores by category, NaN for no number."""

    name: str = "painter"
    prompts: PromptSet | None = None
    refuses: tuple[str, ...] = ()
    reason: str = "because <b>"
    size: int = 16
    samples: int = 1
    levels: tuple[float, float] = (0.2, 0.3)
    notes: tuple[str, ...] = ()


def scored_run(path: Path, made: MadeUp = MadeUp(), protocol: str = "bundled") -> Path:
    """Draw it, and write scores of its own under a made-up protocol: of images, categories and all."""
    request = Request(
        Painter(made.name, made.refuses, made.reason),
        made.prompts or prompt_set(),
        path,
        samples=made.samples,
        size=made.size,
    )
    add_scores(generate(request), made, protocol)
    return path


def add_scores(run: RunDirectory, made: MadeUp, protocol: str = "bundled", metric: str = "clip_score") -> None:
    """Scores under one protocol: each image's is its category's level and a step for its number."""
    drawn = [sample for sample in run.samples() if run.refusal(sample) is None]
    level = dict(zip(CATEGORIES, made.levels, strict=True))
    values = np.array([level[sample.category] + 0.01 * int(sample.prompt_id[-3:]) for sample in drawn])
    ids = {scope: [s.category == scope or scope == OVERALL for s in drawn] for scope in (OVERALL, *CATEGORIES)}
    scores: list[Score] = []
    for scope, inside in ids.items():
        there = [
            value for value, chosen in zip(values.tolist(), inside, strict=True) if chosen and math.isfinite(value)
        ]
        if there:
            note = "not measurable with this scorer" if scope in made.notes else ""
            scores.append(score(metric, sum(there) / len(there), scope, half=0.01, n=len(there), note=note))
    plan, seal = run.plan, run.require_seal()
    file = ScoreFile(
        protocol=ProtocolRef(name=protocol, version=1, fingerprint=hashlib.sha256(protocol.encode()).hexdigest()),
        prompt_set=PromptSetRef(name=plan.prompt_set_name, sha256=plan.prompt_set_sha256, n=plan.n_prompts),
        reference=None,
        size=plan.size,
        samples=plan.samples,
        complete=True,
        refusals=seal.refused,
        scores=scores,
        plan_sha256=plan.sha256,
        pixels_sha256=seal.pixels_sha256,
        environment={"python": "3.11", "numpy": "2"},
        date="2020-01-01",
    )
    write_scores(scores_path(run.path, protocol), run, file, drawn, {metric: values})


def comparison(
    a: ReportedRun,
    b: ReportedRun,
    verdict: Verdict,
    *,
    difference: float = 0.1,
    metric: str = "clip_score",
    note: str = "",
) -> Comparison:
    """Two runs that differ so much, with an interval as the verdict says."""
    half = {"within noise": 2 * abs(difference)}.get(verdict, abs(difference) / 2)
    interval = Interval(low=difference - half, high=difference + half, method="made up")
    row = Difference(
        metric=metric,
        scope=OVERALL,
        a=0.5 + difference,
        b=0.5,
        difference=difference,
        interval="not available" if verdict == "no interval" else interval,
        n=6,
        lower_is_better=metric != "clip_score",
        verdict=verdict,
        note=note,
    )
    plan = a.run.plan
    runs = [ComparedRun(name=e.label, path=str(e.run.path), plan_sha256=e.run.plan.sha256, refusals=0) for e in (a, b)]
    return Comparison(
        a=runs[0],
        b=runs[1],
        protocol=ProtocolRef(name="bundled", version=1, fingerprint="f" * 64),
        prompt_set=PromptSetRef(name=plan.prompt_set_name, sha256=plan.prompt_set_sha256, n=plan.n_prompts),
        reference=None,
        size=plan.size,
        samples=plan.samples,
        complete=True,
        images=6,
        prompts=6,
        differences=[row],
        left_out={},
    )
