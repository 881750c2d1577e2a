"""Features and numbers: extractors, moments, Fréchet distances, CLIP score, intervals."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metrics.errors import MetricInputError
    from metrics.scores import ClipScore, clip_score, fid
    from metrics.statistics.result import Interval, MetricResult

_FROM = {
    "fid": "metrics.scores",
    "clip_score": "metrics.scores",
    "ClipScore": "metrics.scores",
    "MetricResult": "metrics.statistics.result",
    "Interval": "metrics.statistics.result",
    "MetricInputError": "metrics.errors",
}
__all__ = ["ClipScore", "Interval", "MetricInputError", "MetricResult", "clip_score", "fid"]


def __getattr__(name: str) -> Any:
    """What is public, loaded when first asked for."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FROM[name]), name)


def __dir__() -> list[str]:
    return __all__
