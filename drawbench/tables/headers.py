"""What tables call each metric, in the order of their columns; the arrow says which way is better."""

from drawbench.scoring.kinds import kinds
from drawbench.scoring.kinds.kind import Measure

CLIP_SCORE = "clip_score"
CLIP_DIFFERENCE = "clip_score_difference"
CAPTION_SCORE = "caption_alignment"  # people's, 0 to 100


def _of_people(name: str, header: str, column: int) -> Measure:
    return Measure(name, header, True, column=column, decimals=lambda largest: 1)


PEOPLE = (
    _of_people(CAPTION_SCORE, "caption score", 70),
    _of_people(f"{CAPTION_SCORE}_no_people", "no people", 71),
)


def measures() -> dict[str, Measure]:
    """All numbers that tables know, by name, in the order of their columns."""
    found = (*(measure for kind in kinds() for measure in kind.measures), *PEOPLE)
    return {measure.name: measure for measure in sorted(found, key=lambda measure: measure.column)}


def measure_of(metric: str) -> Measure:
    """What is known of a metric; of one that no kind names, its name."""
    return measures().get(metric) or Measure(metric, metric, None)


def distances() -> tuple[str, ...]:
    """What orders a table before CLIP score does; the nearest to the published FID comes first."""
    return tuple(name for name, measure in measures().items() if measure.ranks)
