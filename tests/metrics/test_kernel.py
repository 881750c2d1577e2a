"""KID and CMMD against plain formulas and the peers; their variance against the sums it stands for."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from metrics import kernel
from metrics.errors import MetricInputError
from metrics.kernel import cmmd_result, kid_of_subsets, kid_result
from metrics.statistics.result import MetricResult
from metrics.statistics.squared_length import NoisyLength


def _sets(seed: int, n: int = 40, m: int = 30, d: int = 12, shift: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=(n, d)) + shift, random.normal(size=(m, d))


def _kid(x: np.ndarray, y: np.ndarray, prompts: np.ndarray | None = None) -> MetricResult:
    return kid_result(x, y, prompts=prompts)


def _cmmd(x: np.ndarray, y: np.ndarray, prompts: np.ndarray | None = None) -> MetricResult:
    return cmmd_result(x, y, prompts=prompts)


def _cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _plain_kid(x: np.ndarray, y: np.ndarray) -> float:
    n, m = len(x), len(y)
    xx, yy = _cubic(x, x), _cubic(y, y)
    own = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(own - 2 * _cubic(x, y).mean())


def _plain_cmmd(x: np.ndarray, y: np.ndarray) -> float:
    """By differences of the vectors, with no inner product and no expm1."""
    x, y = (rows / np.sqrt((rows**2).sum(axis=1, keepdims=True)) for rows in (x, y))

    def mean_kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-((a[:, None] - b[None]) ** 2).sum(axis=2) / 200).mean())

    return 1000 * (mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y))


class _Identity(nn.Module):
    """An extractor whose features are its input."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features


@pytest.mark.parametrize(("n", "m"), [(40, 30), (2, 2), (300, 300), (257, 5000)])
def test_kid_equals_the_plain_formula_over_all_pairs(n: int, m: int) -> None:
    x, y = _sets(0, n, m)
    assert _kid(x, y).value == pytest.approx(_plain_kid(x, y), rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(40, 30), (2, 2), (270, 40)])
def test_cmmd_equals_the_plain_biased_formula(n: int, m: int) -> None:
    x, y = _sets(1, n, m)
    assert _cmmd(x, y).value == pytest.approx(_plain_cmmd(x, y), rel=1e-9)


def test_cmmds_note_tells_the_bias_that_the_pairs_of_an_image_with_itself_make() -> None:
    x, y = _sets(2, 9, 7)
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, y))

    def own(rows: np.ndarray) -> float:
        values = np.exp((rows @ rows.T - 1) / 100)
        return float(values.mean() - values[~np.eye(len(rows), dtype=bool)].mean())

    assert f"finite-sample bias {1000 * (own(a) + own(b)):+.4g} is part" in _cmmd(x, y).note


def test_kid_equals_torchmetrics_where_one_subset_is_the_whole_set() -> None:
    from torchmetrics.image.kid import KernelInceptionDistance

    x, y = _sets(3, 60, 60, 64)
    peer = KernelInceptionDistance(feature=_Identity(), subsets=1, subset_size=60)
    peer.set_dtype(torch.float64)
    peer.update(torch.from_numpy(y), real=True)
    peer.update(torch.from_numpy(x), real=False)
    mean, _ = peer.compute()
    assert mean.dtype == torch.float64
    assert _kid(x, y).value == pytest.approx(float(mean), rel=1e-6)


def test_kid_of_subsets_equals_torch_fidelity_draw_by_draw() -> None:
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    x, y = _sets(4, 120, 90, 64)
    peer = kid_features_to_metric(
        torch.from_numpy(x), torch.from_numpy(y), kid_subsets=20, kid_subset_size=50, rng_seed=2020, verbose=False
    )
    mean, deviation = kid_of_subsets(x, y, subsets=20, size=50)
    assert mean == pytest.approx(peer[KEY_METRIC_KID_MEAN], rel=1e-6)
    assert deviation == pytest.approx(peer[KEY_METRIC_KID_STD], rel=1e-6)


