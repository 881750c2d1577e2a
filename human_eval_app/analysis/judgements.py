"""A study's votes beside the scores of the runs that it compared: what an agreement is made from."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from drawbench.agreement.files import CATEGORY, MODEL, PROMPT, RATER, RATING, Table
from drawbench.agreement.judgements import Judgements, judgements_of_votes
from drawbench.agreement.runs import table_of_runs
from drawbench.agreement.tables import chosen_scores, constant, grids, judgements_of_tables
from drawbench.errors import UserError
from drawbench.runs.directory import RunDirectory
from human_eval_app.analysis.votes import Votes, main_votes
from human_eval_app.study.design import Design

AHEAD = {"a": 1.0, "indifferent": 0.0, "b": -1.0}
VERDICTS = {"yes": 1.0, "somewhat": 0.5, "no": 0.0}


def runs_of_study(design: Design, paths: Sequence[Path]) -> dict[str, RunDirectory]:
    """Runs that a study compared, all or some, by its names of their models and in its order.

    Raises UserError for a run that is not the study's, or holds other images by now, and for fewer than two.
    """
    found: dict[str, RunDirectory] = {}
    for path in paths:
        run = RunDirectory.open(path)
        pixels = run.require_seal().pixels_sha256
        model = next((model for model in design.models if model.plan_sha256 == run.plan.sha256), None)
        if model is None:
            told = ", ".join(each.label for each in design.models)
            raise UserError(f"{path} is none of the runs of study {design.name}, which compared {told}: name those.")
        if model.pixels_sha256 != pixels:
            raise UserError(f"{path} holds other images than raters of study {design.name} saw: name the run of then.")
        if model.label in found:
            raise UserError(f"{path} and {found[model.label].path} hold the same run: name each once.")
        found[model.label] = run
    if len(found) < 2:
        raise UserError(f"people's choice in study {design.name} is between models: name the runs of two or more.")
    return {model.label: found[model.label] for model in design.models if model.label in found}


def study_judgements(
    design: Design,
    votes: Votes,
    runs: Mapping[str, RunDirectory],
    protocols: Sequence[str] = (),
    metrics: Sequence[str] = (),
    lower: Sequence[str] = (),
) -> list[Judgements]:
    """The judgements of each question, in the design's order: all raters' standing answers, no control trials.

    runs: from `runs_of_study`. A score is the mean over the images that raters saw. protocols, metrics:
    all that the runs have, without. lower: metrics of which less is better, beside those that are known.
    Raises UserError for runs that have no scores that can be used.
    """
    table = main_votes(votes.table)
    shown = table["model_a"].isin(runs) & (table["model_b"].isin(runs) if design.paired else True)
    if not shown.any():
        raise UserError(
            f"study {design.name} has no vote between models of these runs: name the runs that it compared."
        )
    kept = table[shown]
    prompts = [prompt for prompt in design.captions if prompt in set(kept["prompt_id"])]
    scored, known_lower = table_of_runs(runs, prompts, design.samples, protocols, metrics)
    if scored.scores is None:
        raise UserError(
            f"{scored.name} have no score of every image: {'; '.join(scored.notes) or 'none is there'}; "
            "score them by another protocol."
        )
    chosen = chosen_scores(scored, metrics, lower)
    lower = [name for name in chosen if name in {*known_lower, *lower}]
    values = pd.DataFrame(chosen)
    served = ~values.isna().any(axis=1).groupby(level=PROMPT).any()  # by prompt
    usable = Table(scored.name, None, values[values.index.isin(served.index[served], level=PROMPT)], scored.notes)
    notes = [*_notes(design, votes, table, kept), *_unserved(served)]
    kept = kept[kept["prompt_id"].map(served)]
    judge = _paired if design.paired else _single
    source = f"{design.name}, SIMULATED raters" if votes.simulated else design.name
    return [
        judge(source, question.id, kept[kept["question"] == question.id], usable, lower, notes)
        for question in design.questions
    ]


def _notes(design: Design, votes: Votes, table: pd.DataFrame, kept: pd.DataFrame) -> list[str]:
    """What must be known beside the numbers."""
    notes = []
    if votes.simulated:
        notes.append("these raters are SIMULATED and nobody's opinion")
    if design.samples > 1:
        notes.append(f"an image here is the set of {design.samples} that raters saw, a score their mean")
    if aside := (len(table) - len(kept)) // len(design.questions):
        notes.append(f"{aside:,} votes are on models whose runs are not named, and left out")
    open_seats = sum(len(panel.seats) for panel in design.panels) - table["seat"].nunique()
    if open_seats:
        notes.append(f"{open_seats} of the study's seats have no complete votes yet")
    return notes


def _unserved(served: pd.Series) -> list[str]:
    """Prompts that a metric asked for by name has no value of."""
    unserved = int((~served).sum())
    return [f"{unserved} prompts are left out, since a metric asked for has no value there"] if unserved else []


def _paired(
    source: str, question: str, votes: pd.DataFrame, scored: Table, lower: Sequence[str], notes: Sequence[str]
) -> Judgements:
    """Votes between two sets of images."""
    prompts, categories = _prompts(votes)
    assert scored.scores is not None
    models = [model for model in scored.scores.index.unique(MODEL) if model in {*votes["model_a"], *votes["model_b"]}]
    units = votes.groupby(["prompt_id", "model_a", "model_b"], sort=False)
    by_rater = np.full((units.ngroups, int(units.size().max()) if len(votes) else 0), np.nan)
    by_rater[units.ngroup(), units.cumcount()] = votes["choice"].map(AHEAD)
    first = units.head(1)
    of_prompt, of_model = ({name: n for n, name in enumerate(names)} for names in (prompts, models))
    places = (
        first["prompt_id"].map(of_prompt).to_numpy(np.int64),
        first["model_a"].map(of_model).to_numpy(np.int64),
        first["model_b"].map(of_model).to_numpy(np.int64),
    )
    scores = grids({str(name): scored.scores[name] for name in scored.scores}, prompts, models, lower)
    return judgements_of_votes(
        source,
        question,
        prompts,
        [categories[prompt] for prompt in prompts],
        models,
        places,
        by_rater,
        scores,
        [*scored.notes, *notes, *constant(scores)],
    )


def _single(
    source: str, question: str, votes: pd.DataFrame, scored: Table, lower: Sequence[str], notes: Sequence[str]
) -> Judgements:
    """Answers about one image."""
    ratings = pd.DataFrame(
        {
            PROMPT: votes["prompt_id"],
            MODEL: votes["model_a"],
            RATER: votes["rater"],
            RATING: votes["choice"].map(VERDICTS),
            CATEGORY: votes["category"],
        }
    )
    rated = Table(source, ratings, scored.scores, (*scored.notes, *notes))
    return judgements_of_tables(rated, lower=lower, question=question)


def _prompts(votes: pd.DataFrame) -> tuple[list[str], Mapping[str, str]]:
    """The prompts in the order of the votes, and the category of each."""
    categories = dict(zip(votes["prompt_id"], votes["category"], strict=True))
    return list(categories), categories
