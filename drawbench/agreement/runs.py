"""Scores of runs' images as a table, from what scoring left beside them: a row for each prompt of each run."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from drawbench.agreement.files import MODEL, PROMPT, Table
from drawbench.errors import UserError
from drawbench.results.scores import OVERALL, ScoreFile, read_scores, scores_path
from drawbench.runs.directory import RunDirectory
from drawbench.tables.headers import measure_of

if TYPE_CHECKING:
    import pandas as pd

ASIDE = ("file_name", "prompt_id", "category", "sample")  # columns of a run's table that are no metric


def table_of_runs(
    runs: Mapping[str, RunDirectory],
    prompts: Sequence[str],
    samples: int,
    protocols: Sequence[str] = (),
    metrics: Sequence[str] = (),
) -> tuple[Table, tuple[str, ...]]:
    """The mean over the first images of each prompt, by metric; and the metrics of which less is better.

    runs: by the model's name. samples: images that count. protocols: all that every run was scored by, without. A
    metric that has no value for some of these images is left out by name unless `metrics` asks for it: then its rows
    hold NaN. One that two protocols have is called `NAME (PROTOCOL)`.
    Raises UserError where the runs have no scores in common, or scores that do not compare, or no table of images.
    """
    import pandas as pd

    files = {name: _files_in_common(runs, name) for name in protocols or _protocols_in_common(runs)}
    tables = {name: {model: _means(run, name, prompts, samples) for model, run in runs.items()} for name in files}
    columns: dict[str, pd.Series] = {}
    lower, partial, whole = [], [], []
    for name, by_model in tables.items():
        there = [
            metric for metric in next(iter(by_model.values())).columns if all(metric in t for t in by_model.values())
        ]
        for metric in there:
            repeated = any(metric in next(iter(t.values())) for other, t in tables.items() if other != name)
            called = f"{metric} ({name})" if repeated else str(metric)
            column = pd.concat({model: table[metric] for model, table in by_model.items()}).swaplevel()
            if column.isna().any() and called not in metrics:
                partial.append(
                    f"{called} ({int(column.isna().groupby(level=0).any().sum())} of {len(prompts)} prompts)"
                )
                continue
            columns[called] = column
            lower += [called] if measure_of(str(metric)).higher_is_better is False else []
        whole += [each.metric for each in files[name].scores if each.scope == OVERALL and each.metric not in there]
    notes = _notes(partial, whole)
    scores = pd.DataFrame(columns) if columns else None
    if scores is not None:
        scores.index.names = [PROMPT, MODEL]
    return Table(" and ".join(str(run.path) for run in runs.values()), None, scores, notes), tuple(lower)


def _notes(partial: Sequence[str], whole: Sequence[str]) -> tuple[str, ...]:
    notes = []
    if whole:
        notes.append(f"left out, since they have no value for an image: {', '.join(dict.fromkeys(whole))}")
    if partial:
        notes.append(
            f"left out, since some images have no value: {', '.join(partial)}; --metric takes one, on the other prompts"
        )
    return tuple(notes)


def _protocols_in_common(runs: Mapping[str, RunDirectory]) -> list[str]:
    """The protocols that all runs were scored by, by name."""
    of_runs = [{path.stem for path in scores_path(run.path, "x").parent.glob("*.json")} for run in runs.values()]
    common = sorted(set.intersection(*of_runs))
    if not common:
        paths = " ".join(str(run.path) for run in runs.values())
        raise UserError(f"the runs were not scored by one protocol: drawbench score {paths} --protocol NAME does it.")
    return common


def _files_in_common(runs: Mapping[str, RunDirectory], protocol: str) -> ScoreFile:
    """The first run's aggregates. Raises UserError where a run's are missing, of other images, or by other rules."""
    first: ScoreFile | None = None
    for run in runs.values():
        path = scores_path(run.path, protocol)
        if not path.is_file():
            raise UserError(f"{run.path} has no scores under protocol {protocol}: score it by that, or name another.")
        found = read_scores(path)
        if (found.plan_sha256, found.pixels_sha256) != (run.plan.sha256, run.require_seal().pixels_sha256):
            raise UserError(f"{path} holds scores of other images than {run.path}: score the run again.")
        if first is not None and found.protocol.fingerprint != first.protocol.fingerprint:
            raise UserError(f"{path} was made by another {protocol} than the other runs' scores: score all runs again.")
        first = first or found
    assert first is not None, "there are runs"
    return first


def _means(run: RunDirectory, protocol: str, prompts: Sequence[str], samples: int) -> "pd.DataFrame":
    """A row for each prompt: the mean of its first `samples` images, by metric; NaN where one has no value."""
    import pandas as pd

    path = scores_path(run.path, protocol).with_suffix(".parquet")
    try:
        table = pd.read_parquet(path)
        shown = table[table["prompt_id"].isin(prompts) & (table["sample"] < samples)]
        values = shown[[name for name in table.columns if name not in ASIDE]].astype(float)
    except (OSError, ValueError, KeyError):
        raise UserError(f"{path} is gone or no table of images any more: score the run again.") from None
    grouped = values.groupby(shown["prompt_id"])
    complete = (grouped.count() == samples).reindex(list(prompts), fill_value=False)
    return grouped.mean().reindex(list(prompts)).where(complete)