def test_peers_round_float32_features_where_we_do_not() -> None:
    """The named disagreement: torch-fidelity keeps float32 in kernels of equal sets, and so misses 1e-6 by far."""
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    x, y = (rows.astype(np.float32) for rows in _sets(5, 400, 400, 64, shift=0.02))

    def peer(dtype: torch.dtype) -> float:
        features = torch.from_numpy(x).to(dtype), torch.from_numpy(y).to(dtype)
        return float(
            kid_features_to_metric(*features, kid_subsets=1, kid_subset_size=400, rng_seed=0, verbose=False)[
                KEY_METRIC_KID_MEAN
            ]
        )

    ours = _kid(x, y).value
    assert ours == pytest.approx(peer(torch.float64), rel=1e-6)
    assert ours != pytest.approx(peer(torch.float32), rel=1e-6)


def test_all_pairs_are_the_mean_over_all_subsets() -> None:
    """Exactly, over every subset there is: random subsets only add noise to it."""
    x, y = _sets(6, 5, 5, 3)
    means = [_plain_kid(x[list(i)], y[list(j)]) for i in combinations(range(5), 3) for j in combinations(range(5), 3)]
    assert _kid(x, y).value == pytest.approx(np.mean(means), rel=1e-9)


def test_subsets_larger_than_a_set_are_refused() -> None:
    with pytest.raises(MetricInputError, match="choose another size"):
        kid_of_subsets(*_sets(0), size=31)


def _oracle_interval(x: np.ndarray, y: np.ndarray, prompts: np.ndarray, value: float, *, biased: bool) -> list[float]:
    """With explicit vectors for the kernel's feature space: a factor of the kernel matrix of all points together."""
    if biased:
        x, y = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, y))
    both = np.concatenate([x, y])
    eigenvalues, vectors = np.linalg.eigh(np.exp((both @ both.T - 1) / 100) if biased else _cubic(both, both))
    points = vectors * np.sqrt(np.clip(eigenvalues, 0, None))
    points = points - points[len(x) :].mean(axis=0)
    names, n = np.unique(prompts), len(x)
    sums = np.array([points[:n][prompts == g].sum(axis=0) for g in names])
    shift = sums.sum(axis=0) / n
    errors = sums - np.array([(prompts == g).sum() for g in names])[:, None] * shift
    few = len(names) / (len(names) - 1)
    covariance = errors.T @ errors / n**2 * few
    products = errors @ errors.T / n**2
    np.fill_diagonal(products, 0)
    observed, total = float(shift @ shift), float(np.trace(covariance))
    linear, parts = float(shift @ covariance @ shift), errors @ shift
    skew = float(np.mean(parts**3) / np.mean(parts**2) ** 1.5)
    limits = NoisyLength(observed, linear, total, float((products**2).sum()) * few, len(names), skew).interval()
    offset = total - observed + value  # from |shift|^2 to what the value is expected to be
    return [min(value, limits[0] + offset), max(value, limits[1] + offset)]


@pytest.mark.parametrize("sizes", [[1] * 7, [3] * 6, [1, 4, 2, 2, 6], [5, 1, 1, 1]])
@pytest.mark.parametrize("biased", [False, True])
def test_the_interval_is_that_of_explicit_vectors(sizes: list[int], biased: bool) -> None:
    prompts = np.random.default_rng(7).permutation(np.repeat(np.arange(len(sizes)) * 3, sizes))
    x, y = _sets(8, len(prompts), 11, 5, shift=0.8)
    result = (_cmmd if biased else _kid)(x, y, prompts)
    scale = 1000 if biased else 1
    low, high = _oracle_interval(x, y, prompts, result.value / scale, biased=biased)
    assert result.interval is not None
    assert result.interval.low == pytest.approx(scale * low, rel=1e-6)
    assert result.interval.high == pytest.approx(scale * high, rel=1e-6)
    assert result.interval.low <= result.value < result.interval.high


