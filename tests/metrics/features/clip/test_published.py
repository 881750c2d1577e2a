"""Published weights of open_clip are read as their tag says, all of them, and never by a guess."""

import re
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from open_clip.pretrained import get_pretrained_cfg
from PIL import Image

from metrics.errors import MetricInputError
from metrics.features.clip.open_clip import load_named, named_config
from metrics.features.clip.published import reading
from metrics.features.registry import open_clip_model
from tests.metrics.stand_ins import TINY_CLIP, tiny_clip_network

FIELDS = ("mean", "std", "interpolation", "resize_mode")
OTHER = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4), "interpolation": "bilinear", "resize_mode": "squash"}


def readable_models() -> list[str]:
    """Models with published weights and CLIP's own tokenizer."""
    configs = {model: open_clip.get_model_config(model) for model in dict(open_clip.list_pretrained())}
    return [
        model
        for model, config in configs.items()
        if not config["text_cfg"].get("hf_tokenizer_name") and "multimodal_cfg" not in config
    ]


def tags_reading(model: str, tag: str) -> tuple[object, ...]:
    """What open_clip's own table says: activation and preprocessing."""
    published = get_pretrained_cfg(model, tag)
    return bool(published.get("quick_gelu", False)), *(published[field] for field in FIELDS)


def our_reading(name: str) -> tuple[object, ...]:
    config = named_config(name)
    values = [config.preprocess[field] for field in FIELDS]
    return bool(config.model.get("quick_gelu", False)), *(tuple(v) if isinstance(v, list) else v for v in values)


@pytest.mark.parametrize("model", readable_models())
def test_every_published_weights_file_is_read_as_open_clips_table_says(model: str) -> None:
    """By tag always; by the model's name alone only where all its tags and its configuration leave one reading."""
    tags = open_clip.list_pretrained_tags_by_model(model)
    readings = {tag: tags_reading(model, tag) for tag in tags}
    size = open_clip.get_model_config(model)["vision_cfg"]["image_size"]
    for tag in tags:
        assert our_reading(f"{model}/{tag}") == readings[tag]
        assert named_config(f"{model}/{tag}").preprocess["size"] == size
    activation = bool(open_clip.get_model_config(model).get("quick_gelu", False))
    if len(set(readings.values())) == 1 and readings[tags[0]][0] == activation:
        assert our_reading(model) == readings[tags[0]]
        return
    with pytest.raises(MetricInputError, match=re.escape(f"clip:{model}/{tags[0]}=FILE")) as refused:
        named_config(model)
    assert all(tag in str(refused.value) for tag in tags)


def test_the_refusal_groups_the_tags_by_what_differs() -> None:
    with pytest.raises(MetricInputError) as refused:
        named_config("ViT-L-14")
    said = str(refused.value)
    assert "; GELU, mean 0.5 0.5 0.5, std 0.5 0.5 0.5: laion2b_s32b_b82k)" in said
    assert "QuickGELU, mean 0.48145466 0.4578275 0.40821073, std 0.26862954 0.26130258 0.27577711: openai, " in said
    assert "dfn2b_s39b, own" in said
    assert "224 px" not in said  # nothing of what is the same for all


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ViT-L-14/laion3b", "no weights 'laion3b' of ViT-L-14: name one of openai, .*own"),
        ("ViT-L-14/", "no weights '' of ViT-L-14"),
        ("ViT-L/14", "no model ViT-L:"),
        ("hf-hub:laion/CLIP", "no model hf-hub:laion"),
        ("local-dir:weights", "no model local-dir:weights"),
    ],
)
def test_names_that_leave_open_what_is_read_are_refused(name: str, said: str) -> None:
    with pytest.raises(MetricInputError, match=said):
        named_config(name)


def test_own_weights_are_read_with_open_clips_defaults() -> None:
    for model, activation in (("ViT-L-14", "GELU"), ("ViT-L-14-quickgelu", "QuickGELU"), ("ViT-S-16", "GELU")):
        config = named_config(f"{model}/own")
        assert reading(config.model, config.preprocess) == (
            activation,
            "bicubic, shorter edge to 224 px, centre crop",
            "mean 0.48145466 0.4578275 0.40821073",
            "std 0.26862954 0.26130258 0.27577711",
        )


def test_a_tag_and_the_configuration_of_its_activation_are_one_extractor() -> None:
    tagged, quick = named_config("ViT-L-14/openai"), named_config("ViT-L-14-quickgelu")
    assert tagged.fingerprint("a" * 64) == quick.fingerprint("a" * 64)
    assert tagged.fingerprint("a" * 64) != named_config("ViT-L-14/laion2b_s32b_b82k").fingerprint("a" * 64)


@pytest.mark.parametrize("quick", [False, True], ids=["gelu", "quickgelu"])
@pytest.mark.parametrize("tag", ["usual", "other"])
def test_embeddings_are_those_of_open_clip_for_the_tag(
    quick: bool, tag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tiny network published under two tags; open_clip loads it, and transforms images, by its own means."""
    config = {**TINY_CLIP, "text_cfg": {**TINY_CLIP["text_cfg"], "vocab_size": 49408}}
    usual = {field: get_pretrained_cfg("ViT-B-32", "openai")[field] for field in FIELDS}
    tags = {"usual": {**usual, "quick_gelu": quick}, "other": {**OTHER, "quick_gelu": quick}}
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", config)
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny", tags)
    weights = tmp_path / "tiny.pt"
    torch.save(tiny_clip_network(0, config).state_dict(), weights)
    monkeypatch.setattr("open_clip.factory.download_pretrained", lambda *args, **kwargs: str(weights))
    network, transform = open_clip.create_model_from_pretrained("tiny", tag, force_quick_gelu=quick)
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 64, 3), dtype=np.uint8)
    with torch.no_grad():
        pixels = torch.stack([transform(Image.fromarray(image)) for image in images])
        expected = network.eval().encode_image(pixels, normalize=True).numpy()
        texts = network.encode_text(open_clip.get_tokenizer("tiny")(["a cat"]), normalize=True).numpy()
    extractor = load_named(f"tiny/{tag}", weights)
    np.testing.assert_allclose(extractor(images), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(extractor.encode_texts(["a cat"]), texts, rtol=1e-5, atol=1e-6)
    assert np.abs(load_named("tiny/own", weights)(images) - expected).max() > 1e-4 or (tag, quick) == ("usual", False)
    entry = open_clip_model(f"tiny/{tag}", weights)
    assert entry.name.startswith(f"open-clip-tiny--{tag}-")
    assert ("QuickGELU" in entry.description) == quick
    assert ("bilinear, squashed to 32 px; mean 0.5 0.4 0.3; std 0.2 0.3 0.4" in entry.description) == (tag == "other")
