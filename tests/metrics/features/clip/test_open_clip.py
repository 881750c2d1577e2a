"""CLIP extractors: strict weights, open_clip's own numbers, truncation reported."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from metrics.errors import MetricInputError
from metrics.features.clip.byte_tokenizer import ByteTokenizer
from metrics.features.clip.open_clip import (
    ClipConfig,
    ClipExtractor,
    folder_config,
    load_folder,
    load_named,
    named_config,
)
from metrics.features.weights import OPENAI_DIGESTS
from tests.metrics.stand_ins import TINY_CLIP, tiny_clip_network, write_scorer

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 3), dtype=np.uint8)
TEXTS = ["a red circle", "two blue squares", "a prompt that is much longer than forty bytes are"]
TINY_NAMED: dict[str, Any] = {**TINY_CLIP, "text_cfg": {**TINY_CLIP["text_cfg"], "vocab_size": 49408}}


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scorer folder with random weights."""
    return write_scorer(tmp_path_factory.mktemp("scorer"))


def test_embeddings_are_those_of_open_clip_for_the_same_folder(scorer: Path) -> None:
    import open_clip

    network, transform = open_clip.create_model_from_pretrained(f"local-dir:{scorer}")
    network.eval()
    with torch.no_grad():
        pixels = torch.stack([transform(Image.fromarray(image)) for image in IMAGES])
        images = network.encode_image(pixels, normalize=True).numpy()
        texts = network.encode_text(ByteTokenizer(40)(TEXTS), normalize=True).numpy()
    extractor = load_folder(scorer)
    np.testing.assert_allclose(extractor(IMAGES), images, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(extractor.encode_texts(TEXTS), texts, rtol=1e-5, atol=1e-6)
    assert extractor.dimension == images.shape[1] == 16


def test_embeddings_are_unit_vectors_and_do_not_depend_on_the_batch(scorer: Path) -> None:
    extractor = load_folder(scorer)
    together = extractor(IMAGES)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    alone = np.concatenate([extractor(IMAGES[i : i + 1]) for i in range(len(IMAGES))])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_wide_images_are_cropped_not_squashed(scorer: Path) -> None:
    wide = np.zeros((1, 32, 64, 3), dtype=np.uint8)
    wide[:, :, 16:48] = IMAGES[0, :32, :32]
    np.testing.assert_allclose(load_folder(scorer)(wide), load_folder(scorer)(wide[:, :, 16:48]), atol=1e-6)


@pytest.mark.parametrize("config", [TINY_CLIP, TINY_NAMED], ids=["bytes", "clip"])
def test_texts_without_padding_get_open_clips_padded_embeddings(config: dict[str, Any], tmp_path: Path) -> None:
    """Texts of all lengths, shuffled, repeated and empty; each is compared with open_clip's for the full context."""
    network = tiny_clip_network(config=config)
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, tmp_path / "w.safetensors")
    tokenizer = "bytes" if config is TINY_CLIP else "clip"
    settings = ClipConfig("tiny", config, named_config("ViT-B-32/own").preprocess | {"size": 32}, tokenizer)
    extractor = ClipExtractor(settings, tmp_path / "w.safetensors")
    texts = ["cat " * (number % 45) for number in np.random.default_rng(1).permutation(150)] + ["a cat", "a cat"]
    with torch.no_grad():
        expected = network.encode_text(extractor._tokenizer(texts), normalize=True).numpy()
    np.testing.assert_allclose(extractor.encode_texts(texts), expected, rtol=0, atol=1e-6)


def test_the_text_tower_sees_each_text_once_and_no_needless_padding(scorer: Path) -> None:
    extractor = load_folder(scorer)
    shapes = []
    extractor.network.ln_final.register_forward_hook(lambda module, args, out: shapes.append(tuple(out.shape[:2])))
    extractor.encode_texts(["abc", "abcdefgh"] * 8)
    assert sum(batch for batch, _ in shapes) == 2
    assert {length for _, length in shapes} <= {5, 10}
    shapes.clear()
    extractor.encode_texts([f"{number:02}" for number in range(64)] + ["a longer text, of 30 bytes in all"[:30]] * 9)
    assert sum(batch for batch, _ in shapes) == 65
    assert sum(batch for batch, length in shapes if length > 4) < 9  # those that share a batch with the longer one


def test_embeddings_may_be_left_as_the_network_projects_them(scorer: Path) -> None:
    config = replace(folder_config(scorer), unit_norm=False)
    raw = ClipExtractor(config, scorer / "open_clip_model.safetensors")
    unit = load_folder(scorer)
    lengths = np.linalg.norm(raw(IMAGES), axis=1, keepdims=True)
    assert (abs(lengths - 1) > 0.01).all()
    np.testing.assert_allclose(raw(IMAGES) / lengths, unit(IMAGES), atol=1e-6)
    np.testing.assert_array_equal(raw.encode_texts(TEXTS), unit.encode_texts(TEXTS))
    assert raw.fingerprint != unit.fingerprint


def test_truncation_is_reported_text_by_text(scorer: Path) -> None:
    assert load_folder(scorer).truncated(TEXTS) == [False, False, True]


def test_loading_leaves_the_callers_random_numbers_alone(scorer: Path) -> None:
    before = torch.random.get_rng_state()
    load_folder(scorer)
    assert torch.equal(before, torch.random.get_rng_state())


