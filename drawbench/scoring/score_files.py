"""The two files that scoring writes, a row per sample and the aggregates, and how the aggregates are read."""

from collections.abc import Sequence

import numpy as np

from drawbench.files import atomic_file
from drawbench.interface import Sample
from drawbench.results.scores import ScoreFile, scores_path
from drawbench.runs.directory import RunDirectory


def write_scores(
    run: RunDirectory, result: ScoreFile, drawn: Sequence[Sample], per_sample: dict[str, np.ndarray]
) -> None:
    """Both files are complete before either has its name; the aggregates get theirs last: they stand for the whole.

    per_sample: metric -> its values (len(drawn),) of the samples that have an image.
    """
    import pyarrow
    from pyarrow import parquet

    aggregates = scores_path(run.path, result.protocol.name)
    aggregates.parent.mkdir(exist_ok=True)
    table = aggregates.with_name(f"{result.protocol.name}.parquet")
    types = {"sample": pyarrow.int32(), **dict.fromkeys(per_sample, pyarrow.float64())}
    arrays = {
        name: pyarrow.array(values, types.get(name, pyarrow.string()))
        for name, values in _columns(run, drawn, per_sample).items()
    }
    with atomic_file(aggregates) as last, atomic_file(table) as first:
        parquet.write_table(pyarrow.table(arrays), first)
        last.write((result.model_dump_json(indent=2) + "\n").encode())


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
