"""The bundled encoder's network: transformers' T5 is the oracle, bit for bit."""

import dataclasses
from pathlib import Path

import pytest
import torch

from reference_model.checkpoint import BUNDLED
from reference_model.errors import ReferenceModelError
from reference_model.text.byte_t5 import ByteT5Config, ByteT5Encoder, relative_buckets
from reference_model.text.encoder import TextEncoder, load_text_encoder, tiny_t5_config, width_of

TEXTS = ["a red car", "Two green cups, to the left of ünïcode.", "x" * 319]


def oracle(folder: Path) -> TextEncoder:
    from transformers import T5EncoderModel

    return TextEncoder(T5EncoderModel.from_pretrained(folder, dtype=torch.float32))


def test_the_bundled_features_are_those_of_transformers() -> None:
    ours, theirs = load_text_encoder(BUNDLED / "text_encoder"), oracle(BUNDLED / "text_encoder")
    assert isinstance(ours.encoder, ByteT5Encoder)
    assert ours.width == theirs.width == width_of(BUNDLED / "text_encoder")
    for text in TEXTS:
        assert torch.equal(ours.encode(text), theirs.encode(text))
    batch, other = ours.encode_batch(TEXTS), theirs.encode_batch(TEXTS)
    assert torch.equal(batch.mask, other.mask)
    assert torch.equal(batch.tokens[batch.mask], other.tokens[other.mask])


def test_other_shapes_agree_too(tmp_path: Path) -> None:
    from transformers import T5EncoderModel

    torch.manual_seed(0)
    config = tiny_t5_config(48, layers=3, heads=3)
    config.relative_attention_num_buckets, config.relative_attention_max_distance = 8, 20
    T5EncoderModel(config).save_pretrained(tmp_path)
    for text in TEXTS:
        torch.testing.assert_close(load_text_encoder(tmp_path).encode(text), oracle(tmp_path).encode(text))


def test_distances_share_buckets_as_t5_has_it() -> None:
    from transformers.models.t5.modeling_t5 import T5Attention

    config = ByteT5Config(vocab_size=8, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    for buckets, farthest in ((32, 128), (8, 20)):
        shaped = dataclasses.replace(
            config, relative_attention_num_buckets=buckets, relative_attention_max_distance=farthest
        )
        distance = torch.arange(200)[None, :] - torch.arange(200)[:, None]
        expected = T5Attention._relative_position_bucket(distance, True, buckets, farthest)
        assert torch.equal(relative_buckets(200, shaped), expected)


def test_weights_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file
    from transformers import T5EncoderModel

    T5EncoderModel(tiny_t5_config(32, layers=1, heads=2)).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    del weights["encoder.block.0.layer.0.SelfAttention.q.weight"]
    save_file(weights, path)
    with pytest.raises(ReferenceModelError, match="is missing"):
        load_text_encoder(tmp_path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ReferenceModelError, match="cannot be read"):
        load_text_encoder(tmp_path)
