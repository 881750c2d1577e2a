"""A program for tests: scores a run slowly, without a real network. Arguments: the run, and the references.

Prints `scoring` when it begins, so that whoever kills it hits the scoring and not the imports.
"""

import sys
from pathlib import Path

from drawbench.scoring.kinds.clip_score import CLIP_SCORE
from drawbench.scoring.kinds.diversity import DIVERSITY
from drawbench.scoring.kinds.frechet import FRECHET
from drawbench.scoring.kinds.kind import MetricKind
from drawbench.scoring.kinds.retrieval import R_PRECISION
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.score import score_run
from metrics.features import cache
from tests.drawbench.plain_extractors import BATCH_EFFECT, PlainExtractor, entry_of

KINDS: tuple[tuple[str, MetricKind], ...] = (
    ("clip_score", CLIP_SCORE),
    ("frechet_distance", FRECHET),
    ("diversity", DIVERSITY),
    ("r_precision", R_PRECISION),
)
BATCH = 3
SECONDS = 0.005  # for a batch under each extractor


def slow_protocol() -> Protocol:
    """All kinds that need no torch, the distances and the others on two extractors."""
    first, second = (entry_of(PlainExtractor(name, BATCH_EFFECT, SECONDS), name) for name in ("plain", "plain too"))
    metrics = tuple(
        MetricDefinition(name, kind, second if kind is FRECHET else first, "made up for a test") for name, kind in KINDS
    )
    return Protocol("slow", 1, "made up for a test", None, metrics)


if __name__ == "__main__":
    cache.PART_ROWS = 6
    slow = slow_protocol()
    print("scoring", flush=True)
    score_run(Path(sys.argv[1]), slow, Path(sys.argv[2]), batch=BATCH)
