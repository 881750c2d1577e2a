"""Weights files: found in the named folder, checked by digest, and missed in one helpful sentence."""

import hashlib
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from metrics.errors import MetricInputError
from metrics.features.weights import (
    INCEPTION,
    OPENAI_DIGESTS,
    PUBLISHED,
    WeightsFile,
    check_weights,
    file_sha256,
    find_weights,
    record_of,
    recorded_digest,
)
from metrics.images import file_hashes


def test_known_digests_are_whole_and_openais_stand_in_its_urls() -> None:
    from open_clip.pretrained import get_pretrained_url

    for digest in (*(weights.sha256 for weights in PUBLISHED if weights.sha256), *OPENAI_DIGESTS):
        assert len(bytes.fromhex(digest)) == 32
    published = {get_pretrained_url(name, "openai") for name in ("ViT-L-14", "ViT-L-14-336", "ViT-B-32", "ViT-B-16")}
    assert {url.split("/")[-2] for url in published} == OPENAI_DIGESTS
    assert {weights.source for weights in PUBLISHED if "clip" in weights.source} < published
    assert len({weights.name for weights in PUBLISHED}) == len(PUBLISHED)


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
    assert "96 MB" in message
    assert "drawbench weights fetch inception-2015-12-05`" in message
    with pytest.raises(MetricInputError, match="size unknown, SHA-256 unverified"):
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
    with pytest.raises(MetricInputError, match="not the published file"):
        check_weights(path, "0" * 64)


def test_an_unverified_file_is_held_to_the_digest_of_its_first_use(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    assert recorded_digest(path) == ""
    assert check_weights(path, "") == check_weights(path, "") == recorded_digest(path) == digest
    assert subprocess.run(["sha256sum", "--check", "--status", record_of(path).name], cwd=tmp_path).returncode == 0
    assert sorted(found.name for found in tmp_path.iterdir()) == ["x.pt", "x.pt.sha256"]
    path.write_bytes(b"other")
    with pytest.raises(MetricInputError, match=f"changed since its first use.*{digest}"):
        check_weights(path, "")
    record_of(path).unlink()
    assert check_weights(path, "") == hashlib.sha256(b"other").hexdigest()
    record_of(path).write_text("half")
    with pytest.raises(MetricInputError, match="holds no SHA-256"):
        check_weights(path, "")


def test_a_known_digest_needs_no_record(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"content")
    check_weights(path, hashlib.sha256(b"content").hexdigest())
    assert not record_of(path).exists()


def test_first_uses_at_once_agree_on_one_record(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"content")
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: check_weights(path, ""), range(32)))
    assert digests == {recorded_digest(path)}
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_is_hashed_again_only_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, name: reads.append(file.name) or digest(file, name))
    path, other, linked = tmp_path / "weights", tmp_path / "other", tmp_path / "linked"
    linked.symlink_to(path)

    def settle() -> None:
        time.sleep(file_hashes.SETTLED_NS / 1e9)

    def hashed(content: bytes) -> int:
        """How often the file is read in two calls that must both know its content."""
        before = len(reads)
        assert file_sha256(path) == file_sha256(linked) == hashlib.sha256(content).hexdigest()
        return len(reads) - before

    path.write_bytes(b"one")
    assert hashed(b"one") == 2  # it could change again within one tick of the clock
    settle()
    assert (hashed(b"one"), hashed(b"one")) == (1, 0)
    times = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    settle()
    assert hashed(b"two") == 1
    other.write_bytes(b"six")
    settle()
    other.replace(path)
    settle()
    assert (hashed(b"six"), hashed(b"six")) == (1, 0)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        file_sha256(path)
