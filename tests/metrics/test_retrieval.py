"""R-precision: counted by hand, and what equal or tied captions do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import retrieval
from metrics.errors import MetricInputError
from metrics.retrieval import r_precision_result
from metrics.statistics.prompt_units import proportion_interval
from metrics.statistics.result import MetricResult


def _result(images: np.ndarray, rows: object, texts: list[str], captions: np.ndarray) -> MetricResult:
    return r_precision_result(images, np.asarray(rows), texts, captions)


def _random(seed: int, n: int = 12, samples: int = 3) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    random = np.random.default_rng(seed)
    captions = random.normal(size=(n, 6))
    rows = np.repeat(np.arange(n), samples)
    return captions[rows] + random.normal(size=(n * samples, 6)), rows, [f"text {i}" for i in range(n)], captions


def test_counts_the_images_whose_own_caption_is_nearest() -> None:
    images, rows, texts, captions = _random(0)
    by_prompt: list[list[bool]] = [[] for _ in texts]
    for image, row in zip(images, rows, strict=True):
        cosines = [float(image @ c / np.linalg.norm(image) / np.linalg.norm(c)) for c in captions]
        by_prompt[row].append(int(np.argmax(cosines)) == row)
    shares = np.array([np.mean(hits) for hits in by_prompt])
    result = _result(images, rows, texts, captions)
    assert 0 < result.value < 1
    assert result.value == pytest.approx(shares.mean())
    assert result.n == 12
    expected = proportion_interval(shares.mean(), shares.var(ddof=1) / 12, 12, "")
    assert result.interval is not None
    assert (result.interval.low, result.interval.high) == pytest.approx((expected.low, expected.high))
    assert "references" not in result.interval.method


def test_prompts_count_equally_however_many_samples_each_has() -> None:
    images = np.array([[1.0, 0.1], [1.0, 0.2], [1.0, 0.3], [1.0, 0.0]])
    assert _result(images, [0, 0, 0, 1], ["a", "b"], np.eye(2)).value == 0.5


def test_a_repeated_caption_is_not_another_caption() -> None:
    captions = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    result = _result(captions, [0, 1, 2], ["a", "a", "b"], captions)
    assert result.value == 1.0
    assert "chance gives 0.5" in result.note


def test_different_captions_with_one_embedding_share_their_hits() -> None:
    """As two captions that a model cuts at the same word."""
    captions = np.array([[0.3, 0.4], [0.6, 0.8], [1.0, -1.0]])
    assert _result(captions, [0, 1, 2], ["a", "b", "c"], captions).value == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_all_hits_still_have_an_interval() -> None:
    interval = _result(np.eye(5), range(5), list("abcde"), np.eye(5)).interval
    assert interval is not None
    assert interval.low < 1.0 == interval.high


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(3, 12), st.integers(1, 4))
def test_order_and_block_size_change_nothing(seed: int, n: int, samples: int) -> None:
    images, rows, texts, captions = _random(seed % 1000, n, samples)
    random = np.random.default_rng(seed)
    order, renamed = random.permutation(len(rows)), random.permutation(n)
    one = _result(images, rows, texts, captions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "BLOCK", int(random.integers(1, 40)))
        other = _result(images[order], np.argsort(renamed)[rows][order], [texts[i] for i in renamed], captions[renamed])
    assert other.value == pytest.approx(one.value)
    assert one.interval is not None
    assert other.interval is not None
    assert other.interval.low == pytest.approx(one.interval.low)
    assert one.interval.low <= one.value <= one.interval.high


def test_what_cannot_be_retrieved_is_refused() -> None:
    with pytest.raises(MetricInputError, match="same caption"):
        _result(np.eye(2), [0, 1], ["a", "a"], np.eye(2))
    with pytest.raises(MetricInputError, match="no image"):
        _result(np.eye(2), [0, 0], ["a", "b"], np.eye(2))
    with pytest.raises(MetricInputError, match="no image"):
        _result(np.eye(2), [0, 2], ["a", "b"], np.eye(2))
    with pytest.raises(MetricInputError, match="one each"):
        _result(np.eye(2), [0, 1], ["a", "b", "c"], np.eye(2))
    with pytest.raises(MetricInputError, match="NaN"):
        _result(np.full((2, 2), np.nan), [0, 1], ["a", "b"], np.eye(2))
