"""Any frozen text encoder of transformers: T5, BERT and CLIP from disk, and T5-XXL's shape on the meta device."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from reference_model.cascade import SamplingSettings
from reference_model.checkpoint import assemble, load_cascade, save_stage
from reference_model.errors import ReferenceModelError
from reference_model.networks.presets import PAPER, TINY, build_unet, with_text_width
from reference_model.text.encoder import TextEncoder, load_text_encoder, width_of
from reference_model.text.pretrained import t5_xxl
from tests.reference_model.text_encoders import WIDTH, save_bert, save_clip, save_t5

Save = Callable[[Path], Path]
FAMILIES = [
    pytest.param(save_t5, id="t5"),
    pytest.param(lambda folder: save_t5(folder, decoder=True), id="t5 with its decoder"),
    pytest.param(save_bert, id="bert"),
    pytest.param(save_clip, id="clip's text tower"),
    pytest.param(lambda folder: save_clip(folder, image_tower=True), id="whole clip"),
]


@pytest.mark.parametrize("save", FAMILIES)
def test_every_family_gives_token_features_that_no_padding_changes(save: Save, tmp_path: Path) -> None:
    encoder = load_text_encoder(save(tmp_path))
    texts = ["red car", "a blue cup left", "a"]
    batch = encoder.encode_batch(texts)
    assert encoder.width == width_of(tmp_path) == WIDTH
    assert batch.tokens.dtype == torch.float32
    assert not any(p.requires_grad for p in encoder.encoder.parameters())
    for i, text in enumerate(texts):
        alone = encoder.encode(text)
        assert batch.mask[i].sum() == len(alone) == len(encoder.tokens(text))
        torch.testing.assert_close(batch.tokens[i, : len(alone)], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("save", FAMILIES)
def test_the_features_are_the_models_last_hidden_states(save: Save, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    save(tmp_path)
    model, ids = AutoModel.from_pretrained(tmp_path).eval(), AutoTokenizer.from_pretrained(tmp_path)("a red car")
    tower = getattr(model, "text_model", None) or getattr(model, "encoder" if hasattr(model, "shared") else "", model)
    with torch.inference_mode():
        expected = tower(input_ids=torch.tensor([ids.input_ids])).last_hidden_state[0]
    torch.testing.assert_close(load_text_encoder(tmp_path).encode("a red car"), expected)


@pytest.mark.parametrize(("save", "limit"), [(save_bert, 16), (save_clip, 20)], ids=["bert", "clip"])
def test_long_texts_are_refused_or_cut_to_what_the_encoder_takes(save: Save, limit: int, tmp_path: Path) -> None:
    text = "red " * 30
    encoder = load_text_encoder(save(tmp_path))
    assert encoder.is_too_long(text)
    with pytest.raises(ReferenceModelError, match=f"32 tokens is longer than the text encoder's {limit}"):
        encoder.encode(text)
    before = encoder.fingerprint
    cutting = load_text_encoder(tmp_path, long_texts="cut")
    assert len(cutting.encode(text)) == limit
    assert cutting.tokens(text)[-1] == cutting.tokens("a")[-1]  # the end token stays
    assert cutting.tokens("a red cup") == encoder.tokens("a red cup")
    assert cutting.fingerprint == before


def test_encoders_run_in_bfloat16_and_never_in_float16(tmp_path: Path) -> None:
    encoder = load_text_encoder(save_t5(tmp_path), "bfloat16")
    exact = load_text_encoder(tmp_path)
    assert encoder.dtype == torch.bfloat16
    assert encoder.encode("a red car").dtype == torch.float32
    torch.testing.assert_close(encoder.encode("a red car"), exact.encode("a red car"), rtol=0.1, atol=0.1)
    assert encoder.fingerprint != exact.fingerprint
    with pytest.raises(ReferenceModelError, match="overflow"):
        load_text_encoder(tmp_path, "float16")
    with pytest.raises(ReferenceModelError, match="float32 or bfloat16"):
        load_text_encoder(tmp_path, "int8")


def test_the_papers_t5_xxl_fits_the_papers_unets() -> None:
    with torch.device("meta"):
        encoder = TextEncoder(t5_xxl())
    assert encoder.width == 4096
    assert {stage.unet.text_width for stage in PAPER} == {encoder.width}
    assert encoder.encode("a red car").shape == (10, 4096)
    assert sum(p.numel() for p in encoder.encoder.parameters()) == pytest.approx(4.6e9, rel=0.05)  # Imagen, sec. 2.1


def test_a_fingerprint_covers_weights_and_tokenizer(tmp_path: Path) -> None:
    first = load_text_encoder(save_t5(tmp_path / "one"))
    assert load_text_encoder(save_t5(tmp_path / "two")).fingerprint == first.fingerprint
    changed = load_text_encoder(tmp_path / "two")
    next(changed.encoder.parameters())[0, 0] += 1
    assert changed.fingerprint != first.fingerprint
    tokenizer = tmp_path / "two" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace("▁cup", "▁pot"))
    assert load_text_encoder(tmp_path / "two").fingerprint != first.fingerprint


def test_folders_that_are_not_whole_are_refused_with_one_sentence(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    bare = save_bert(tmp_path / "bare")
    for path in bare.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ReferenceModelError, match="no tokenizer"):
        load_text_encoder(bare)

    part = save_t5(tmp_path / "part")
    weights = load_file(part / "model.safetensors")
    name = next(name for name in weights if "SelfAttention.q" in name)
    del weights[name]
    save_file(weights, part / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ReferenceModelError, match="1 weights are missing"):
        load_text_encoder(part)

    other = save_bert(tmp_path / "other")
    (other / "config.json").write_text('{"model_type": "gpt2"}')
    for read in (load_text_encoder, width_of):
        with pytest.raises(ReferenceModelError, match="gpt2"):
            read(other)

    mixed = save_t5(tmp_path / "mixed")
    bytes_folder = tmp_path / "bytes"
    from transformers import ByT5Tokenizer

    ByT5Tokenizer().save_pretrained(bytes_folder)
    for path in mixed.glob("tokenizer*"):
        path.unlink()
    for path in bytes_folder.iterdir():
        path.rename(mixed / path.name)
    with pytest.raises(ReferenceModelError, match="do not belong together"):
        load_text_encoder(mixed)


def test_a_cascade_runs_on_another_familys_encoder(tmp_path: Path) -> None:
    stage = with_text_width(TINY[0], WIDTH)
    save_stage(tmp_path / "stage", stage, build_unet(stage.unet), {})
    text = save_clip(tmp_path / "text", image_tower=True)
    assemble("on clip", text, [tmp_path / "stage"], tmp_path / "cascade")
    cascade = load_cascade(tmp_path / "cascade")
    image = cascade.generate(["a red car"], [1], 64, [SamplingSettings(1)])
    assert image.shape == (1, 64, 64, 3)
    assert image.dtype == np.uint8
