"""Training from cached text features: the same losses with and without the cache, and the command that fills it."""

from pathlib import Path

import pytest
import torch

from reference_model.errors import ReferenceModelError
from reference_model.networks.presets import StageConfig
from reference_model.networks.unet import UNetConfig
from reference_model.text.embedding_cache import EmbeddingCache, text_source
from reference_model.training import embeddings, stage
from reference_model.training.loop import LoopConfig, train
from reference_model.training.stage import StageTraining, captions_of_step
from tests.reference_model.text_encoders import WIDTH, random_byte_encoder, save_bert

BASE = StageConfig(UNetConfig(64, 32, (16, 16), (1, 1), (False, True), 16, 32, 4), "v", "cosine")


def test_losses_are_equal_with_and_without_the_cache(tmp_path: Path) -> None:
    encoder = random_byte_encoder()
    direct = StageTraining(BASE, encoder, 4, "x").loss(3)
    filling = StageTraining(BASE, EmbeddingCache(tmp_path, encoder), 4, "x").loss(3)
    reading = StageTraining(BASE, EmbeddingCache(tmp_path), 4, "x").loss(3)  # no encoder at all
    torch.testing.assert_close(filling, direct, rtol=1e-5, atol=1e-6)
    assert torch.equal(reading, filling)
    reading.backward()  # the network trains on what was read


def test_a_training_from_the_cache_alone_ends_at_the_same_weights(tmp_path: Path) -> None:
    config, encoder = LoopConfig(steps=2, minutes=60, learning_rate=1e-3), random_byte_encoder()
    filling = StageTraining(BASE, EmbeddingCache(tmp_path / "cache", encoder), 4, "x")
    train(filling, config, tmp_path / "filling")
    reading = StageTraining(BASE, EmbeddingCache(tmp_path / "cache"), 4, "x")
    train(reading, config, tmp_path / "reading")
    assert all(torch.equal(a, b) for a, b in zip(filling.module.parameters(), reading.module.parameters(), strict=True))


def test_a_missing_source_is_one_sentence() -> None:
    with pytest.raises(ReferenceModelError, match="--text"):
        text_source(None, None)


def test_the_commands_train_a_stage_on_another_encoder_from_the_cache_alone(tmp_path: Path) -> None:
    text, cache = save_bert(tmp_path / "bert", positions=128), tmp_path / "cache"
    arguments = ["--stage", "base_64", "--batch", "2"]
    assert embeddings.main([*arguments, "--text", str(text), "--out", str(cache), "--steps", "1"]) == 0
    assert all(words in EmbeddingCache(cache) for words in captions_of_step("base_64", 0, 2))
    stage.main([*arguments, "--embeddings", str(cache), "--out", str(tmp_path / "out"), "--steps", "1"])
    assert f'"text_width": {WIDTH}' in (tmp_path / "out" / "export" / "base_64.json").read_text()