@pytest.mark.parametrize("prompted", [False, True])
def test_blocks_and_strips_change_nothing(prompted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _sets(9, 150, 70)
    prompts = np.random.default_rng(9).integers(0, 40, 150) if prompted else None
    whole = [_kid(x, y, prompts), _cmmd(x, y, prompts)]
    for rows, columns, strip in ((7, 11, 2**23), (64, 33, 90), (1, 150, 1)):
        monkeypatch.setattr(kernel, "ROWS", rows)
        monkeypatch.setattr(kernel, "COLUMNS", columns)
        monkeypatch.setattr(kernel, "STRIP", strip)
        for one, other in zip(whole, (_kid(x, y, prompts), _cmmd(x, y, prompts)), strict=True):
            assert one.interval is not None
            assert other.interval is not None
            assert other.value == pytest.approx(one.value, rel=1e-9)
            assert other.interval.low == pytest.approx(one.interval.low, rel=1e-8)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(2, 30))
def test_the_order_of_images_and_references_changes_nothing(seed: int, n: int, m: int) -> None:
    x, y = _sets(seed % 1000, n, m, 4)
    random = np.random.default_rng(seed)
    prompts = random.integers(0, 5, n)
    order = random.permutation(n)
    for metric in (_kid, _cmmd):
        one, other = metric(x, y, prompts), metric(x[order], y[random.permutation(m)], prompts[order])
        assert other.value == pytest.approx(one.value, rel=1e-9, abs=1e-12)
        assert (one.interval is None) == (other.interval is None) == (len(set(prompts)) < 4)
        if one.interval is not None and other.interval is not None:
            # a root of a variance that may be 0 within rounding
            assert other.interval.low == pytest.approx(one.interval.low, rel=1e-6, abs=1e-6)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(2, 40))
def test_identical_sets_have_no_cmmd_and_a_kid_that_is_not_above_0(seed: int, n: int) -> None:
    """KID's estimator leaves the pairs of an image with itself out of one mean and not of the other."""
    x, _ = _sets(seed, n, 2, 6)
    assert _cmmd(x, x).value == pytest.approx(0, abs=1e-10)
    k = _cubic(x, x)
    expected = 2 * (k.mean() - np.trace(k) / n) / (n - 1)
    assert _kid(x, x).value == pytest.approx(expected, rel=1e-8, abs=1e-12)
    assert _kid(x, x).value <= 1e-12


def test_cmmd_sees_directions_only() -> None:
    x, y = _sets(10)
    assert _cmmd(5 * x, y / 3).value == pytest.approx(_cmmd(x, y).value, rel=1e-9)


def test_what_the_result_says() -> None:
    x, y = _sets(11)
    result = kid_result(x, y, prompts=np.arange(40) // 2)
    assert (result.n, result.note) == (40, "")
    assert result.interval is not None
    assert "prompts independent, references fixed" in result.interval.method
    without = _kid(x, y)
    assert without.interval is not None
    assert "images independent, references fixed" in without.interval.method


def test_three_prompts_are_too_few_for_an_interval() -> None:
    x, y = _sets(12, 9)
    assert _kid(x, y, np.arange(9) % 3).interval is None
    assert _kid(x, y, np.arange(9) % 4).interval is not None


@pytest.mark.parametrize("metric", [_kid, _cmmd])
def test_bad_tables_are_refused(metric: object) -> None:
    assert callable(metric)
    x, y = _sets(13)
    bad = x.copy()
    bad[3, 1] = np.nan
    for images, references, message in ((bad, y, "row 3"), (x, y[:1], "at least 2"), (x[:, :3], y, "same network")):
        with pytest.raises(MetricInputError, match=message):
            metric(images, references)


def test_a_memory_map_of_float32_is_read_in_place(tmp_path: Path) -> None:
    x, y = (rows.astype(np.float32) for rows in _sets(14))
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert _kid(mapped, y).value == _kid(x, y).value
    assert _kid(mapped, y).value == _kid(x.astype(np.float64), y.astype(np.float64)).value
