"""The extractors that protocols are made of: entries that are described and fingerprinted before anything is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from metrics.errors import MetricInputError
from metrics.features.clip.evidence import claims_a_tag, evidence
from metrics.features.clip.open_clip import folder_config, load_folder, load_named, named_config, read_scorer_card
from metrics.features.clip.published import reading
from metrics.features.clip.transformers import (
    TransformersClipExtractor,
    find_model,
    folder_fingerprint,
    read_config,
    weights_digest,
)
from metrics.features.conse import LIKELIEST, ConseExtractor, conse_fingerprint
from metrics.features.dinov2 import Dinov2Extractor, dinov2_fingerprint
from metrics.features.efficientnet import EfficientNetExtractor, efficientnet_fingerprint
from metrics.features.inception.extractor import InceptionExtractor, default_weights, inception_fingerprint
from metrics.features.inception.resize import PREPROCESSING, Mode
from metrics.features.minilm import CONTEXT
from metrics.features.packaged import EFFICIENTNET_LITE0, MINILM_L6, PackagedFile
from metrics.features.weights import (
    DINOV2_VIT_L_14,
    OPENAI_VIT_B_32,
    OPENAI_VIT_L_14,
    OPENAI_VIT_L_14_336,
    WeightsFile,
    check_weights,
    file_sha256,
    find_weights,
)

BUNDLED_FOLDER = Path(__file__).resolve().parent.parent / "weights" / "bundled_v3"
_EFFICIENTNET = (
    f"EfficientNet-Lite0 on ImageNet ({EFFICIENTNET_LITE0.sha256[:12]}), shorter edge to 256 px by Pillow bicubic, "
    "central 224 px, values in [-1, 1]"
)


@dataclass(frozen=True)
class ExtractorEntry:
    """An extractor that can be described, fingerprinted, and loaded onto a device.

    description: network, weights with the first digits of their SHA-256, layer and preprocessing, for a definition.
    origin: how it is known whose weights these are; caution: what must be known beside every number. Neither is part of
    the definition that protocols fingerprint: they may be better known elsewhere.
    packaged: the files of packages that hold its weights. files: the published ones that it looks for.
    reads_prompts: whether it looks at an image together with its prompt: then `load` gives a `PromptReader`.
    applies_to: whether it has anything to say of a prompt, by its text; None: of every one.
    fingerprint, load: called when needed, the former once; both raise MetricInputError when files are missing or wrong.
    load: the `Extractor` on a device.
    """

    name: str
    description: str
    weights_sha256: str
    fingerprint: Callable[[], str]
    load: Callable[[str], Any]
    origin: str = ""
    caution: str = ""
    packaged: tuple[PackagedFile, ...] = ()
    files: tuple[WeightsFile, ...] = ()
    reads_prompts: bool = False
    applies_to: Callable[[str], object] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", cache(self.fingerprint))

    def check_files(self) -> None:
        """Load nothing, and raise MetricInputError where a file that would be loaded is missing or wrong."""
        for file in self.files:
            check_weights(find_weights(file), file.sha256)
        for packaged in self.packaged:
            packaged.checked()


def scorer_folder(folder: Path = BUNDLED_FOLDER) -> ExtractorEntry:
    """The CLIP scorer of a folder, by default the bundled one."""
    card = read_scorer_card(folder)
    sha256 = str(card["sha256"])
    description = (
        f"{card['name']} version {card['version']} ({sha256[:12]}), {card['tokenizer']} tokenizer of "
        f"{card['context_length']} tokens, unit-norm embeddings"
    )
    load = partial(load_folder, folder)
    return ExtractorEntry("scorer", description, sha256, lambda: folder_config(folder).fingerprint(sha256), load)


def openai_clip(weights: WeightsFile = OPENAI_VIT_L_14) -> ExtractorEntry:
    """OpenAI's CLIP ViT-L/14 in open_clip's QuickGELU configuration."""
    return _openai_entry("openai-vit-l-14", "ViT-L-14-quickgelu", "OpenAI CLIP ViT-L/14", "bicubic 224 px", weights)


def openai_clip_336(weights: WeightsFile = OPENAI_VIT_L_14_336) -> ExtractorEntry:
    """CMMD's network: OpenAI's CLIP ViT-L/14 at 336 px. Its authors squash images that are not square; we crop."""
    name = "ViT-L-14-336-quickgelu"
    return _openai_entry("openai-vit-l-14-336", name, "OpenAI CLIP ViT-L/14 at 336 px", "bicubic 336 px", weights)


def clip_fid(weights: WeightsFile = OPENAI_VIT_B_32) -> ExtractorEntry:
    """CLIP-FID's features (Kynkäänniemi et al. 2023) as clean-fid takes them: projected, not scaled to unit norm."""
    preprocessing = "shorter edge to 224 px by Pillow bicubic, centre crop, 8 bits; embeddings not normalised"
    return _openai_entry(
        "clip-fid-vit-b-32", "ViT-B-32-quickgelu", "OpenAI CLIP ViT-B/32", preprocessing, weights, unit_norm=False
    )


