"""Rows of a table, a few at a time or scaled to length one."""

from collections.abc import Iterator

import numpy as np

from metrics.errors import MetricInputError


def unit(features: np.ndarray) -> np.ndarray:
    """Rows (n, D) scaled to length 1, float64. Zero, NaN and infinite rows are refused."""
    given = np.asarray(features)
    if given.ndim != 2 or given.dtype.kind not in "fiu":
        raise MetricInputError(
            f"embeddings must be a table (n, D) of numbers, not {given.dtype} of shape {given.shape}"
        )
    rows = given.astype(np.float64, copy=False)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(rows).all() or not (lengths > 0).all():
        raise MetricInputError("an embedding is zero, NaN or infinite: the scorer cannot read this image or text")
    return rows / lengths


def blocks(first: int, last: int, step: int) -> Iterator[slice]:
    """The rows from first to last, at most `step` at a time: a float64 copy of all would take too much memory."""
    return (slice(begin, min(begin + step, last)) for begin in range(int(first), int(last), step))
