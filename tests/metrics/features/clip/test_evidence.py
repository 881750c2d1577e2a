"""A wrong tag loads, since tags of a model have the same shapes: whatever tells that it is wrong, refuses it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import open_clip
import pytest
import torch

from metrics.errors import MetricInputError
from metrics.features.clip import evidence as rooms
from metrics.features.clip.evidence import evidence
from metrics.features.registry import ExtractorEntry, open_clip_model
from metrics.features.weights import OPENAI_VIT_L_14, file_sha256
from tests.metrics.stand_ins import TINY_CLIP, tiny_clip_network

USUAL = {field: open_clip.get_pretrained_cfg("ViT-B-32", "openai")[field] for field in rooms.READ_BY_TAG}
HALVES = {**USUAL, "mean": (0.5,) * 3, "std": (0.5,) * 3}


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The weights of `tiny/hashed`, whose digest open_clip knows; of `tiny/named` and `tiny/other` it knows none."""
    config = {**TINY_CLIP, "text_cfg": {**TINY_CLIP["text_cfg"], "vocab_size": 49408}}
    path = tmp_path / "mine.pt"
    torch.save(tiny_clip_network(0, config).state_dict(), path)
    tags = {
        "hashed": {**USUAL, "url": f"https://github.com/mlfoundations/x/tiny-hashed-{file_sha256(path)[:8]}.pt"},
        "other": {**HALVES, "url": "https://github.com/mlfoundations/x/tiny-other-01234567.pt"},
        "named": {**HALVES, "hf_hub": "somebody/CLIP-tiny/"},
    }
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", config)
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny", tags)
    rooms._published.cache_clear()
    yield path
    rooms._published.cache_clear()


def _known(name: str, weights: Path) -> str:
    return evidence(name, weights, file_sha256(weights))


def _in_hub(weights: Path, folder: str) -> Path:
    path = weights.parent / folder / "snapshots" / "0a1b" / "open_clip_model.pt"
    path.parent.mkdir(parents=True)
    path.symlink_to(weights)
    return path


def test_a_digest_that_open_clip_knows_tells(weights: Path) -> None:
    assert _known("tiny/hashed", weights) == "weights known by their SHA-256"
    for wrong in ("tiny/other", "tiny/named", "ViT-B-32/openai"):
        with pytest.raises(MetricInputError, match=re.escape(f"of tiny/hashed by its SHA-256, not of {wrong}: name")):
            open_clip_model(wrong, weights)
    assert _known("tiny/own", weights) == "", "read alike, and no tag is claimed"


def test_openais_digest_is_known_by_its_address() -> None:
    digest = OPENAI_VIT_L_14.sha256
    assert evidence("ViT-L-14/openai", Path("clip.pt"), digest) == "weights known by their SHA-256"
    assert evidence("ViT-L-14-quickgelu", Path("clip.pt"), digest) == "", "the model's plain name says no tag"
    for wrong in ("ViT-L-14/laion2b_s32b_b82k", "ViT-L-14/laion400m_e31", "ViT-L-14/own"):
        with pytest.raises(MetricInputError, match="holds the weights of ViT-L-14/openai"):
            evidence(wrong, Path("clip.pt"), digest)


def test_a_published_name_with_other_content_is_refused(weights: Path) -> None:
    renamed = weights.with_name("tiny-other-01234567.pt")
    weights.rename(renamed)
    with pytest.raises(MetricInputError, match="is named as a published file and is not that file"):
        open_clip_model("tiny/hashed", renamed)


def test_the_hubs_folder_tells(weights: Path) -> None:
    torch.save(tiny_clip_network(1, open_clip.get_model_config("tiny")).state_dict(), weights)
    path = _in_hub(weights, "models--somebody--CLIP-tiny")
    assert _known("tiny/named", path) == "weights known by their folder in the hub's cache"
    for wrong in ("tiny/other", "tiny/hashed", "tiny/own"):
        with pytest.raises(MetricInputError, match="of tiny/named by its folder"):
            _known(wrong, path)
    assert _known("tiny/other", _in_hub(weights, "models--somebody--else")) == ""


def test_a_configuration_beside_the_file_tells_how_it_is_read(weights: Path) -> None:
    torch.save(tiny_clip_network(1, open_clip.get_model_config("tiny")).state_dict(), weights)
    path = weights.with_name("open_clip_config.json")
    path.write_text(json.dumps({"model_cfg": {}, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}))
    assert _known("tiny/other", weights) == "weights read as the open_clip_config.json beside them says"
    for wrong in ("tiny/hashed", "tiny/own"):
        with pytest.raises(MetricInputError, match=r"says mean \[0.5, 0.5, 0.5\] where"):
            _known(wrong, weights)
    path.write_text(json.dumps({"model_cfg": {"quick_gelu": True}}))
    with pytest.raises(MetricInputError, match="says activation QuickGELU where tiny/other has GELU"):
        _known("tiny/other", weights)
    for damaged in ("{", "[]", '{"model_cfg": 3}', "{}"):
        path.write_text(damaged)
        assert _known("tiny/other", weights) == ""


def test_what_nothing_tells_is_said_and_changes_no_definition(weights: Path) -> None:
    torch.save(tiny_clip_network(1, open_clip.get_model_config("tiny")).state_dict(), weights)

    def entry(name: str) -> ExtractorEntry:
        return open_clip_model(name, weights)

    said = "that mine.pt holds the weights of tiny/other could not be verified: the command alone says so"
    unknown = entry("tiny/other")
    assert (unknown.origin, unknown.caution) == ("weights not verified", said)
    assert (entry("tiny/own").origin, entry("tiny/own").caution) == ("", "")
    config = {"model_cfg": {}, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    weights.with_name("open_clip_config.json").write_text(json.dumps(config))
    known = entry("tiny/other")
    assert (known.origin, known.caution) == (
        "weights read as the open_clip_config.json beside them says",
        "",
    )
    assert (known.description, known.fingerprint()) == (unknown.description, unknown.fingerprint())
