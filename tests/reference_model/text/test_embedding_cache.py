"""Cached text features: the encoder's own, for several writers at once, and no damage that goes unnoticed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from reference_model.errors import ReferenceModelError
from reference_model.text.embedding_cache import EmbeddingCache
from tests.reference_model.text_encoders import random_byte_encoder

TEXTS = ["a red car", "two green cups at night", "ünï"]


def rows(root: Path) -> list[Path]:
    return sorted(root.glob("*/*.rows"))


def test_cached_features_are_the_encoders(tmp_path: Path) -> None:
    encoder = random_byte_encoder()
    direct, cached = encoder.encode_batch(TEXTS), EmbeddingCache(tmp_path, encoder).encode_batch(TEXTS)
    assert torch.equal(direct.mask, cached.mask)
    torch.testing.assert_close(cached.tokens[cached.mask], direct.tokens[direct.mask], rtol=1e-5, atol=1e-6)
    assert not cached.tokens[~cached.mask].any()
    again = EmbeddingCache(tmp_path, encoder)
    assert torch.equal(again.encode_batch(TEXTS).tokens, cached.tokens)
    assert again.encoded == 0


def test_half_size_features_are_near(tmp_path: Path) -> None:
    encoder = random_byte_encoder()
    half = EmbeddingCache(tmp_path, encoder, "bfloat16").encode_batch(TEXTS)
    exact = EmbeddingCache(tmp_path, encoder).encode_batch(TEXTS)
    assert half.tokens.dtype == torch.float32
    torch.testing.assert_close(half.tokens, exact.tokens, rtol=2**-8, atol=1e-6)
    sizes = {path.parent.name.rpartition("-")[2]: path.stat().st_size for path in rows(tmp_path)}
    assert sizes["bfloat16"] < 0.6 * sizes["float32"]
    with pytest.raises(ReferenceModelError, match="features of 2 text encoders"):
        EmbeddingCache(tmp_path)


def test_every_damaged_byte_is_noticed_and_repaired_once(tmp_path: Path) -> None:
    encoder = random_byte_encoder()
    expected = EmbeddingCache(tmp_path, encoder).encode_batch(TEXTS).tokens
    (path,) = rows(tmp_path)
    whole = path.read_bytes()
    for position in range(0, len(whole), len(whole) // 29):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        opened = EmbeddingCache(tmp_path, encoder)
        assert torch.equal(opened.encode_batch(TEXTS).tokens, expected)
        assert opened.encoded >= 1
        later = EmbeddingCache(tmp_path, encoder)
        assert torch.equal(later.encode_batch(TEXTS).tokens, expected)
        assert later.encoded == 0
        for repaired in set(rows(tmp_path)) - {path}:
            repaired.unlink()


def test_a_record_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    encoder = random_byte_encoder()
    expected = EmbeddingCache(tmp_path, encoder).encode_batch(TEXTS).tokens
    (path,) = rows(tmp_path)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        opened = EmbeddingCache(tmp_path, encoder)
        assert torch.equal(opened.encode_batch(TEXTS).tokens, expected)
        assert 1 <= opened.encoded <= len(TEXTS)
        for repaired in set(rows(tmp_path)) - {path}:
            repaired.unlink()


WRITER = """
import sys, torch
from pathlib import Path
from tests.reference_model.text_encoders import random_byte_encoder
from reference_model.text.embedding_cache import EmbeddingCache
torch.set_num_threads(1)
cache = EmbeddingCache(Path(sys.argv[1]), random_byte_encoder())
for i in range(10**6):
    cache.add([f"text {i}", f"text {i} of writer {sys.argv[2]}"])
"""


def test_killed_writers_side_by_side_leave_nothing_wrong(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(i)], cwd=root) for i in range(2)]
    deadline = time.monotonic() + 120
    while len(rows(tmp_path)) < 2 or min(path.stat().st_size for path in rows(tmp_path)) < 50_000:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    encoder = random_byte_encoder()
    cache = EmbeddingCache(tmp_path, encoder)
    shared = [text for text in (f"text {i}" for i in range(20)) if text in cache]
    own = [text for text in (f"text {i} of writer {w}" for i in range(5) for w in range(2)) if text in cache]
    assert len(shared) >= 10
    assert len(own) == 10
    found = cache.encode_batch(shared + own)
    assert cache.encoded == 0
    for row, mask, text in zip(found.tokens, found.mask, shared + own, strict=True):
        torch.testing.assert_close(row[mask], encoder.encode(text), rtol=1e-5, atol=1e-6)


def test_other_weights_never_read_these_features(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path, random_byte_encoder(0)).add(TEXTS)
    other = EmbeddingCache(tmp_path, random_byte_encoder(1))
    assert not any(text in other for text in TEXTS)


def test_missing_features_are_one_sentence(tmp_path: Path) -> None:
    EmbeddingCache(tmp_path, random_byte_encoder()).add(TEXTS[:1])
    with pytest.raises(ReferenceModelError, match="no encoder was given"):
        EmbeddingCache(tmp_path).encode_batch(TEXTS)
    with pytest.raises(ReferenceModelError, match="features of 0 text encoders"):
        EmbeddingCache(tmp_path / "empty")
