"""Precision, recall, density and coverage against brute force, the peer, and recomputation without each prompt."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import manifold
from metrics.errors import MetricInputError
from metrics.manifold import DEFINITIONS, manifold_results
from metrics.statistics.prompt_units import (
    PromptGroups,
    jackknife_variance,
    mean_variance,
    proportion_interval,
    t_around,
)
from metrics.statistics.result import MetricResult

METRICS = ("precision", "recall", "density", "coverage")


def _results(x: np.ndarray, y: np.ndarray, prompts: np.ndarray | None = None) -> dict[str, MetricResult]:
    return manifold_results(x, y, prompts=prompts)


def _values(x: np.ndarray, y: np.ndarray) -> list[float]:
    results = _results(x, y)
    return [results[metric].value for metric in METRICS]


def _sets(seed: int, n: int = 60, m: int = 50, d: int = 4, shift: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=(n, d)) + shift, random.normal(size=(m, d)) * 0.9


def _brute_force(x: np.ndarray, y: np.ndarray) -> list[float]:
    """Point by point from the papers' formulas, by differences of vectors, with nothing shared with the module."""

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.sqrt(((a - b) ** 2).sum()))

    def radius(points: np.ndarray, i: int, k: int) -> float:
        return sorted(distance(points[i], points[j]) for j in range(len(points)) if j != i)[k - 1]

    radii_y3 = [radius(y, i, 3) for i in range(len(y))]
    radii_y5 = [radius(y, i, 5) for i in range(len(y))]
    radii_x3 = [radius(x, j, 3) for j in range(len(x))]
    precision = np.mean([any(distance(f, r) <= radii_y3[i] for i, r in enumerate(y)) for f in x])
    recall = np.mean([any(distance(f, r) <= radii_x3[j] for j, f in enumerate(x)) for r in y])
    density = np.mean([sum(distance(f, r) < radii_y5[i] for i, r in enumerate(y)) / 5 for f in x])
    coverage = np.mean([min(distance(f, r) for f in x) < radii_y5[i] for i, r in enumerate(y)])
    return [float(value) for value in (precision, recall, density, coverage)]


@pytest.mark.parametrize("seed", range(4))
def test_equals_brute_force(seed: int) -> None:
    x, y = _sets(seed, shift=0.4 * seed)
    assert _values(x, y) == pytest.approx(_brute_force(x, y), abs=1e-12)


def test_precision_and_recall_equal_torch_fidelity() -> None:
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    x, y = _sets(5, 300, 250, 8)
    peer = prc_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), save_cpu_ram=False, verbose=False)
    results = _results(x, y)
    assert 0.05 < results["precision"].value < 0.95
    assert results["precision"].value == pytest.approx(peer[KEY_METRIC_PRECISION], rel=1e-6)
    assert results["recall"].value == pytest.approx(peer[KEY_METRIC_RECALL], rel=1e-6)


def test_the_peer_rounds_float32_features_where_we_do_not() -> None:
    """The named disagreement: far from the origin, the peer's differences of squares are noise in float32."""
    from torch_fidelity.metric_prc import KEY_METRIC_RECALL, prc_features_to_metric

    random = np.random.default_rng(6)
    y = (random.normal(size=(400, 64)) * 0.01 + 30).astype(np.float32)
    x = (random.normal(size=(400, 64)) * 0.01 + 30).astype(np.float32)
    exact = prc_features_to_metric(torch.from_numpy(x).double(), torch.from_numpy(y).double(), save_cpu_ram=False)
    rounded = prc_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), save_cpu_ram=False)
    ours = _results(x, y)["recall"].value
    assert ours == pytest.approx(exact[KEY_METRIC_RECALL], abs=1e-6)
    assert abs(rounded[KEY_METRIC_RECALL] - ours) > 0.02


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_equal_sets_are_1_in_all_four(scale: float, offset: float) -> None:
    """Also the density: the k-th neighbour lies on the edge of an open ball, and rounding must not let it in."""
    x, _ = _sets(7, 200, 10, 16)
    x = (x + offset) * scale
    assert _values(x, x.copy()) == pytest.approx([1, 1, 1, 1], abs=1e-12)


def test_far_sets_are_0_in_all_four() -> None:
    x, y = _sets(8, shift=1000)
    assert _values(x, y) == [0, 0, 0, 0]


