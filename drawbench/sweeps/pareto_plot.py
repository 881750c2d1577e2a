"""FID-CLIP curves over guidance (Imagen, fig. 4): a point per setting, its intervals, and the best one marked."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbench.pages.labels import beneath
from drawbench.plot_style import (
    BEHIND,
    INK,
    MARK,
    SERIES,
    SOFT,
    STYLE,
    TITLE,
    WHISKER,
    PointLabel,
    tidy,
    write_figure,
    write_labels,
)
from drawbench.results.scores import OVERALL, Score
from drawbench.sweeps import GUIDANCE
from drawbench.sweeps.sweep import SweepPoint
from drawbench.tables.headers import CLIP_SCORE, distances

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A colour, a marker and a dash for each curve: they differ for every eye, and in black and white.
LOOKS: tuple[tuple[str, str, Any], ...] = tuple(
    zip(SERIES, "os^DvP", ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1))), strict=True)
)
STAR, WIDER = 13, 8  # points of a star, and by how much the next is wider that shares its place
WIDE = 8  # times the smallest distance, from which on the axis is logarithmic
CAPTION_LETTERS = 125  # in a line
DIGEST = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{32,}\b")  # in a label, its first 8 digits are enough
Y_NAMES = {
    "fid_legacy_tensorflow": "FID (legacy_tensorflow)",
    "fid_clean": "FID (clean)",
    "frechet_distance": "Fréchet distance, bundled scorer (not FID)",
}

# (name, value) of all that makes another model of one, but for what a label says.
Facts = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class CurvePoint:
    """One setting: its two scores, and what is written beside it."""

    label: str
    clip: Score
    distance: Score


@dataclass(frozen=True)
class Curve:
    """One model at one combination of all settings but guidance, in the order of guidance."""

    name: str
    points: tuple[CurvePoint, ...]

    @property
    def best(self) -> CurvePoint:
        """The point of the smallest distance; of equal ones the one of the highest CLIP score."""
        return min(self.points, key=lambda point: (point.distance.value, -point.clip.value))


def curves(points: Sequence[SweepPoint]) -> list[Curve]:
    """One curve per model and combination of the other settings; none where points have no distance.

    A name that several would have is followed by what not all of these share: spec, fixed settings, revision, weights.
    """
    grouped: dict[tuple[str, Facts], list[CurvePoint]] = {}
    for point in points:
        clip, distance = point.result.score(CLIP_SCORE, OVERALL), _distance(point)
        if clip is None or distance is None:
            continue
        curve_point = CurvePoint(point.settings.get(GUIDANCE, ""), clip, distance)
        grouped.setdefault((_label(point), _facts(point)), []).append(curve_point)
    return [
        Curve(
            _told_apart(label, facts, [other for name, other in grouped if name == label]),
            tuple(sorted(group, key=_guidance)),
        )
        for (label, facts), group in grouped.items()
    ]


def write_plots(points: Sequence[SweepPoint], folder: Path) -> list[Path]:
    """Write pareto.svg and pareto.png and return their paths; equal points give equal files. None without curves."""
    from matplotlib import rc_context

    drawn = curves(points)
    if not drawn:
        return []
    with rc_context(STYLE):  # type: ignore[arg-type]  # plain text is no Literal
        figure = pareto_figure(drawn, _heading(points), _caption(points))
        return write_figure(figure, folder, "pareto")


def pareto_figure(drawn: Sequence[Curve], heading: str, caption: str) -> "Figure":
    """CLIP score to the right, distance upwards, as in the paper: a better model lies further down and to the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 5 + 0.2 * len(drawn)), layout="constrained")
    axes = figure.add_subplot()
    for number, curve in enumerate(drawn):
        _draw(axes, curve, LOOKS[number % len(LOOKS)])
    metric = drawn[0].points[0].distance.metric
    axes.set_xlabel("CLIP score (mean raw cosine; higher is better) →")
    axes.set_ylabel(f"← {Y_NAMES.get(metric, metric)}; lower is better")  # turned, the arrow points down
    if _is_wide([point.distance.value for curve in drawn for point in curve.points]):
        _logarithmic(axes)
    tidy(axes, "both")
    axes.margins(0.08)
    figure.suptitle(heading, x=0.01, ha="left", fontsize=TITLE)
    axes.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    figure.supxlabel(textwrap.fill(caption, CAPTION_LETTERS), x=0.01, ha="left", fontsize=7.5, color=SOFT)
    figure.draw_without_rendering()  # places the axes, and so the points
    _draw_stars(axes, drawn)
    write_labels(figure, axes, _labels(axes, drawn))
    return figure


def _draw(axes: "Axes", curve: Curve, look: tuple[str, str, Any]) -> None:
    colour, marker, dashes = look
    x, y = [p.clip.value for p in curve.points], [p.distance.value for p in curve.points]
    axes.errorbar(
        x,
        y,
        xerr=_whiskers([p.clip for p in curve.points]),
        yerr=_whiskers([p.distance for p in curve.points]),
        ecolor=colour,
        alpha=BEHIND,
        **WHISKER,
    )
    axes.plot(x, y, color=colour, marker=marker, markersize=MARK, linestyle=dashes, linewidth=1.4, label=curve.name)


