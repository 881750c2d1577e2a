"""The protocols by name."""

import re
from collections import ChainMap
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from drawbench.errors import UserError
from drawbench.scoring.bundled import bundled, bundled_extended
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
from drawbench.scoring.protocol import MetricDefinition, Protocol
from metrics.features.ocr.entries import rapidocr, tesseract
from metrics.features.registry import (
    ExtractorEntry,
    clip_fid,
    conse,
    dinov2,
    efficientnet,
    inception,
    openai_clip,
    openai_clip_336,
)
from metrics.features.weights import INCEPTION, OPENAI_VIT_L_14, WeightsFile

PUBLISHED_N = 30_000  # images behind a published FID-30K


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

    It may stand in quotation marks, as in a list of several. Raises UserError that lists the names there are, and
    where the protocol needs larger images.
    """
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1].replace('""', '"')
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
