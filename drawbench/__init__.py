"""The benchmark: prompt sets, model adapters, runs, scores, leaderboard and report."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drawbench.agreement.agree import Agreements, agree
    from drawbench.api import Differences, Scores, compare, run, score
    from drawbench.auditing.from_python import Cards, audit
    from drawbench.errors import StageError, UserError
    from drawbench.interface import ModelCard, Refused, Sample, TextToImage

_FROM = {
    **dict.fromkeys(("Differences", "Scores", "compare", "run", "score"), "drawbench.api"),
    **dict.fromkeys(("Agreements", "agree"), "drawbench.agreement.agree"),
    **dict.fromkeys(("Cards", "audit"), "drawbench.auditing.from_python"),
    **dict.fromkeys(("StageError", "UserError"), "drawbench.errors"),
    **dict.fromkeys(("ModelCard", "Refused", "Sample", "TextToImage"), "drawbench.interface"),
}
__all__ = [
    "Agreements",
    "Cards",
    "Differences",
    "ModelCard",
    "Refused",
    "Sample",
    "Scores",
    "StageError",
    "TextToImage",
    "UserError",
    "agree",
    "audit",
    "compare",
    "run",
    "score",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What is public, loaded when first asked for: the command line's help needs none of it."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FROM[name]), name)


def __dir__() -> list[str]:
    return __all__
