"""Weights files: found in the named folder, checked by digest, and missed in one helpful sentence."""

import hashlib
from pathlib import Path

import pytest

from metrics.errors import MetricInputError
from metrics.features.weights import (
    INCEPTION,
    OPENAI_DIGESTS,
    OPENAI_VIT_L_14,
    WeightsFile,
    check_weights,
    find_weights,
)


def test_known_digests_are_whole_and_openais_stand_in_its_urls() -> None:
    from open_clip.pretrained import get_pretrained_url

    for digest in (INCEPTION.sha256, *OPENAI_DIGESTS):
        assert len(bytes.fromhex(digest)) == 32
    published = {get_pretrained_url(name, "openai") for name in ("ViT-L-14", "ViT-L-14-336", "ViT-B-32", "ViT-B-16")}
    assert {url.split("/")[-2] for url in published} == OPENAI_DIGESTS
    assert OPENAI_VIT_L_14.source in published


def test_a_missing_file_is_one_sentence_with_name_digest_source_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(MetricInputError) as caught:
        find_weights(INCEPTION)
    message = str(caught.value)
    for part in (INCEPTION.file, INCEPTION.sha256, INCEPTION.source, str(tmp_path), "DRAWBENCH_WEIGHTS"):
        assert part in message
    assert "\n" not in message
    with pytest.raises(MetricInputError, match="unverified"):
        find_weights(WeightsFile("x.pt", "", "https://example.org/x.pt"))


def test_the_named_folder_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DRAWBENCH_WEIGHTS", raising=False)
    cached = tmp_path / "cache" / "drawbench" / "weights" / "x.pt"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"cached")
    weights = WeightsFile("x.pt", "", "")
    assert find_weights(weights) == cached
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x.pt").write_bytes(b"mine")
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path / "mine"))
    assert find_weights(weights) == tmp_path / "mine" / "x.pt"


def test_another_file_under_the_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    assert check_weights(path, digest) == digest
    assert check_weights(path, "") == digest
    with pytest.raises(MetricInputError, match="not the published file"):
        check_weights(path, "0" * 64)
