"""transformers' CLIP and SigLIP folders: the model's and the processor's own numbers, truncation, strictness.

A tiny random model saved with its tokenizer and processor is a checkpoint like any other.
"""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file

from metrics.errors import MetricInputError
from metrics.features.clip.transformers import TransformersClipExtractor, find_model, folder_fingerprint
from tests.metrics.stand_ins import write_transformers_clip

IMAGES = [np.random.default_rng(n).integers(0, 256, (40 + 7 * n, 51, 3), dtype=np.uint8) for n in range(3)]
TEXTS = ["a red circle", "A Cat", "a text that is longer than the context of sixteen tokens", "a red circle"]
CONTEXT = 16
_VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "patch_size": 8,
}
_TEXT = {**{key: value for key, value in _VISION.items() if key != "patch_size"}, "max_position_embeddings": CONTEXT}


def _write_siglip(folder: Path) -> Path:
    """SigLIP with a sentencepiece tokenizer of its own."""
    import sentencepiece
    from transformers import SiglipConfig, SiglipModel, SiglipTokenizer
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    model_file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*TEXTS, "abcdefghijklmnopqrstuvwxyz"]),
        model_writer=model_file,
        vocab_size=40,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    folder.mkdir(parents=True)
    (folder / "spiece.model").write_bytes(model_file.getvalue())
    SiglipTokenizer(str(folder / "spiece.model"), model_max_length=CONTEXT, pad_token="</s>").save_pretrained(folder)
    config = SiglipConfig(
        text_config={**_TEXT, "vocab_size": 64, "projection_size": 32}, vision_config={**_VISION, "image_size": 32}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        SiglipModel(config).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def _write_siglip2(folder: Path) -> Path:
    """SigLIP 2 with patches of any aspect ratio (NaFlex)."""
    from transformers import Siglip2Config, Siglip2Model
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil
    from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

    vocab = {"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "<mask>": 4}
    vocab |= {character: 5 + number for number, character in enumerate("▁abcdefghijklmnopqrstuvwxyz")}
    Siglip2Tokenizer(vocab=vocab, merges=[], padding_side="right").save_pretrained(folder)
    config = Siglip2Config(
        text_config={**_TEXT, "vocab_size": 64, "projection_size": 32}, vision_config={**_VISION, "num_patches": 16}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        Siglip2Model(config).save_pretrained(folder)
    Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16).save_pretrained(folder)
    return folder


WRITERS: dict[str, Callable[[Path], Path]] = {
    "clip": write_transformers_clip,
    "siglip": _write_siglip,
    "siglip2": _write_siglip2,
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A random checkpoint of each type."""
    root = tmp_path_factory.mktemp("models")
    return {name: write(root / name) for name, write in WRITERS.items()}


@pytest.fixture
def clip(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the CLIP folder, to be spoilt."""
    copy = tmp_path / "clip"
    copy.mkdir()
    for path in folders["clip"].iterdir():
        if path.suffix != ".sha256":  # the record of its first use
            (copy / path.name).write_bytes(path.read_bytes())
    return copy


def _theirs(folder: Path, model_type: str) -> tuple[np.ndarray, np.ndarray]:
    """Image and text embeddings by transformers alone, text by text, padded to the context."""
    import transformers

    model = getattr(transformers, {"clip": "CLIPModel", "siglip": "SiglipModel", "siglip2": "Siglip2Model"}[model_type])
    network = model.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = []
    with torch.no_grad():
        pixels = processor(images=[Image.fromarray(image) for image in IMAGES], return_tensors="pt")
        images = F.normalize(network.get_image_features(**pixels).pooler_output, dim=-1).numpy()
        for text in TEXTS:
            ids = tokenizer(text, padding="max_length", max_length=CONTEXT, truncation=True, return_tensors="pt")
            features = network.get_text_features(input_ids=ids["input_ids"]).pooler_output
            texts.append(F.normalize(features, dim=-1).numpy()[0])
    return images, np.stack(texts)


@pytest.mark.parametrize("model_type", WRITERS)
def test_embeddings_are_those_of_transformers_and_its_processor(folders: dict[str, Path], model_type: str) -> None:
    images, texts = _theirs(folders[model_type], model_type)
    extractor = TransformersClipExtractor(folders[model_type])
    assert len(np.unique(images.round(4), axis=0)) == len(IMAGES)
    np.testing.assert_allclose(extractor(IMAGES), images, rtol=0, atol=2e-6)
    np.testing.assert_allclose(extractor.encode_texts(TEXTS), texts, rtol=0, atol=1e-6)
    assert extractor.dimension == images.shape[1]


@pytest.mark.parametrize("model_type", ["clip", "siglip"])
def test_pixels_are_those_of_the_processor_and_rescaled_once(folders: dict[str, Path], model_type: str) -> None:
    from transformers import AutoImageProcessor

    extractor = TransformersClipExtractor(folders[model_type])
    processor = AutoImageProcessor.from_pretrained(folders[model_type], backend="pil")
    theirs = processor(images=[Image.fromarray(image) for image in IMAGES], return_tensors="pt")["pixel_values"]
    ours = extractor.processor(IMAGES)["pixel_values"]
    torch.testing.assert_close(ours.contiguous(), theirs, rtol=0, atol=2e-6)
    white = extractor.processor([np.full((32, 32, 3), 255, np.uint8)])["pixel_values"][0, :, 0, 0]
    expected = [(1 - mean) / std for mean, std in zip(processor.image_mean, processor.image_std, strict=True)]
    np.testing.assert_allclose(white.numpy(), expected, rtol=1e-6)


def test_clips_texts_carry_no_padding_and_siglips_carry_all_of_it(folders: dict[str, Path]) -> None:
    for model_type, lengths in (("clip", {3, 6}), ("siglip", {CONTEXT})):
        extractor = TransformersClipExtractor(folders[model_type])
        shapes: list[tuple[int, ...]] = []
        norm = extractor.network.text_model.final_layer_norm
        norm.register_forward_hook(lambda module, args, out, shapes=shapes: shapes.append(tuple(out.shape[:2])))
        extractor.encode_texts(["a cat", "a cat", "a"])
        assert sum(batch for batch, _ in shapes) == 2
        assert {length for _, length in shapes} <= lengths


@pytest.mark.parametrize("end", [513, 2])
def test_the_legacy_end_token_is_the_largest_id(clip: Path, end: int) -> None:
    config = json.loads((clip / "config.json").read_text())
    config["text_config"]["eos_token_id"] = end
    (clip / "config.json").write_text(json.dumps(config))
    _, texts = _theirs(clip, "clip")
    np.testing.assert_allclose(TransformersClipExtractor(clip).encode_texts(TEXTS), texts, rtol=0, atol=1e-6)


def test_a_tokenizer_whose_end_the_model_does_not_know_is_refused(clip: Path) -> None:
    config = json.loads((clip / "config.json").read_text())
    config["text_config"]["eos_token_id"] = 7
    (clip / "config.json").write_text(json.dumps(config))
    with pytest.raises(MetricInputError, match="ends no text with the id 7"):
        TransformersClipExtractor(clip).encode_texts(["a cat"])


def test_truncation_is_reported_text_by_text(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        assert TransformersClipExtractor(folder).truncated(TEXTS) == [False, False, True, False]
        assert TransformersClipExtractor(folder).context_length == CONTEXT


def test_the_batch_and_the_callers_random_numbers_do_not_matter(folders: dict[str, Path]) -> None:
    before = torch.random.get_rng_state()
    for folder in folders.values():
        extractor = TransformersClipExtractor(folder)
        alone = np.concatenate([extractor([image]) for image in IMAGES])
        np.testing.assert_allclose(extractor(IMAGES), alone, atol=1e-6)
    assert torch.equal(before, torch.random.get_rng_state())


def test_everything_that_changes_a_score_changes_the_fingerprint(clip: Path) -> None:
    found = {folder_fingerprint(clip)}
    assert found == {TransformersClipExtractor(clip).fingerprint}
    edits: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
        ("preprocessor_config.json", lambda settings: settings.update(resample=2)),
        ("config.json", lambda settings: settings["text_config"].update(hidden_act="gelu")),
        ("tokenizer_config.json", lambda settings: settings.update(unk_token="a</w>")),
    ]
    for name, edit in edits:
        settings = json.loads((clip / name).read_text())
        edit(settings)
        (clip / name).write_text(json.dumps(settings))
        found.add(folder_fingerprint(clip))
    assert len(found) == 4
    settings = json.loads((clip / "config.json").read_text())
    (clip / "config.json").write_text(json.dumps({**settings, "transformers_version": "9.9"}, indent=1))
    assert folder_fingerprint(clip) in found


def test_weights_must_fit_exactly_and_be_safetensors(clip: Path) -> None:
    path = clip / "model.safetensors"
    state = load_file(path)
    for case in (
        {name: value for name, value in state.items() if name != "text_projection.weight"},
        {**state, "extra": torch.zeros(1)},
        {**state, "text_projection.weight": torch.zeros(3, 3)},
    ):
        save_file(case, path, metadata={"format": "pt"})
        (clip / "model.safetensors.sha256").unlink(missing_ok=True)
        with pytest.raises(MetricInputError, match=r"do not fit|cannot be loaded"):
            TransformersClipExtractor(clip)
    path.write_bytes(b"no weights")
    (clip / "model.safetensors.sha256").unlink(missing_ok=True)
    with pytest.raises(MetricInputError, match="cannot be loaded"):
        TransformersClipExtractor(clip)
    path.rename(clip / "pytorch_model.bin")
    with pytest.raises(MetricInputError, match="only safetensors"):
        TransformersClipExtractor(clip)


def test_other_folders_are_refused(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match=r"config\.json is missing"):
        TransformersClipExtractor(tmp_path)
    settings = json.loads((clip / "preprocessor_config.json").read_text())
    for change, reason in (
        ({"do_rescale": False}, "not a resize"),
        ({"rescale_factor": 1.0}, "not a resize"),
        ({"crop_size": {"height": 24, "width": 24}}, "makes 24 px where its network takes 32"),
    ):
        (clip / "preprocessor_config.json").write_text(json.dumps({**settings, **change}))
        with pytest.raises(MetricInputError, match=reason):
            TransformersClipExtractor(clip)
    (clip / "preprocessor_config.json").unlink()
    with pytest.raises(MetricInputError, match="image processor"):
        TransformersClipExtractor(clip)
    (clip / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(MetricInputError, match="type bert"):
        TransformersClipExtractor(clip)


def test_the_torchvision_processor_is_not_the_one_that_counts(folders: dict[str, Path]) -> None:
    """transformers' default resizes with other rounding: up to one level of 8 bits. Ours do not depend on it."""
    from transformers import AutoImageProcessor

    extractor = TransformersClipExtractor(folders["siglip"])
    default = AutoImageProcessor.from_pretrained(folders["siglip"], backend="torchvision")
    theirs = default(images=[Image.fromarray(image) for image in IMAGES], return_tensors="pt")["pixel_values"]
    level = 1 / 255 / 0.5
    difference = (extractor.processor(IMAGES)["pixel_values"] - theirs).abs().max().item()
    assert 0.5 * level < difference < 1.5 * level


def test_a_file_of_the_hubs_cache_must_have_the_digest_that_names_it(clip: Path) -> None:
    path = clip / "model.safetensors"
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    blobs = clip.parent / "blobs"
    blobs.mkdir()
    path.unlink()
    path.symlink_to(blobs / digest)
    (blobs / digest).write_bytes(content)
    extractor = TransformersClipExtractor(clip)
    assert extractor.weights_sha256 == digest
    assert not (clip / "model.safetensors.sha256").exists()
    (blobs / digest).write_bytes(content + b" ")
    with pytest.raises(MetricInputError, match="not the published file"):
        TransformersClipExtractor(clip)


def test_shards_have_one_digest_together_and_none_may_be_missing(clip: Path) -> None:
    whole = folder_fingerprint(clip)
    expected = TransformersClipExtractor(clip).encode_texts(TEXTS)
    state = load_file(clip / "model.safetensors")
    names = sorted(state)
    halves = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, half in halves.items():
        save_file({name: state[name] for name in half}, clip / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {name: file for file, half in halves.items() for name in half}}
    (clip / "model.safetensors.index.json").write_text(json.dumps(index))
    (clip / "model.safetensors").unlink()
    extractor = TransformersClipExtractor(clip)
    np.testing.assert_array_equal(extractor.encode_texts(TEXTS), expected)
    assert extractor.fingerprint != whole
    (clip / "model-2.safetensors").unlink()
    with pytest.raises(MetricInputError, match=r"lacks model-2\.safetensors"):
        TransformersClipExtractor(clip)


def test_a_hub_model_is_found_in_the_local_cache_or_asked_for(clip: Path) -> None:
    assert find_model(str(clip)) == clip
    with pytest.raises(MetricInputError, match="drawbench weights fetch nobody/nothing-at-all"):
        find_model("nobody/nothing-at-all")
    with pytest.raises(MetricInputError, match="neither a folder nor"):
        find_model("no such thing")
