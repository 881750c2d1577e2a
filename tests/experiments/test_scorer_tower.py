"""The bundled scorer's text tower as a text encoder: the same tokens and states, in a folder like any other."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.scorer_tower import save_tower
from metrics.features.clip.byte_tokenizer import ByteTokenizer
from metrics.features.clip.open_clip import load_folder
from metrics.features.registry import BUNDLED_FOLDER
from reference_model.checkpoint import BUNDLED
from reference_model.errors import ReferenceModelError
from reference_model.text.encoder import TextEncoder, load_text_encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("towers") / "tower"


@pytest.fixture(scope="module")
def encoder(folder: Path) -> TextEncoder:
    return save_tower(folder)


@given(text=st.text(max_size=40) | st.sampled_from(["<start> <end>", " two  spaces ", "<pad>"]))
@settings(max_examples=50, deadline=None)
def test_tokens_are_the_scorers(encoder: TextEncoder, text: str) -> None:
    limit = encoder.tokenizer.max_tokens
    padded = ByteTokenizer(limit)([text])[0]
    assert encoder.tokenizer.cut(text) == padded[padded != 0].tolist()


def test_its_states_are_those_that_the_scorer_pools(encoder: TextEncoder) -> None:
    scorer, texts = load_folder(BUNDLED_FOLDER), ["a red car", "Two ünusual cups"]
    last = torch.stack([encoder.encode(text)[-1] for text in texts])  # CLIP pools at the end token
    projected = (last @ scorer.network.text_projection).numpy()
    unit = projected / np.linalg.norm(projected, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, scorer.encode_texts(texts), atol=1e-5)


def test_it_is_as_large_as_the_bundled_t5(encoder: TextEncoder) -> None:
    t5 = load_text_encoder(BUNDLED / "text_encoder")
    sizes = [sum(p.numel() for p in part.encoder.parameters()) for part in (t5, encoder)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.15)
    assert encoder.width == t5.width


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReferenceModelError, match="holds no text encoder"):
        save_tower(tmp_path)
    assert list(tmp_path.iterdir()) == []
