"""Protocols: named, versioned lists of metric definitions. Two scores compare only under equal fingerprints."""

import hashlib
import json
import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from drawbench.errors import UserError
from drawbench.results.scores import ProtocolRef
from drawbench.scoring.kinds.clip_score import CLIP_SCORE, CONSE_SCORE
from drawbench.scoring.kinds.diversity import DIVERSITY
from drawbench.scoring.kinds.frechet import FRECHET, FRECHET_INFINITY
from drawbench.scoring.kinds.inception_score import INCEPTION_SCORE
from drawbench.scoring.kinds.kernel import CMMD, KID
from drawbench.scoring.kinds.kind import MetricKind
from drawbench.scoring.kinds.manifold import MANIFOLD
from drawbench.scoring.kinds.retrieval import R_PRECISION
from drawbench.scoring.kinds.text_rendering import TEXT_RENDERING
from drawbench.scoring.learned import ALL_LEARNED, LEARNED
from drawbench.scoring.own import ASKED, FORMS, OWN_CLIP, clip_scorer
from metrics.errors import MetricInputError
from metrics.features.clip.open_clip import read_scorer_card
from metrics.features.ocr.entries import rapidocr, tesseract
from metrics.features.registry import (
    BUNDLED_FOLDER,
    ExtractorEntry,
    clip_fid,
    conse,
    dinov2,
    efficientnet,
    inception,
    openai_clip,
    openai_clip_336,
    scorer_folder,
)
from metrics.features.weights import INCEPTION, OPENAI_VIT_L_14, WeightsFile

BUNDLED_VERSION = 3  # a retrained scorer is a new version, in a folder of its own
BUNDLED_EXTENDED_VERSION = BUNDLED_VERSION + 2  # its extrapolation to infinitely many images has changed twice
# What a category of DrawBench turns on, by the name that the scorer's own test of single changes has for it.
TURNS_ON = {
    "Colors": ("colour", "binding"),
    "Conflicting": ("binding",),
    "Counting": ("count",),
    "Positional": ("place",),
    "Text": ("word",),
}
SEEN = 0.75  # of the trials in which it must tell such a change, for the category not to be marked
PUBLISHED_N = 30_000  # images behind a published FID-30K


@dataclass(frozen=True)
class MetricDefinition:
    """One metric of a protocol.

    metric: its name; for kinds that give several numbers, the name of the family.
    kind: what is computed, and all that is known of it.
    statistics: how an .npz of reference statistics for it must be marked in its file name; empty: any .npz will do.
    definition: one line with every choice that changes the number.
    blind: category -> what it depends on that the extractor is known not to see; for the note of that category's score.
    """

    metric: str
    kind: MetricKind
    extractor: ExtractorEntry
    definition: str
    statistics: str = ""
    blind: Mapping[str, str] = field(default_factory=dict, compare=False)

    def name_of(self, number: str) -> str:
        """What a number of the kind is called in score files."""
        return self.metric if number == self.kind.name else number