def _openai_entry(
    name: str, model: str, title: str, preprocessing: str, weights: WeightsFile, unit_norm: bool = True
) -> ExtractorEntry:
    return ExtractorEntry(
        name,
        f"{title} ({weights.sha256[:12] or 'unverified'}), QuickGELU, 77 tokens, {preprocessing}",
        weights.sha256,
        lambda: named_config(model, unit_norm).fingerprint(weights.sha256 or _found_digest(weights)),
        lambda device: load_named(model, find_weights(weights), weights.sha256, device, unit_norm),
        files=(weights,),
    )


def dinov2(weights: WeightsFile = DINOV2_VIT_L_14) -> ExtractorEntry:
    """FD-DINOv2's features (Stein et al. 2023): DINOv2 ViT-L/14."""
    return ExtractorEntry(
        "dinov2-vit-l-14",
        f"DINOv2 ViT-L/14 ({weights.sha256[:12] or 'unverified'}), class token after the final norm, "
        "Pillow bicubic to 224 px, ImageNet normalisation",
        weights.sha256,
        lambda: dinov2_fingerprint(weights.sha256 or _found_digest(weights)),
        lambda device: Dinov2Extractor(find_weights(weights), weights.sha256, device),
        files=(weights,),
    )


def efficientnet() -> ExtractorEntry:
    """EfficientNet-Lite0's pooled features, its weights from a package."""
    return ExtractorEntry(
        "efficientnet-lite0",
        f"{_EFFICIENTNET}, 1280 pooled features",
        EFFICIENTNET_LITE0.sha256,
        efficientnet_fingerprint,
        EfficientNetExtractor,
        packaged=(EFFICIENTNET_LITE0,),
    )


def conse() -> ExtractorEntry:
    """ConSE: EfficientNet-Lite0's likeliest classes by the MiniLM embeddings of their names, both from packages."""
    return ExtractorEntry(
        "conse",
        f"ConSE (Norouzi et al. 2014): {_EFFICIENTNET}, its {LIKELIEST} likeliest of 1,000 classes weighted by "
        f"probability, names and captions by all-MiniLM-L6-v2 ({MINILM_L6.sha256[:12]}), mean of at most "
        f"{CONTEXT} tokens",
        EFFICIENTNET_LITE0.sha256,
        conse_fingerprint,
        ConseExtractor,
        packaged=(EFFICIENTNET_LITE0, MINILM_L6),
    )


def transformers_clip(spec: str) -> ExtractorEntry:
    """Any CLIP, SigLIP or SigLIP 2 of transformers: a folder, or a hub id that is in the local hub cache.

    Raises MetricInputError when there are none.
    """
    folder = find_model(spec)
    sha256 = weights_digest(folder)
    model_type = read_config(folder)["model_type"]
    # A folder's place on this machine is no part of a definition.
    name = folder.name if Path(spec).is_dir() else spec
    description = f"transformers {model_type} {name} ({sha256[:12]}), its own Pillow preprocessing and tokenizer"
    entry = f"transformers-{name.replace('/', '--')}-{sha256[:8]}"
    load = partial(TransformersClipExtractor, folder, spec)
    return ExtractorEntry(entry, description, sha256, lambda: folder_fingerprint(folder), load)


def open_clip_model(name: str, weights: Path) -> ExtractorEntry:
    """An open_clip model by `MODEL/TAG`, or `MODEL` where all published weights are read alike, and a weights file.

    Raises MetricInputError when open_clip knows no such name, it leaves several readings, there is no such file, or the
    file is known to be of another tag.
    """
    if not weights.is_file():
        raise MetricInputError(f"the weights file {weights} of {name} is missing: name a file that is there")
    config, sha256 = named_config(name), file_sha256(weights)
    how = "; ".join(reading(config.model, config.preprocess))
    description = f"open_clip {name}, weights {weights.name} ({sha256[:12]}), {config.context_length} tokens, {how}"
    entry = f"open-clip-{name.replace('/', '--')}-{sha256[:8]}"  # weights of one configuration are many
    load = partial(load_named, name, weights, sha256)
    known = evidence(name, weights, sha256)
    caution = ""
    if claims_a_tag(name) and not known:
        caution = f"that {weights.name} holds the weights of {name} could not be verified: the command alone says so"
    return ExtractorEntry(
        entry,
        description,
        sha256,
        lambda: config.fingerprint(sha256),
        load,
        origin=known or ("weights not verified" if caution else ""),
        caution=caution,
    )


def _found_digest(weights: WeightsFile) -> str:
    return check_weights(find_weights(weights), weights.sha256)


def inception(mode: Mode, weights: WeightsFile | None = None) -> ExtractorEntry:
    """FID's Inception under one of clean-fid's resize modes, by default from the file that clean-fid uses for it."""
    weights = weights or default_weights(mode)
    digest = weights.sha256[:12] or "unverified"
    description = f"FID Inception {weights.file} ({digest}), pool features, {mode}: {PREPROCESSING[mode]}"
    load = partial(InceptionExtractor.load, mode, weights=weights)
    return ExtractorEntry(
        f"inception-{mode}",
        description,
        weights.sha256,
        lambda: inception_fingerprint(mode, weights.sha256 or _found_digest(weights)),
        load,
        files=(weights,),
    )
