"""The frozen text encoder: byte tokens, padding, and encoders saved by transformers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drawbench.prompts.registry import load_prompt_set
from reference_model.errors import ReferenceModelError
from reference_model.text.encoder import MAX_TOKENS, TextEncoder, byte_tokens, load_text_encoder, tiny_t5_config


def tiny_encoder() -> TextEncoder:
    from transformers import T5EncoderModel

    torch.manual_seed(0)
    return TextEncoder(T5EncoderModel(tiny_t5_config(32, layers=2, heads=2)))


@given(st.text(max_size=60))
def test_byte_tokens_are_byt5s(text: str) -> None:
    from transformers import ByT5Tokenizer

    assert byte_tokens(text) == [byte + 3 for byte in text.encode()] + [1]
    if text.strip().isalnum() and text.isascii():
        assert byte_tokens(text) == ByT5Tokenizer()(text).input_ids


def test_a_text_that_does_not_fit_is_refused_with_its_length() -> None:
    assert len(byte_tokens("x" * (MAX_TOKENS - 1))) == MAX_TOKENS
    with pytest.raises(ReferenceModelError, match=f"{MAX_TOKENS} bytes"):
        byte_tokens("x" * MAX_TOKENS)


def test_no_prompt_of_the_embedded_set_is_too_long() -> None:
    assert all(len(byte_tokens(prompt.text)) <= MAX_TOKENS for prompt in load_prompt_set("open").prompts)


@pytest.mark.skipif("DRAWBENCH_PROMPTS" not in os.environ, reason="DRAWBENCH_PROMPTS names no DrawBench file")
def test_no_prompt_of_drawbench_is_too_long() -> None:
    assert all(len(byte_tokens(prompt.text)) <= MAX_TOKENS for prompt in load_prompt_set("drawbench").prompts)


def test_a_text_alone_and_in_a_padded_batch_have_the_same_features() -> None:
    encoder = tiny_encoder()
    batch = encoder.encode_batch(["a red car", "two green cups at night"])
    assert batch.mask.sum(1).tolist() == [10, 24]
    torch.testing.assert_close(batch.tokens[0, :10], encoder.encode("a red car"), rtol=1e-4, atol=1e-5)


def test_the_encoder_is_frozen_and_survives_disk(tmp_path: Path) -> None:
    encoder = tiny_encoder()
    assert not any(p.requires_grad for p in encoder.encoder.parameters())
    encoder.encoder.save_pretrained(tmp_path)
    torch.testing.assert_close(load_text_encoder(tmp_path).encode("misspelt wrods"), encoder.encode("misspelt wrods"))


def test_half_precision_weights_run_in_fp32(tmp_path: Path) -> None:
    tiny_encoder().encoder.half().save_pretrained(tmp_path)
    assert load_text_encoder(tmp_path).encode("a cup").dtype == torch.float32


def test_long_texts_are_cut_between_characters_when_asked() -> None:
    encoder = TextEncoder(tiny_encoder().encoder, long_texts="cut")
    text = "é" * 200  # two bytes each, so that an even number fits
    assert encoder.is_too_long(text)
    assert encoder.tokens(text) == byte_tokens("é" * 159)
    assert encoder.tokens("a cup") == byte_tokens("a cup")
    with pytest.raises(ReferenceModelError, match="refuse or cut"):
        TextEncoder(encoder.encoder, long_texts="fold")  # type: ignore[arg-type]


def test_a_folder_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceModelError, match="no text encoder"):
        load_text_encoder(tmp_path)


def test_the_bundled_weights_load_without_transformers_and_compilers() -> None:
    """Importing either takes longer than everything else that loading the bundled weights does."""
    code = "import sys; from reference_model.checkpoint import load_cascade; load_cascade(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "reference_model.cascade" in loaded
    assert not {"transformers", "torch._dynamo", "sympy"} & set(loaded)
