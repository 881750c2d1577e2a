"""Tables of ratings and scores to judgements: joined by prompt and model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drawbench.agreement.files import CATEGORY, MODEL, PROMPT, RATER, RATING, Table, read_table
from drawbench.agreement.judgements import Judgements, judgements_of_ratings
from drawbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


def read_judgements(
    ratings: Path, scores: Path | None = None, metrics: Sequence[str] = (), lower: Sequence[str] = ()
) -> Judgements:
    """The judgements of a file of ratings; its scores stand in it, or in another file. See `judgements_of_tables`."""
    return judgements_of_tables(read_table(ratings), read_table(scores) if scores else None, metrics, lower)


def judgements_of_tables(
    rated: Table,
    scored: Table | None = None,
    metrics: Sequence[str] = (),
    lower: Sequence[str] = (),
    question: str = "",
) -> Judgements:
    """The judgements of tables. metrics: those asked for, all without; lower: those of which less is better.
    question: what people were asked, where there are several questions.

    Raises UserError where either has not what it should, and where a rated image has no score.
    """
    given = scored or rated
    if rated.ratings is None:
        raise UserError(f"{rated.name} has no column rating: name a file with people's ratings.")
    if given.scores is None:
        raise UserError(f"{given.name} holds no metric: name a file with scores of the same images by --scores.")
    chosen = chosen_scores(given, metrics, lower)
    answers = rated.ratings
    prompts, models = (list(dict.fromkeys(answers[name])) for name in (PROMPT, MODEL))
    row = answers[PROMPT].map({name: n for n, name in enumerate(prompts)}).to_numpy()
    column = answers[MODEL].map({name: n for n, name in enumerate(models)}).to_numpy()
    ratings = np.full((len(prompts), len(models), 1), np.nan)
    if len(answers):
        places = _places(answers, row, column, rated.name)
        ratings = np.full((len(prompts), len(models), int(places.max()) + 1), np.nan)
        ratings[row, column, places] = answers[RATING].to_numpy()
    categories = dict(zip(answers[PROMPT], answers[CATEGORY], strict=True))
    images = ~np.isnan(ratings).all(axis=2)
    found = grids(chosen, prompts, models, lower)
    _refuse_unscored(found, images, rated.name, given.name)
    return judgements_of_ratings(
        rated.name if scored is None else f"{rated.name}, scores of {scored.name}",
        prompts,
        [str(categories[prompt]) for prompt in prompts],
        models,
        ratings,
        found,
        known_raters=RATER in answers,
        question=question,
        notes=[*rated.notes, *(scored.notes if scored else ()), *constant(found)],
    )


def _places(answers: "pd.DataFrame", row: np.ndarray, column: np.ndarray, name: str) -> np.ndarray:
    """For each answer a number of its rater among those of its prompt; of unknown raters among its image's answers."""
    import pandas as pd

    if RATER not in answers:
        return pd.DataFrame({"row": row, "column": column}).groupby(["row", "column"]).cumcount().to_numpy()
    frame = pd.DataFrame({"row": row, "column": column, "rater": answers[RATER].to_numpy()})
    if (twice := frame.duplicated()).any():
        raise UserError(
            f"{name} has two ratings of one image by rater {frame['rater'][twice].iloc[0]}: keep one of them."
        )
    raters = frame[["row", "rater"]].drop_duplicates()
    raters["place"] = raters.groupby("row").cumcount()
    return frame.merge(raters, on=["row", "rater"], how="left")["place"].to_numpy()


def chosen_scores(given: Table, metrics: Sequence[str], lower: Sequence[str]) -> "Mapping[str, pd.Series]":
    """The metrics asked for, or all. Raises UserError for one that is not there, and for a contradiction."""
    assert given.scores is not None
    there = [str(name) for name in given.scores.columns]
    for option, names in (("--metric", metrics), ("--lower", lower)):
        if unknown := [name for name in names if name not in there]:
            others = "".join(f"; {note}" for note in given.notes)
            raise UserError(f"{option} {unknown[0]} is no metric of {given.name}: it has {', '.join(there)}{others}.")
    if unasked := [name for name in lower if metrics and name not in metrics]:
        raise UserError(f"--lower {unasked[0]} is not among the metrics that --metric names: name it there, too.")
    return {name: given.scores[name] for name in dict.fromkeys(metrics or there)}


def grids(
    scores: "Mapping[str, pd.Series]", prompts: Sequence[str], models: Sequence[str], lower: Sequence[str]
) -> dict[str, np.ndarray]:
    """Scores as (P, M), higher is better; NaN where an image has none."""
    laid = {
        metric: column.unstack().reindex(index=list(prompts), columns=list(models)).to_numpy(dtype=np.float64)
        for metric, column in scores.items()
    }
    return {metric: -grid if metric in lower else grid for metric, grid in laid.items()}


def constant(scores: Mapping[str, np.ndarray]) -> list[str]:
    """A note where a metric has one value for all images."""
    alike = [metric for metric, grid in scores.items() if np.nanmax(grid) == np.nanmin(grid)]
    return [f"all images have one value of {', '.join(alike)}"] if alike else []


def _refuse_unscored(scores: Mapping[str, np.ndarray], images: np.ndarray, rated: str, scored: str) -> None:
    for metric, grid in scores.items():
        if missing := int((images & np.isnan(grid)).sum()):
            raise UserError(
                f"{missing} of the {int(images.sum())} rated images of {rated} have no {metric} in {scored}: prompts "
                "and models need the same names in both."
            )
