"""The two files that scoring writes, a row per sample and the aggregates, and how the aggregates are read."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from drawbench.errors import UserError
from drawbench.files import atomic_file, remove_abandoned
from drawbench.interface import Sample
from drawbench.results.files import RunRef, read_result, result_from_score_file, result_text
from drawbench.results.scores import ScoreFile, scores_path
from drawbench.runs.directory import RunDirectory


def elsewhere_name(run: RunDirectory, protocol: str) -> str:
    """What a run's aggregates are called outside the run."""
    return f"{run.path.resolve().name}--{protocol}.json"


def destination(run: RunDirectory, protocol: str, out: Path | None) -> Path:
    """Where a run's aggregates go: into the run, or into the folder `out`, under the run's name.

    Raises UserError, before anything is computed, where they cannot be written or would replace another run's.
    """
    if out is None:
        path = scores_path(run.path, protocol)
        place = path.parent if path.parent.exists() else run.path
        if not os.access(place, os.W_OK):
            raise UserError(f"{place} cannot be written: name a folder for the scores with --out")
        return path
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} cannot be made ({error.strerror}): name another folder with --out") from None
    path = out / elsewhere_name(run, protocol)
    if path.exists() and read_result(path).run != RunRef(
        plan_sha256=run.manifest.plan_sha256, pixels_sha256=run.require_seal().pixels_sha256
    ):
        raise UserError(f"{path} holds scores of other images than {run.path}: name another folder with --out")
    return path


def write_scores(
    aggregates: Path, run: RunDirectory, result: ScoreFile, drawn: Sequence[Sample], per_sample: dict[str, np.ndarray]
) -> None:
    """Both files are complete before either has its name; the aggregates get theirs last: they stand for the whole.

    aggregates: from `destination`. Outside the run they are a result file with the model's card, as tables read them.
    per_sample: metric -> its values (len(drawn),) of the samples that have an image.
    """
    import pyarrow
    from pyarrow import parquet

    inside = aggregates == scores_path(run.path, result.protocol.name)
    joined = None if inside else result_from_score_file(run.plan.model, result, "measured")
    text = result_text(joined) if joined else result.model_dump_json(indent=2) + "\n"
    aggregates.parent.mkdir(exist_ok=True)
    table = aggregates.with_name(f"{aggregates.name.removesuffix('.json')}.parquet")
    types = {"sample": pyarrow.int32(), **dict.fromkeys(per_sample, pyarrow.float64())}
    arrays = {
        name: pyarrow.array(values, types.get(name, pyarrow.string()))
        for name, values in _columns(run, drawn, per_sample).items()
    }
    with atomic_file(aggregates) as last, atomic_file(table) as first:
        parquet.write_table(pyarrow.table(arrays), first)
        last.write(text.encode())
    for path in (aggregates, table):
        remove_abandoned(path)


def _columns(run: RunDirectory, drawn: Sequence[Sample], per_sample: dict[str, np.ndarray]) -> dict[str, list[object]]:
    """The table of samples by columns: every sample of the plan, a refused one with an empty score."""
    samples = run.samples()
    columns: dict[str, list[object]] = {
        "file_name": [run.file_name(sample) for sample in samples],
        "prompt_id": [sample.prompt_id for sample in samples],
        "category": [sample.category for sample in samples],
        "sample": [sample.index for sample in samples],
    }
    for metric, values in per_sample.items():
        of = dict(zip(drawn, values.tolist(), strict=True))
        columns[metric] = [of.get(sample) for sample in samples]
    return columns
