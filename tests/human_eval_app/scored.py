"""Made-up scores of a run's images, in the files that scoring writes."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from drawbench.interface import Sample
from drawbench.results.scores import OVERALL, PromptSetRef, ProtocolRef, Score, ScoreFile, scores_path
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.score_files import write_scores


def write_made_up_scores(
    run: RunDirectory,
    values: Mapping[str, Callable[[Sample], float]],
    protocol: str = "made-up",
    *,
    whole: Sequence[str] = ("frechet_distance",),
    fingerprint: str = "f" * 64,
) -> None:
    """values: metric -> the value of each sample. whole: metrics that have no such values."""
    drawn = [sample for sample in run.samples() if run.refusal(sample) is None]
    columns = {metric: np.array([value(sample) for sample in drawn]) for metric, value in values.items()}
    means = {metric: float(np.nanmean(of_images)) for metric, of_images in columns.items()}
    result = ScoreFile(
        protocol=ProtocolRef(name=protocol, version=1, fingerprint=fingerprint),
        prompt_set=PromptSetRef(name="mine", sha256=run.plan.prompts_sha256, n=run.plan.n_prompts),
        reference=None,
        size=run.plan.size,
        samples=run.plan.samples,
        complete=True,
        refusals=0,
        scores=[
            Score(metric=name, scope=OVERALL, value=value, interval="not available", n=len(drawn), definition="made up")
            for name, value in (means | dict.fromkeys(whole, 9.0)).items()
        ],
        plan_sha256=run.plan.sha256,
        pixels_sha256=run.require_seal().pixels_sha256,
        environment={},
        date="2026-01-01",
    )
    write_scores(scores_path(run.path, protocol), run, result, drawn, columns)
