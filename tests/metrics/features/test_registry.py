"""Entries: each is described and fingerprinted before its weights are there, and loads what it says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from metrics.features.extractor import Extractor
from metrics.features.registry import (
    ExtractorEntry,
    clip_fid,
    dinov2,
    inception,
    openai_clip,
    openai_clip_336,
    transformers_clip,
)
from metrics.features.weights import DINOV2_VIT_L_14, OPENAI_VIT_B_32
from tests.metrics.features.test_dinov2 import write_meta_file
from tests.metrics.stand_ins import write_transformers_clip

IMAGES = [np.random.default_rng(0).integers(0, 256, (260, 300, 3), dtype=np.uint8)]


def _entries() -> list[ExtractorEntry]:
    return [
        openai_clip(),
        openai_clip_336(),
        clip_fid(),
        dinov2(),
        inception("clean"),
        inception("legacy_tensorflow"),
    ]


def test_published_entries_have_names_digests_and_fingerprints_of_their_own() -> None:
    entries = _entries()
    assert len({entry.name for entry in entries}) == len({entry.fingerprint() for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.weights_sha256[:12] in entry.description


def test_clip_fid_sees_what_clean_fid_shows_its_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """clean-fid's preprocessing, written out here because its module imports OpenAI's package; and no unit norm."""
    from open_clip.model import CLIP
    from torchvision import transforms

    from metrics.features.clip.open_clip import named_config

    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path))
    small = {**named_config("ViT-B-32-quickgelu").model}
    small["vision_cfg"] = {**small["vision_cfg"], "layers": 1, "width": 64}
    small["text_cfg"] = {**small["text_cfg"], "layers": 1, "width": 64, "heads": 1, "vocab_size": 49408}
    monkeypatch.setattr("open_clip.get_model_config", lambda name: small)
    with torch.random.fork_rng(devices=[]):
        network = CLIP(**small).eval()
    torch.save(network.state_dict(), tmp_path / "ViT-B-32.pt")
    entry = clip_fid(replace(OPENAI_VIT_B_32, sha256=""))
    extractor = entry.load("cpu")
    from PIL import Image

    crop = transforms.Compose(
        [transforms.Resize(224, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224)]
    )
    pixels = torch.tensor(np.asarray(crop(Image.fromarray(IMAGES[0])))).permute(2, 0, 1).float()
    normalise = transforms.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
    with torch.no_grad():
        theirs = network.encode_image(normalise(pixels / 255)[None]).numpy()
    np.testing.assert_allclose(extractor(IMAGES), theirs, rtol=1e-4, atol=1e-6)
    assert abs(np.linalg.norm(theirs) - 1) > 0.1
    assert extractor.fingerprint == entry.fingerprint()


def test_an_entry_without_a_known_digest_is_fingerprinted_by_the_file_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path))
    write_meta_file(tmp_path / DINOV2_VIT_L_14.file)
    entry = dinov2(replace(DINOV2_VIT_L_14, sha256=""))
    extractor: Extractor = entry.load("cpu")
    assert entry.fingerprint() == extractor.fingerprint != dinov2().fingerprint()
    assert "unverified" in entry.description
    assert extractor(IMAGES).shape == (1, extractor.dimension)


def test_a_transformers_folder_is_an_entry_without_its_place(tmp_path: Path) -> None:
    entry = transformers_clip(str(write_transformers_clip(tmp_path / "mine")))
    assert entry.name == f"transformers-mine-{entry.weights_sha256[:8]}"
    assert str(tmp_path) not in entry.description
    extractor = entry.load("cpu")
    assert extractor.fingerprint == entry.fingerprint()
    assert extractor(IMAGES).shape == (1, extractor.dimension) == (1, 16)
