"""The benchmark: prompt sets, model adapters, runs, scores, leaderboard and report."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drawbench.interface import ModelCard, Refused, Sample, TextToImage

__all__ = ["ModelCard", "Refused", "Sample", "TextToImage"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """What a model's author needs, loaded when first asked for: the command line's help needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from drawbench import interface

    return getattr(interface, name)
