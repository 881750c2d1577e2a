"""What tables call each metric, in the order of their columns; the arrow says which way is better."""

from collections.abc import Sequence

from drawbench.results.files import Result
from drawbench.results.scores import OVERALL
from drawbench.scoring.kinds import kinds
from drawbench.scoring.kinds.kind import Measure

CLIP_SCORE = "clip_score"
TEXT = "text_exact"
# Scores of images by prompt, which order a table without distances; most have a `_shuffled` and a `_difference`.
ALIGNMENTS = (
    *(CLIP_SCORE, "conse_score", "vqa_score", "qa_score", "geneval"),
    *("pick_score", "hps_v2_1", "image_reward", "aesthetic", TEXT),
)
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


def alignment_of(results: Sequence[Result]) -> str:
    """The name of the first such score that all results have; of none that all have, CLIP score."""
    return next((m for m in ALIGNMENTS if all(result.score(m, OVERALL) for result in results)), CLIP_SCORE)


def distances() -> tuple[str, ...]:
    """What orders a table before CLIP score does; the nearest to the published FID comes first."""
    return tuple(name for name, measure in measures().items() if measure.ranks)
