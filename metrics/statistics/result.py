"""The result of a metric: a value never travels without its interval and count."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    low, high: bounds in the metric's own unit; the point estimate lies inside them.
    method: how it was made, in words a reader can look up, e.g. `t over prompts`.
    level: coverage aimed at.
    """

    low: float
    high: float
    method: str
    level: float = 0.95

    def within(self, least: float, most: float) -> "Interval":
        """The part of it that the number can take: what it covers stays the same."""
        return replace(self, low=max(self.low, least), high=min(self.high, most))


@dataclass(frozen=True)
class MetricResult:
    """One number and what is needed to trust it; who asked for it adds its name and definition.

    value: in the metric's own unit (raw cosine for CLIP score, never times 100).
    interval: None means that no interval is available, and is shown so.
    n: the number of units behind the value (prompts for a mean, images for a distance).
    note: a warning a reader must see beside the number, or empty.
    """

    value: float
    interval: Interval | None
    n: int
    note: str = ""
