"""Ours beside the peers': they agree on the same features, and a disagreement is seen."""

import numpy as np
import pytest

from drawbench.doctor import peers
from drawbench.doctor.peers import THEIRS, PeerComparison, compare, compare_features, compare_numbers
from metrics.image_set import ImageSet


def _sets(n: int, dimension: int, seed: int = 0) -> ImageSet:
    random = np.random.default_rng(seed)
    scale = 1 / np.sqrt(np.arange(1, dimension + 1))
    features, references = (random.normal(mean, scale, (n, dimension)) for mean in (0.0, 0.2))
    return ImageSet(features, np.arange(n), logits=3 * random.standard_normal((n, 10)), references=references)


@pytest.mark.parametrize(("n", "dimension"), [(90, 24), (24, 64)])
def test_every_number_agrees_with_every_peer(n: int, dimension: int) -> None:
    found = compare_numbers(_sets(n, dimension))
    assert {(each.peer, each.what) for each in found} == {(p, what) for p, calls in THEIRS.items() for what in calls}
    for each in found:
        if not each.version:
            assert each.note == "not installed"
            continue
        assert each.difference is not None, each.note
        assert each.passed, each


def test_a_wrong_number_of_ours_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drawbench.scoring.kinds.frechet.frechet_distance", lambda a, b: 1.0001)
    found = [each for each in compare_numbers(_sets(60, 8)) if each.what == peers.FRECHET and each.version]
    assert found
    assert not any(each.passed for each in found)


def test_a_peer_that_is_absent_or_fails_is_named_and_no_failure_of_ours() -> None:
    absent = compare("no-such-peer-of-ours", "KID", 1e-6, lambda: 0.0)
    assert (absent.version, absent.difference, absent.note, absent.passed) == ("", None, "not installed", True)

    def fails() -> float:
        raise TypeError("sqrtm() got an unexpected keyword argument\nand more")

    broken = compare("numpy", "KID", 1e-6, fails)
    assert broken.version == np.__version__
    assert broken.note == "does not run here (TypeError: sqrtm() got an unexpected keyword argument)"
    assert broken.passed


def test_features_are_compared_with_the_largest() -> None:
    theirs = np.array([[1.0, -4.0], [0.0, 2.0]])
    close = compare_features("numpy", "inception-clean", theirs + 2e-4, lambda: theirs)
    assert close.difference == pytest.approx(5e-5)
    assert close.passed
    assert not compare_features("numpy", "inception-clean", theirs + 1e-3, lambda: theirs).passed


def test_nan_never_passes() -> None:
    assert not PeerComparison("numpy", "2", "KID", 1e-6, float("nan")).passed


def test_the_four_peers() -> None:
    assert tuple(THEIRS) == ("pytorch-fid", "clean-fid", "torch-fidelity", "torchmetrics")