def test_one_repeated_image_is_precise_and_covers_nothing_else() -> None:
    _, y = _sets(9, m=40)
    x = np.repeat(y[:1], 20, axis=0)
    precision, recall, _, coverage = _values(x, y)
    assert precision == 1
    assert recall == 1 / 40
    reached = (np.linalg.norm(y - y[0], axis=1) < np.sort(np.linalg.norm(y[:, None] - y, axis=2), axis=1)[:, 5]).mean()
    assert coverage == pytest.approx(reached)


@pytest.mark.parametrize("sizes", [[1] * 14, [3, 1, 4, 2, 2, 5], [4] * 5])
@pytest.mark.parametrize("seed", range(4))
def test_intervals_are_those_of_deleting_each_prompt_and_computing_anew(sizes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    prompts = random.permutation(np.repeat(np.arange(len(sizes)) * 2, sizes))
    _, y = _sets(seed, 2, 30, 2)
    x = random.normal(size=(len(sizes) * 2, 2))[prompts] + random.normal(size=(len(prompts), 2)) * 0.4
    results = _results(x, y, prompts)
    without = np.array([_brute_force(x[prompts != g], y) for g in np.unique(prompts)])
    for column, metric in ((1, "recall"), (3, "coverage")):
        result, variance = results[metric], jackknife_variance(without[:, column])
        assert result.interval is not None
        expected = proportion_interval(result.value, variance, len(sizes), "")
        assert (result.interval.low, result.interval.high) == pytest.approx((expected.low, expected.high), abs=1e-10)
    assert without[:, 1].std() > 0
    assert without[:, 3].std() > 0


def test_intervals_of_precision_and_density_are_those_of_means_over_images() -> None:
    x, y = _sets(10, 40, 30)
    prompts = np.repeat(np.arange(10), 4)
    groups = PromptGroups.of(prompts, 40)
    each = np.array([_brute_force_image(image, y) for image in x])
    results = _results(x, y, prompts)
    variances = [mean_variance(each[:, column], groups) for column in (0, 1)]
    assert variances[0] is not None
    assert variances[1] is not None
    hit = proportion_interval(each[:, 0].mean(), variances[0], 10, "")
    balls = t_around(each[:, 1].mean(), variances[1], 10, "", low=0.0)
    for metric, expected in (("precision", hit), ("density", balls)):
        interval = results[metric].interval
        assert interval is not None
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-10)


def _brute_force_image(image: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    radii = np.sort(np.linalg.norm(y[:, None] - y, axis=2), axis=1)
    away = np.linalg.norm(y - image, axis=1)
    return float((away <= radii[:, 3]).any()), float((away < radii[:, 5]).sum() / 5)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(6, 40), st.integers(6, 40))
def test_order_and_block_size_change_nothing(seed: int, n: int, m: int) -> None:
    x, y = _sets(seed % 1000, n, m, 3)
    random = np.random.default_rng(seed)
    prompts = random.integers(0, 6, n)
    order = random.permutation(n)
    one = _results(x, y, prompts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifold, "BLOCK", int(random.integers(1, 200)))
        other = _results(x[order], y[random.permutation(m)], prompts[order])
    for metric in METRICS:
        assert other[metric].value == pytest.approx(one[metric].value, abs=1e-12)
        first, second = one[metric].interval, other[metric].interval
        assert (first is None) == (second is None)
        if first is not None and second is not None:
            assert second.low == pytest.approx(first.low, abs=1e-9)
            assert first.low <= one[metric].value <= first.high


def test_one_prompt_has_no_interval_and_a_large_one_none_for_recall() -> None:
    x, y = _sets(11, 8, 12)
    assert all(result.interval is None for result in _results(x, y, np.zeros(8, dtype=int)).values())
    found = _results(x, y, np.array([0] * 5 + [1, 1, 2]))  # 3 images stay: one short of a third neighbour
    assert [metric for metric, result in found.items() if result.interval is None] == ["recall"]


def test_small_and_bad_sets_are_refused() -> None:
    x, y = _sets(12)
    for images, references, message in ((x[:5], y, "at least 6"), (x, y[:5], "at least 6"), (x[:, :2], y, "same net")):
        with pytest.raises(MetricInputError, match=message):
            manifold_results(images, references)


def test_what_the_results_say() -> None:
    x, y = _sets(13)
    results = manifold_results(x, y)
    assert list(results) == list(DEFINITIONS) == list(METRICS)
    for metric, result in results.items():
        assert (result.n, result.note) == (60, "")
        assert ("neighbour 3" if metric in ("precision", "recall") else "neighbour 5") in DEFINITIONS[metric]
        assert result.interval is not None
        assert "references fixed" in result.interval.method