def test_weights_must_fit_the_configuration_exactly(scorer: Path, tmp_path: Path) -> None:
    state = load_file(scorer / "open_clip_model.safetensors")
    config = folder_config(scorer)
    lacking = {name: value for name, value in state.items() if name != "text_projection"}
    cases = [lacking, {**state, "extra": torch.zeros(1)}, {**state, "text_projection": torch.zeros(3, 3)}]
    for number, case in enumerate(cases):
        path = tmp_path / f"{number}.safetensors"
        save_file(case, path)
        with pytest.raises(MetricInputError, match="does not fit"):
            ClipExtractor(config, path)


def test_missing_damaged_and_other_weights_are_refused(scorer: Path, tmp_path: Path) -> None:
    config = folder_config(scorer)
    with pytest.raises(MetricInputError, match="missing"):
        ClipExtractor(config, tmp_path / "none.safetensors")
    for name in ("bad.safetensors", "bad.pt"):
        (tmp_path / name).write_bytes(b"no weights")
        with pytest.raises(MetricInputError, match="not a readable weights file"):
            ClipExtractor(config, tmp_path / name)
    changed = write_scorer(tmp_path / "changed", sha256="0" * 64)
    with pytest.raises(MetricInputError, match="not the published file"):
        load_folder(changed)


def test_a_scorer_folder_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="context_length"):
        folder_config(write_scorer(tmp_path / "a", context_length=77))
    with pytest.raises(MetricInputError, match="tokenizer"):
        folder_config(write_scorer(tmp_path / "b", tokenizer="words"))
    folder = write_scorer(tmp_path / "c")
    (folder / "scorer.json").write_text(json.dumps({"name": "x"}))
    with pytest.raises(MetricInputError, match="lacks version"):
        folder_config(folder)
    (folder / "scorer.json").unlink()
    with pytest.raises(MetricInputError, match=r"scorer\.json"):
        folder_config(folder)


def test_everything_that_changes_a_score_changes_the_fingerprint(scorer: Path) -> None:
    base = folder_config(scorer)
    variants = [
        base,
        ClipConfig(base.name, {**base.model, "quick_gelu": True}, base.preprocess, base.tokenizer),
        ClipConfig(base.name, base.model, {**base.preprocess, "interpolation": "bilinear"}, base.tokenizer),
        ClipConfig(base.name, base.model, base.preprocess, "clip"),
    ]
    fingerprints = {variant.fingerprint("a" * 64) for variant in variants} | {base.fingerprint("b" * 64)}
    assert len(fingerprints) == 5
    assert ClipConfig("renamed", base.model, base.preprocess, "bytes").fingerprint("a" * 64) in fingerprints


def test_openais_weights_need_quickgelu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By digest and by form: OpenAI's files are TorchScript archives."""
    path = tmp_path / "ViT-B-32.pt"
    _write_openai_archive(path)
    plain = ClipConfig("tiny", TINY_NAMED, named_config("ViT-B-32/own").preprocess | {"size": 32}, "clip")
    with pytest.raises(MetricInputError, match="QuickGELU"):
        ClipExtractor(plain, path)
    monkeypatch.setattr(
        "metrics.features.clip.open_clip.check_weights", lambda path, expected: next(iter(OPENAI_DIGESTS))
    )
    other = tmp_path / "same.safetensors"
    save_file({"x": torch.zeros(1)}, other)
    with pytest.raises(MetricInputError, match="tiny-quickgelu"):
        ClipExtractor(plain, other)


def test_openais_archives_load_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "ViT-B-32.pt"
    network = _write_openai_archive(path)
    preprocess = named_config("ViT-B-32/own").preprocess | {"size": 32}
    extractor = ClipExtractor(ClipConfig("tiny", {**TINY_NAMED, "quick_gelu": True}, preprocess, "clip"), path)
    state = extractor.network.state_dict()
    assert all(value.dtype == torch.float32 for value in state.values())
    for name, value in network.state_dict().items():
        assert torch.equal(state[name], value.half().float())
    assert extractor.truncated(["a cat", "cat " * 39]) == [False, True]
    assert extractor.encode_texts(["a cat"]).shape == (1, 16)


def _write_openai_archive(path: Path) -> torch.nn.Module:
    """float16 weights with OpenAI's three extra numbers among them, in a TorchScript archive."""
    import warnings

    network = tiny_clip_network(config=TINY_NAMED)
    holder = _Holder()
    for name, value in network.state_dict().items():
        module: torch.nn.Module = holder
        *parents, leaf = name.split(".")
        for parent in parents:
            if not hasattr(module, parent):
                module.add_module(parent, _Holder())
            module = getattr(module, parent)
        module.register_buffer(leaf, value.half())
    for extra in ("input_resolution", "context_length", "vocab_size"):
        holder.register_buffer(extra, torch.tensor(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated, and the format of the real file
        torch.jit.script(holder).save(str(path))
    return network


class _Holder(torch.nn.Module):
    def forward(self) -> int:
        return 0


def test_names_that_open_clip_does_not_know_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="open_clip knows no model"):
        named_config("ViT-Z-99")
    with pytest.raises(MetricInputError, match="missing"):
        load_named("ViT-B-32-quickgelu", tmp_path / "absent.pt")
    with pytest.raises(MetricInputError, match="not supported"):
        named_config("ViT-B-16-SigLIP")
