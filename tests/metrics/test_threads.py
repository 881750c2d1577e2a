"""Linear algebra of distances runs in one thread, and the setting comes back."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from metrics.frechet import distance
from metrics.frechet.gaussian import Gaussian
from metrics.threads import one_blas_thread


def threads() -> set[int]:
    """Of every BLAS that is loaded, and of torch."""
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} | {
        torch.get_num_threads()
    }


def test_one_inside_and_as_before_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(3)
    try:
        with one_blas_thread():
            assert threads() == {1}
        assert torch.get_num_threads() == 3
        seen: list[set[int]] = []
        monkeypatch.setattr(distance, "_trace_of_root", lambda a, b: seen.append(threads()) or 0.0)
        gaussian = Gaussian(9, np.zeros(4), np.eye(4), None)
        distance.frechet_distance(gaussian, gaussian)
        assert seen == [{1}]
    finally:
        torch.set_num_threads(1)