def _draw_stars(axes: "Axes", drawn: Sequence[Curve]) -> None:
    """The best point of each curve. Where stars would cover each other, the later one is wider and lies behind."""
    places = [_place(curve.best) for curve in drawn]
    for number, (place, below) in enumerate(zip(places, _below(axes, drawn), strict=True)):
        axes.plot(
            *place,
            marker="*",
            markersize=STAR + WIDER * below,
            color=LOOKS[number % len(LOOKS)][0],
            markeredgecolor=INK,
            markeredgewidth=0.8,
            linestyle="none",
            zorder=5 - 0.1 * below,
        )


def _below(axes: "Axes", drawn: Sequence[Curve]) -> list[int]:
    """Below how many earlier stars that of each curve lies."""
    return beneath([tuple(axes.transData.transform(_place(curve.best))) for curve in drawn], STAR)


def _place(point: CurvePoint) -> tuple[float, float]:
    return point.clip.value, point.distance.value


def _labels(axes: "Axes", drawn: Sequence[Curve]) -> list[PointLabel]:
    """Guidance beside its point: of the best points first, then of the ends, then of the others."""
    stars = [STAR + WIDER * below for below in _below(axes, drawn)]
    ranked = [
        (best, point in (curve.points[0], curve.points[-1]), PointLabel(point.label, *_place(point), size, best))
        for curve, star in zip(drawn, stars, strict=True)
        for point in curve.points
        for best, size in [(point is curve.best, star if point is curve.best else MARK)]
        if point.label
    ]
    ranked.sort(key=lambda rank: rank[:2], reverse=True)
    return [label for *_, label in ranked]


def _logarithmic(axes: "Axes") -> None:
    """Labels 1, 2 and 5 of each decade as plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def _is_wide(values: Sequence[float]) -> bool:
    """Whether only a logarithmic axis shows the small values apart."""
    return 0 < WIDE * min(values) < max(values)


def _whiskers(scores: Sequence[Score]) -> list[list[float]] | None:
    """Distances of the interval's ends from the values, (2, n), or None where any has no interval."""
    lows, highs = [], []
    for score in scores:
        if score.interval == "not available":
            return None
        lows.append(score.value - score.interval.low)
        highs.append(score.interval.high - score.value)
    return [lows, highs]


def _distance(point: SweepPoint) -> Score | None:
    found = (point.result.score(metric, OVERALL) for metric in distances())
    return next((score for score in found if score is not None), None)


def _label(point: SweepPoint) -> str:
    """The model's name without the setting that the curve itself shows, and the other settings that were swept."""
    model = point.result.model.name.partition(f", {GUIDANCE} ")[0]
    return ", ".join([model, *(f"{name} {value}" for name, value in point.settings.items() if name != GUIDANCE)])


def _facts(point: SweepPoint) -> Facts:
    model = point.result.model
    fixed = [(name, str(value)) for name, value in model.settings.items() if name not in point.settings]
    facts = [("model", point.model), *fixed, ("revision", model.revision), ("weights", model.weights_sha256)]
    return frozenset((name, value) for name, value in facts if value)


def _told_apart(label: str, facts: Facts, namesakes: Sequence[Facts]) -> str:
    """The label, and what not all curves of this label share (`namesakes`, with the curve's own)."""
    different = sorted(facts - frozenset.intersection(*namesakes))
    return ", ".join([label, *(DIGEST.sub(r"\1", f"{name} {value}") for name, value in different)])


def _guidance(point: CurvePoint) -> float:
    try:
        return float(point.label)
    except ValueError:
        return 0.0


def _heading(points: Sequence[SweepPoint]) -> str:
    result = points[0].result
    part = "" if result.complete else ", partial"
    return f"{result.prompt_set.name}: {result.prompt_set.n:,} prompts{part}, {result.size} px"


def _caption(points: Sequence[SweepPoint]) -> str:
    result = points[0].result
    clip = result.score(CLIP_SCORE, OVERALL)
    labels = "numbers: guidance; " if any(GUIDANCE in point.settings for point in points) else ""
    scores = [score for point in points for score in (clip, _distance(point)) if score is not None]
    whiskers = (
        "whiskers: 95% intervals" if all(s.interval != "not available" for s in scores) else "no whiskers: unknown"
    )
    reference = f", reference {result.reference.name}, {result.reference.n:,} images" if result.reference else ""
    samples = f"{result.samples} sample{'s' if result.samples > 1 else ''} a prompt"
    return (
        f"{labels}star: smallest distance; {whiskers}; protocol {result.protocol.name} v{result.protocol.version}"
        f"{reference}; {samples}, the same seeds at every point"
    )
