"""Streams: every item once, in order, by threads that compute alone; the caller's threads stay as they were."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from metrics.features.streams import LARGEST_SLICE, in_streams
from metrics.threads import torch_threads


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 24, 25, 60])
def test_results_keep_the_items_order(n: int) -> None:
    sizes = []

    def compute(items: Sequence[int]) -> np.ndarray:
        sizes.append(len(items))
        return np.array(items)[:, None] * 10

    np.testing.assert_array_equal(in_streams(compute, range(n))[:, 0], np.arange(n) * 10)
    assert max(sizes) <= LARGEST_SLICE
    assert len(sizes) >= min(3, n)


def test_every_stream_has_torch_threads_and_the_caller_keeps_its_own() -> None:
    together = threading.Barrier(3, timeout=20)

    def compute(items: Sequence[int]) -> np.ndarray:
        together.wait()  # all three at once, so by three threads
        return np.array([torch.get_num_threads()])

    assert in_streams(compute, range(3)).tolist() == [1, 1, 1]
    assert torch.get_num_threads() == 3


def test_an_error_in_a_stream_reaches_the_caller() -> None:
    def compute(items: Sequence[int]) -> np.ndarray:
        raise ValueError(f"item {items[0]}")

    with pytest.raises(ValueError, match="item 0"):
        in_streams(compute, range(9))


def test_torch_threads_is_given_back_after_an_error() -> None:
    def fail() -> None:
        with torch_threads(1):
            raise KeyError(torch.get_num_threads())

    with pytest.raises(KeyError, match="1"):
        fail()
    assert torch.get_num_threads() == 3
