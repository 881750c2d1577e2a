"""After how many raters a study with a stopping rule is decided, told before launch beside what all its seats detect.

Simulated, with what `power` assumes of votes. The true preference is that for the study's own prompts: they are drawn,
then moved together until raters prefer the first model as often as said, on the average over categories.
"""

from dataclasses import dataclass

import numpy as np

from human_eval_app.study.design import Design
from human_eval_app.study.power import (
    ASSUMED,
    Assumptions,
    PanelSize,
    block_of,
    percent,
    power,
    power_text,
    table_lines,
)
from human_eval_app.study.stopping import ERROR, comparisons, panels_of_pairs
from metrics.statistics.betting import log_capital

TRUE = (0.55, 0.60, 0.70)  # shares of the decided votes for the first model
STUDIES, AT_ONCE = 400, 50
MEANS = (0.02, 0.98)  # of a category, at most


@dataclass(frozen=True)
class ExpectedRow:
    """One question of one pair of models. preference: the true share of the decided votes.

    raters: the mean number of those in the sequence at its decision, or of all seats where there is none.
    most: so many decide 9 of 10 studies; None: all seats decide fewer. decided: by the last seat.
    seats: raters of the pair; power: that all of them show the preference for new prompts as well.
    """

    preference: float
    raters: float
    most: int | None
    decided: float
    seats: int
    power: float


def expected_rows(design: Design) -> list[ExpectedRow]:
    """For each of TRUE; empty where the design has no stopping rule."""
    if design.stopping is None:
        return []
    panels = next(iter(panels_of_pairs(design).values()))
    error = ERROR / comparisons(design)
    return [expected_row(each, [block_of(panel) for panel in panels], ASSUMED[design.type], error) for each in TRUE]


def expected_row(preference: float, blocks: list[PanelSize], assumed: Assumptions, error: float) -> ExpectedRow:
    """A sequence that may be wrong with the probability `error`, over as many rounds as the blocks have raters."""
    random = np.random.default_rng(0)
    needed = np.concatenate(
        [_rounds_needed(_scores(preference, blocks, assumed, random), error) for _ in range(STUDIES // AT_ONCE)]
    )
    rounds, seats = min(block.raters for block in blocks), sum(block.raters for block in blocks)
    decided = needed <= rounds
    raters = np.where(decided, needed * len(blocks), seats)
    most = int(np.quantile(raters, 0.9, method="higher"))
    return ExpectedRow(
        preference=preference,
        raters=float(raters.mean()),
        most=most if decided.mean() >= 0.9 else None,
        decided=float(decided.mean()),
        seats=seats,
        power=power((preference - 0.5) * (1 - assumed.indifferent), blocks, assumed),
    )


def detection_text(design: Design) -> str:
    """What the study detects, as text for a terminal or a Markdown file."""
    rows = expected_rows(design)
    if not rows:
        return power_text(design)
    header = ["true preference", "raters on average", "9 of 10 studies", "decided by the last seat", "all seats"]
    lines = [[*header, "their power, new prompts"], ["---"] * (len(header) + 1)]
    for row in rows:
        share = f"{100 * row.preference:.0f}/{100 - 100 * row.preference:.0f}"
        most = "not decided" if row.most is None else f"within {row.most}"
        cells = [share, f"{row.raters:.0f}", most, percent(row.decided), str(row.seats), percent(row.power)]
        lines.append(cells)
    words = (
        "Until one question of one pair is decided, for this prompt set, as the stopping rule decides; the study stops "
        "when the last one is. All seats are the fixed design; the preference is of decided votes."
    )
    return "\n".join([power_text(design), "", *table_lines(lines), "", words])


def _scores(
    preference: float, blocks: list[PanelSize], assumed: Assumptions, random: np.random.Generator
) -> np.ndarray:
    """Scores of AT_ONCE studies, (AT_ONCE, R, K): beta variables of the mean and variance that are assumed."""
    prompts = np.array([block.prompts for block in blocks])
    total = assumed.variance * (1 - assumed.indifferent)
    categories = random.standard_normal((AT_ONCE, 1, len(blocks))) * np.sqrt(assumed.prompt * total / prompts)
    categories -= categories.mean(axis=-1, keepdims=True)
    mean = np.clip(0.5 + (preference - 0.5) * (1 - assumed.indifferent) + categories, *MEANS)
    variance = total * (assumed.rater + (1 - assumed.prompt - assumed.rater) / prompts)
    both = np.maximum(mean * (1 - mean) / variance - 1, 0.05)  # its two parameters together
    rounds = min(block.raters for block in blocks)
    return random.beta(mean * both, (1 - mean) * both, (AT_ONCE, rounds, len(blocks)))


def _rounds_needed(scores: np.ndarray, error: float) -> np.ndarray:
    """After how many rounds each study is decided in favour of the first model; R + 1 where it is not."""
    reached = log_capital(scores, 0.5) >= -np.log(error / 2)
    return np.where(reached.any(axis=1), reached.argmax(axis=1), reached.shape[1]) + 1
