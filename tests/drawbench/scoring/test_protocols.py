"""Protocols: named, versioned, fingerprinted by everything that changes a number."""

import json
import re
from pathlib import Path

import pytest
import torch

from drawbench.errors import UserError
from drawbench.scoring.bundled import BUNDLED_VERSION, bundled
from drawbench.scoring.protocols import PROTOCOLS, get_protocol, imagen
from drawbench.scoring.score import score_run
from metrics.errors import MetricInputError
from metrics.features.weights import INCEPTION, OPENAI_VIT_L_14, WeightsFile
from tests.drawbench.scoring.test_kinds import Notes
from tests.drawbench.scoring.test_score import make_run
from tests.metrics.stand_ins import TINY_CLIP, tiny_clip_network, write_scorer, write_transformers_clip


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
        assert f"stand-in version {BUNDLED_VERSION}" in metric.definition


def test_a_category_that_turns_on_what_the_scorer_misses_says_so(tmp_path: Path) -> None:
    told = {"small: told word": 0.9, "rich: told word": 0.6, "small: told count": 0.75, "rich: told binding": 0.8}
    scores = score_run(make_run(tmp_path / "run"), bundled(write_scorer(tmp_path / "scorer", training=told)))
    marked = {score.scope for score in scores.scores if "tells a wrong word in 60% of trials only" in score.note}
    assert marked == {"Text"}
    assert sum("of trials only" in score.note for score in scores.scores) == 3, "CLIP score and its two companions"


def test_another_version_of_the_scorer_is_not_the_bundled_one(tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="version 1"):
        bundled(write_scorer(tmp_path / "scorer", version=1))


def test_unknown_protocols_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="bundled, bundled-extended, offline, imagen, extended"):
        get_protocol("fid")


def test_a_transformers_clip_of_ones_own_scores_a_run(tmp_path: Path) -> None:
    folder = write_transformers_clip(tmp_path / "my-clip")
    protocol = get_protocol(f"clip:{folder}")
    assert re.fullmatch("transformers-my-clip-[0-9a-f]{8}", protocol.name)
    other = get_protocol(f"clip:{write_transformers_clip(tmp_path / 'elsewhere' / 'my-clip', seed=1)}")
    assert other.fingerprint != protocol.fingerprint
    assert other.name != protocol.name  # scores of both lie side by side
    scores = score_run(make_run(tmp_path / "run"), protocol)
    assert {score.metric for score in scores.scores} >= {"clip_score", "clip_score_shuffled", "r_precision"}
    assert all("my-clip" in score.definition for score in scores.scores)
    assert (tmp_path / f"run/scores/{protocol.name}.json").is_file()


def test_an_open_clip_model_of_ones_own_is_named_with_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads(json.dumps(TINY_CLIP)) | {"text_cfg": {**TINY_CLIP["text_cfg"], "vocab_size": 49408}}
    monkeypatch.setattr("open_clip.get_model_config", {"tiny": config}.get)
    weights = tmp_path / "mine.pt"
    torch.save(tiny_clip_network(0, config).state_dict(), weights)
    protocol = get_protocol(f"clip:tiny={weights}")
    scores = score_run(make_run(tmp_path / "run"), protocol)
    assert re.fullmatch("open-clip-tiny-[0-9a-f]{8}", protocol.name)
    assert all("open_clip tiny, weights mine.pt" in score.definition for score in scores.scores)
    with pytest.raises(MetricInputError, match=r"none\.pt of tiny is missing"):
        get_protocol(f"clip:tiny={tmp_path / 'none.pt'}")
    with pytest.raises(MetricInputError, match="open_clip knows no model large"):
        get_protocol(f"clip:large={weights}")
    weights.write_bytes(b"junk" * 1000)
    said = Notes()
    with pytest.raises(MetricInputError, match=r"mine\.pt is not a readable weights file"):
        score_run(tmp_path / "run", get_protocol(f"clip:tiny={weights}"), progress=said)
    assert not said.text  # no word of scoring


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("ViT-L-14", "a model of open_clip without its weights: write clip:ViT-L-14=FILE"),
        ("ViT-L-14/openai", "a model of open_clip without its weights: write clip:ViT-L-14/openai=FILE"),
        ("/tag=", "clip:/tag= names no model: write clip:MODEL/TAG=FILE"),
        ("=x.pt", "clip:=x.pt names no model"),
        ("ViT-L-14/openai=", "names no file: write clip:MODEL/TAG=FILE"),
    ],
)
def test_a_scorer_that_is_named_in_part_is_refused_with_what_lacks(spec: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        get_protocol(f"clip:{spec}")


def test_the_bundled_scorer_in_this_repository_is_version_3() -> None:
    protocol = PROTOCOLS["bundled"]()
    assert protocol.version == 3
    assert len(protocol.fingerprint) == 64