@dataclass(frozen=True)
class Protocol:
    """A list of metric definitions and the size at which images are evaluated.

    size: pixels, or None for the run's own size. Larger images, and reference images of any shape, are centre-cropped
    and resized to it. published_n: images behind the published numbers it is nearest to; 0 when there are none. spec:
    as a command takes it, where that is not its name.
    """

    name: str
    version: int
    label: str
    size: int | None
    metrics: tuple[MetricDefinition, ...]
    published_n: int = 0
    spec: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the version, the size and every definition with its extractor's fingerprint."""
        parts = [[m.metric, m.kind.name, m.definition, m.extractor.fingerprint()] for m in self.metrics]
        content = json.dumps([self.name, self.version, self.size, parts], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def ref(self) -> ProtocolRef:
        """As it stands in score files."""
        return ProtocolRef(name=self.name, version=self.version, fingerprint=self.fingerprint, spec=self.spec)


def bundled(folder: Path = BUNDLED_FOLDER) -> Protocol:
    """The scorer of this repository: CLIP score, and the Fréchet distance in its feature space. Needs no download."""
    label, scorer, common, blind = _bundled_parts(folder)
    return Protocol(
        name="bundled",
        version=BUNDLED_VERSION,
        label=label,
        size=None,
        metrics=_bundled_metrics(scorer, common, blind),
    )


def bundled_extended(folder: Path = BUNDLED_FOLDER) -> Protocol:
    """All kinds of metrics that the bundled scorer's features can serve, so that all of it runs without a download."""
    label, scorer, common, blind = _bundled_parts(folder)
    others: tuple[tuple[str, MetricKind, str], ...] = (
        ("r_precision", R_PRECISION, "R-precision of image and caption embeddings"),
        (
            "frechet_distance_infinity",
            FRECHET_INFINITY,
            "Fréchet distance at infinitely many images and references, not FID",
        ),
        ("kid", KID, "kernel distance of image embeddings, not KID on Inception"),
        ("cmmd", CMMD, "kernel distance of image embeddings, not CMMD on CLIP"),
        ("manifold", MANIFOLD, "precision, recall, density, coverage of image embeddings"),
        ("diversity", DIVERSITY, "diversity of the images of a prompt, by their embeddings"),
    )
    return Protocol(
        name="bundled-extended",
        version=BUNDLED_EXTENDED_VERSION,
        label=label,
        size=None,
        metrics=(
            *_bundled_metrics(scorer, common, blind),
            *(MetricDefinition(name, kind, scorer, f"{words}; {common}") for name, kind, words in others),
        ),
    )


def _bundled_parts(folder: Path) -> tuple[str, ExtractorEntry, str, Mapping[str, str]]:
    """Label, scorer, what every definition on it says, and what it is blind to, by category."""
    scorer, card = scorer_folder(folder), read_scorer_card(folder)
    if (found := card["version"]) != BUNDLED_VERSION:
        raise MetricInputError(
            f"{folder} holds version {found} of the scorer, where protocol bundled is defined by version "
            f"{BUNDLED_VERSION}: restore the scorer's folder"
        )
    label = "bundled scorer, never comparable with published numbers"
    common = f"{label}; {scorer.description}; images at the run's own size, then the scorer's own resize"
    return label, scorer, common, _blind(card)


def _blind(card: Mapping[str, Any]) -> dict[str, str]:
    """Category -> what it turns on and the scorer misses, by its own test, which is in its card; of two, the last."""
    trials = card.get("training", {}).items()
    told = {
        (category, change): min([share for name, share in trials if name.endswith(f": told {change}")], default=1.0)
        for category, changes in TURNS_ON.items()
        for change in changes
    }
    return {
        category: f"the scorer tells a wrong {change} in {share:.0%} of trials only, half is chance"
        for (category, change), share in told.items()
        if share < SEEN
    }


def _bundled_metrics(scorer: ExtractorEntry, common: str, blind: Mapping[str, str]) -> tuple[MetricDefinition, ...]:
    return (
        MetricDefinition("clip_score", CLIP_SCORE, scorer, f"CLIP score; {common}", blind=blind),
        MetricDefinition(
            "frechet_distance", FRECHET, scorer, f"Fréchet distance of image embeddings, not FID; {common}"
        ),
    )


def imagen(inception_weights: WeightsFile = INCEPTION, clip_weights: WeightsFile = OPENAI_VIT_L_14) -> Protocol:
    """The nearest to the paper's evaluation that public weights allow; see docs/protocol.md for what it leaves open."""
    crop = "central square, Pillow bicubic to 256 px"
    clip = openai_clip(clip_weights)
    tensorflow, clean = (inception(mode, inception_weights) for mode in ("legacy_tensorflow", "clean"))
    return Protocol(
        name="imagen",
        version=1,
        label="the nearest to the Imagen paper's evaluation",
        size=256,
        metrics=(
            MetricDefinition("clip_score", CLIP_SCORE, clip, f"CLIP score; {clip.description}; {crop}"),
            MetricDefinition(
                "fid_legacy_tensorflow",
                FRECHET,
                tensorflow,
                f"FID; {tensorflow.description}; {crop}",
                "legacy_tensorflow",
            ),
            MetricDefinition("fid_clean", FRECHET, clean, f"FID; {clean.description}; {crop}", "clean"),
        ),
        published_n=PUBLISHED_N,
    )


def extended() -> Protocol:
    """imagen's metrics, and every other one of this package on the features its authors or its users take it on."""
    nearest = imagen()
    crop = "central square, Pillow bicubic to 256 px"
    pytorch, tensorflow, clean = (inception(mode) for mode in ("legacy_pytorch", "legacy_tensorflow", "clean"))
    clip, clip_raw, clip_336, dino = openai_clip(), clip_fid(), openai_clip_336(), dinov2()
    others: tuple[tuple[str, MetricKind, ExtractorEntry, str, str], ...] = (
        ("fid_legacy_pytorch", FRECHET, pytorch, "FID", "legacy_pytorch"),
        (
            "fid_infinity",
            FRECHET_INFINITY,
            tensorflow,
            "FID at infinitely many images and references",
            "legacy_tensorflow",
        ),
        ("clip_fid", FRECHET, clip_raw, "CLIP-FID", "clip_vit_b_32"),
        ("fd_dinov2", FRECHET, dino, "FD-DINOv2", "dinov2"),
        ("kid", KID, clean, "KID", ""),
        ("cmmd", CMMD, clip_336, "CMMD", ""),
        ("manifold", MANIFOLD, dino, "precision, recall, density, coverage", ""),
        ("inception_score", INCEPTION_SCORE, tensorflow, "Inception Score", ""),
        ("r_precision", R_PRECISION, clip, "R-precision", ""),
        ("diversity", DIVERSITY, dino, "diversity of the images of a prompt", ""),
    )
    return Protocol(
        name="extended",
        version=3,
        label="imagen's metrics and the others in use",
        size=nearest.size,
        metrics=(
            *nearest.metrics,
            *(
                MetricDefinition(name, kind, entry, f"{words}; {entry.description}; {crop}", mark)
                for name, kind, entry, words, mark in others
            ),
        ),
        published_n=PUBLISHED_N,
    )


def offline() -> Protocol:
    """Real networks that come inside packages: classes and features of ImageNet, for a machine without a model hub."""
    label = "networks from packages (extra offline), never comparable with published numbers"
    features, classes = efficientnet(), conse()
    metrics: tuple[tuple[str, MetricKind, ExtractorEntry, str], ...] = (
        ("conse_score", CONSE_SCORE, classes, "ConSE score, no CLIP score"),
        ("r_precision", R_PRECISION, classes, "R-precision of ConSE embeddings"),
        ("frechet_distance", FRECHET, features, "Fréchet distance of EfficientNet features, not FID"),
        ("kid", KID, features, "kernel distance of EfficientNet features, not KID on Inception"),
        ("manifold", MANIFOLD, features, "precision, recall, density, coverage of EfficientNet features"),
    )
    size = "images at the run's own size, then the network's own resize"
    return Protocol(
        name="offline",
        version=2,
        label=label,
        size=None,
        metrics=(
            *(
                MetricDefinition(name, kind, entry, f"{words}; {label}; {entry.description}; {size}")
                for name, kind, entry, words in metrics
            ),
            *_text_rendering(rapidocr()),
        ),
    )


def _text_rendering(engine: ExtractorEntry) -> tuple[MetricDefinition, ...]:
    """How much of the text that prompts ask for an engine reads."""
    definition = f"text rendering; {engine.description}; images at the run's own size"
    return tuple(MetricDefinition(kind.name, kind, engine, definition) for kind in TEXT_RENDERING)


def text_rendering(engine: Callable[[], ExtractorEntry]) -> Protocol:
    """Text rendering alone, by one engine. Raises MetricInputError where that is a program that is not here."""
    entry = engine()
    label = f"text rendering, read by {entry.description.partition(',')[0]}"
    return Protocol(f"ocr-{entry.name}", 1, label, size=None, metrics=_text_rendering(entry))


def learned(name: str, place: str = "") -> Protocol:
    """One scorer that was trained on people's choices or ratings, alone; docs/scorers.md says what each asks.

    place: the folder or file that holds its weights; empty for the published files, wherever weights are looked for.
    Raises MetricInputError when a place lacks them.
    """
    kind, scorer = LEARNED[name]
    entry = scorer.at(Path(place).expanduser()) if place else scorer.published()
    definition = f"{entry.description}; images at the run's own size, then the scorer's own resize"
    return _alone(kind, entry, f"{scorer.title}, trained on what people chose or rated", definition)


def _alone(kind: MetricKind, entry: ExtractorEntry, label: str, definition: str) -> Protocol:
    """The protocol of one scorer, by its name."""
    metric = MetricDefinition(kind.name, kind, entry, definition)
    return Protocol(name=entry.name, version=1, label=label, size=None, metrics=(metric,))


PROTOCOLS: dict[str, Callable[[], Protocol]] = {
    "bundled": bundled,
    "bundled-extended": bundled_extended,
    "offline": offline,
    "imagen": imagen,
    "extended": extended,
    "ocr-rapidocr": partial(text_rendering, rapidocr),
    **{name: partial(learned, name) for name in LEARNED},
}
# Those whose definitions hold what this machine has, so that they are others elsewhere.
OF_THIS_MACHINE: dict[str, Callable[[], Protocol]] = {"ocr-tesseract": partial(text_rendering, tesseract)}
# All but those of the user's own, as they are listed: a ChainMap begins with its last.
NAMED = ChainMap(OF_THIS_MACHINE, PROTOCOLS)


def own_clip(spec: str) -> Protocol:
    """CLIP score and R-precision under a scorer of the user's own: what follows `clip:` in a protocol's name.

    spec: as for `clip_scorer`. Raises MetricInputError when there is no such model.
    """
    scorer = clip_scorer(spec)
    common = f"{scorer.description}; images at the run's own size, then the scorer's own resize"
    return Protocol(
        name=scorer.name,
        version=1,
        label=f"a scorer of the user's choice: {scorer.description}",
        size=None,
        metrics=(
            MetricDefinition("clip_score", CLIP_SCORE, scorer, f"CLIP score; {common}"),
            MetricDefinition(
                "r_precision", R_PRECISION, scorer, f"R-precision of image and caption embeddings; {common}"
            ),
        ),
    )


def own_asked(kind: str, spec: str) -> Protocol:
    """One metric of the user's own that reads an image with its prompt: `ASKED` says which there are.

    Raises UserError for a spec of another form; MetricInputError for files and models that are none.
    """
    found = ASKED[kind](spec)
    described = found.entry.description
    label = f"{found.words}, by models of the user's choice: {described}"
    definition = f"{found.words}; {described}; images at the run's own size, then the models' own resize"
    return _alone(found.kind, found.entry, label, definition)


OWN: dict[str, Callable[[str], Protocol]] = {
    OWN_CLIP: own_clip,
    **{kind: partial(own_asked, kind) for kind in ASKED},
    **{name: partial(learned, name) for name in LEARNED},
}


def get_protocol(name: str, size: int | None = None) -> Protocol:
    """The protocol of that name, current version. size: pixels of the images that it is for, where they are known.

    Raises UserError that lists the names there are, and where the protocol needs larger images.
    """
    kind, _, spec = name.partition(":")
    if name == ALL_LEARNED or ("," in name and not spec):
        several = LEARNED if name == ALL_LEARNED else name.split(",")
        raise UserError(f"{name} stands for several protocols: name one of {', '.join(several)}")
    if not (kind in OWN and spec) and name not in NAMED:
        names = ", ".join([*NAMED, *FORMS])
        raise UserError(f"there is no protocol {name!r}: use one of {names}")
    protocol = NAMED[name]() if name in NAMED else replace(OWN[kind](spec), spec=_without_places(name))
    if protocol.size and size and size < protocol.size:
        raise UserError(
            f"protocol {name} evaluates at {protocol.size} px, and {size} px are asked for: "
            f"give --size {protocol.size} or more, or another --protocol."
        )
    return protocol


def _without_places(spec: str) -> str:
    """A protocol as it is typed, with files and folders by their names: their places are of one machine."""
    kind, _, rest = spec.partition(":")
    parts = (Path(part).name if _is_a_place(part) else part for part in re.split(r"([=@+])", rest))
    return f"{kind}:{''.join(parts)}"


def _is_a_place(part: str) -> bool:
    return part.startswith((".", "/", "~")) or Path(part).exists()
