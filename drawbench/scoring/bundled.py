"""The protocols on the scorer of this repository."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drawbench.scoring.kinds.clip_score import CLIP_SCORE
from drawbench.scoring.kinds.diversity import DIVERSITY
from drawbench.scoring.kinds.frechet import FRECHET, FRECHET_INFINITY
from drawbench.scoring.kinds.kernel import CMMD, KID
from drawbench.scoring.kinds.kind import MetricKind
from drawbench.scoring.kinds.manifold import MANIFOLD
from drawbench.scoring.kinds.retrieval import R_PRECISION
from drawbench.scoring.protocol import MetricDefinition, Protocol
from metrics.errors import MetricInputError
from metrics.features.clip.open_clip import read_scorer_card
from metrics.features.registry import (
    BUNDLED_FOLDER,
    ExtractorEntry,
    scorer_folder,
)

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
