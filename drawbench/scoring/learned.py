"""The learned scorers by the names of their protocols: what is computed, and of which network."""

from drawbench.scoring.kinds.kind import MetricKind
from drawbench.scoring.kinds.learned import AESTHETIC, HPS_V2_1, IMAGE_REWARD, PICK_SCORE
from metrics.features.learned import entries
from metrics.features.learned.entries import Scorer

ALL_LEARNED = "learned"  # stands for all of them, where several protocols may be named
LEARNED: dict[str, tuple[MetricKind, Scorer]] = {
    scorer.name: (kind, scorer)
    for kind, scorer in (
        (PICK_SCORE, entries.PICK_SCORE),
        (HPS_V2_1, entries.HPS_V2_1),
        (IMAGE_REWARD, entries.IMAGE_REWARD),
        (AESTHETIC, entries.AESTHETIC),
    )
}
