"""The extractors that protocols are made of: entries that are described and fingerprinted before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from metrics.features.clip import ClipExtractor, folder_config, load_folder, load_named, named_config, read_scorer_card
from metrics.features.extractor import Extractor
from metrics.features.inception import PREPROCESSING, InceptionExtractor, Mode, inception_fingerprint
from metrics.features.weights import INCEPTION, OPENAI_VIT_L_14, WeightsFile, find_weights

BUNDLED_FOLDER = Path(__file__).resolve().parent.parent / "weights" / "bundled_v1"
OPENAI_MODEL = "ViT-L-14-quickgelu"


@dataclass(frozen=True)
class ExtractorEntry:
    """An extractor that can be described, fingerprinted, and loaded onto a device.

    description: network, weights with the first digits of their SHA-256, layer and preprocessing, for a definition.
    fingerprint, load: called when needed; both raise MetricInputError when files are missing or wrong.
    """

    name: str
    description: str
    weights_sha256: str
    fingerprint: Callable[[], str]
    load: Callable[[str], Extractor]


def scorer_folder(folder: Path = BUNDLED_FOLDER) -> ExtractorEntry:
    """The CLIP scorer of a folder, by default the bundled one."""
    card = read_scorer_card(folder)
    sha256 = str(card["sha256"])

    def load(device: str) -> ClipExtractor:
        return load_folder(folder, device)

    description = (
        f"{card['name']} version {card['version']} ({sha256[:12]}), {card['tokenizer']} tokenizer of "
        f"{card['context_length']} tokens, unit-norm embeddings"
    )
    return ExtractorEntry("scorer", description, sha256, lambda: folder_config(folder).fingerprint(sha256), load)


def openai_clip(weights: WeightsFile = OPENAI_VIT_L_14) -> ExtractorEntry:
    """OpenAI's CLIP ViT-L/14 in open_clip's QuickGELU configuration."""

    def load(device: str) -> ClipExtractor:
        return load_named(OPENAI_MODEL, find_weights(weights), weights.sha256, device)

    description = f"OpenAI CLIP ViT-L/14 ({weights.sha256[:12]}), QuickGELU, 77 tokens, bicubic 224 px"
    return ExtractorEntry(
        "openai-vit-l-14",
        description,
        weights.sha256,
        lambda: named_config(OPENAI_MODEL).fingerprint(weights.sha256),
        load,
    )


def inception(mode: Mode, weights: WeightsFile = INCEPTION) -> ExtractorEntry:
    """FID's Inception under one of clean-fid's resize modes."""

    def load(device: str) -> InceptionExtractor:
        return InceptionExtractor.load(mode, device, weights=weights)

    description = (
        f"{weights.file} ({weights.sha256[:12] or 'unverified'}), pool features, {mode}: {PREPROCESSING[mode]}"
    )
    return ExtractorEntry(
        f"inception-{mode}", description, weights.sha256, lambda: inception_fingerprint(mode, weights.sha256), load
    )
