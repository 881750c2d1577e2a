"""From a design and its votes to everything said about them."""

from datetime import UTC, datetime
from typing import Literal

import pandas as pd

from human_eval_app.analysis.agreement import agreement
from human_eval_app.analysis.checks import checks
from human_eval_app.analysis.exclusions import exclude
from human_eval_app.analysis.rates import caption_scores, comparisons
from human_eval_app.analysis.records import Analysis, Completion, Excluded, Version
from human_eval_app.analysis.sequences import sequences
from human_eval_app.analysis.strengths import strengths
from human_eval_app.analysis.votes import Votes, main_votes
from human_eval_app.study.design import Design

PACKAGES = ("drawbench", "numpy", "pandas", "scipy")
MODELS_ON_A_SCALE = 3  # of fewer, the preference rates say as much


def analyse(design: Design, votes: Votes) -> Analysis:
    """All numbers of a study: from all raters and, where the design has rules for it, without those they leave out."""
    versions = [_version(design, votes.table, "all", ())]
    if design.exclusions:
        kept, excluded = exclude(design.exclusions, votes.table)
        versions.append(_version(design, kept, "after exclusions", excluded))
    return Analysis(
        study=design.name,
        type=design.type,
        simulated=votes.simulated,
        design_sha256=design.sha256,
        prompt_set=design.prompt_set.name,
        departures=design.departures,
        progress=_progress(design, votes),
        stopping=sequences(design, votes),
        versions=tuple(versions),
        environment=_environment(),
        date=datetime.now(UTC).date().isoformat(),
    )


def _version(
    design: Design,
    table: pd.DataFrame,
    name: Literal["all", "after exclusions"],
    excluded: tuple[Excluded, ...],
) -> Version:
    main = main_votes(table)
    version = Version(
        name=name,
        excluded=excluded,
        raters=int(table["rater"].nunique()),
        prompts=int(main["prompt_id"].nunique()),
        answers=len(main),
        problem="" if len(main) else "the rules leave no rater",
    )
    return version if main.empty else version.model_copy(update=_numbers(design, table, main))


def _numbers(design: Design, table: pd.DataFrame, main: pd.DataFrame) -> dict[str, object]:
    """The fields of a version that are made from votes."""
    captions = {} if design.type == "drawbench" else design.captions
    models = set(main["model_a"]) | set(main["model_b"])
    on_a_scale = design.paired and len(models) >= MODELS_ON_A_SCALE
    return {
        "comparisons": comparisons(main, captions) if design.paired else (),
        "captions": () if design.paired else caption_scores(main, captions),
        "strengths": strengths(main) if on_a_scale else (),
        "agreement": agreement(main, by_category=design.type == "drawbench"),
        "checks": checks(table),
    }


def _progress(design: Design, votes: Votes) -> Completion:
    done = set(votes.table["seat"])
    panels = {panel.id: (sum(seat.id in done for seat in panel.seats), len(panel.seats)) for panel in design.panels}
    return Completion(
        seats=sum(seats for _, seats in panels.values()),
        complete=len(done),
        panels=panels,
        sittings=dict(votes.sittings),
    )


def _environment() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in PACKAGES}
