"""Protocols: named, versioned, fingerprinted by everything that changes a number."""

from pathlib import Path

import pytest

from drawbench.errors import UserError
from drawbench.protocols import PROTOCOLS, bundled, get_protocol, imagen
from metrics.errors import MetricInputError
from metrics.features.weights import INCEPTION, OPENAI_VIT_L_14, WeightsFile
from tests.metrics.stand_ins import write_scorer


def test_imagen_is_defined_without_its_weights_and_names_every_choice() -> None:
    protocol = get_protocol("imagen")
    assert (protocol.name, protocol.version, protocol.size) == ("imagen", 1, 256)
    assert [metric.metric for metric in protocol.metrics] == ["clip_score", "fid_legacy_tensorflow", "fid_clean"]
    clip, tensorflow, clean = (metric.definition for metric in protocol.metrics)
    assert OPENAI_VIT_L_14.sha256[:12] in clip
    assert "QuickGELU" in clip
    for definition in (tensorflow, clean):
        assert INCEPTION.sha256[:12] in definition
        assert "central square" in definition
    assert "bicubic to 299" in clean
    assert len({metric.extractor.fingerprint() for metric in protocol.metrics}) == 3


def test_fingerprints_are_stable_and_follow_the_weights(tmp_path: Path) -> None:
    first, again = bundled(write_scorer(tmp_path / "a")), bundled(tmp_path / "a")
    assert first.fingerprint == again.fingerprint
    retrained = bundled(write_scorer(tmp_path / "b", seed=1))
    assert retrained.fingerprint != first.fingerprint
    other = WeightsFile(INCEPTION.file, "0" * 64, INCEPTION.source)
    assert imagen(other).fingerprint != imagen().fingerprint


def test_bundled_scores_are_labelled_as_comparable_with_nothing_published(tmp_path: Path) -> None:
    protocol = bundled(write_scorer(tmp_path / "scorer"))
    assert [metric.metric for metric in protocol.metrics] == ["clip_score", "frechet_distance"]
    assert protocol.size is None
    for metric in protocol.metrics:
        assert "never comparable with published numbers" in metric.definition
        assert "stand-in version 1" in metric.definition


def test_another_version_of_the_scorer_is_not_bundled_version_1(tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="version 2"):
        bundled(write_scorer(tmp_path / "scorer", version=2))


def test_unknown_protocols_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="bundled, bundled-extended, imagen, extended"):
        get_protocol("fid")


def test_the_bundled_scorer_in_this_repository_is_version_1() -> None:
    protocol = PROTOCOLS["bundled"]()
    assert protocol.version == 1
    assert len(protocol.fingerprint) == 64
