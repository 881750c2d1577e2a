"""What difference a study can detect, told before launch.

A vote is 1 for the first model, 0 for the second, 1/2 for neither (or a caption score of 1, 1/2 or 0). Its variance has
three parts: what prompts differ by, what raters differ by, and the single vote. A category's mean over P prompts and R
raters then has the variance

    V = prompt / P + rater / R + vote / (P R),

categories' and batches' parts add up (each has its own prompts and raters), and the analysis estimates V with
Satterthwaite's degrees of freedom from three mean squares. Power is the probability that a t variable with those
degrees, shifted by the true difference over sqrt(V), is beyond the test's limits; the detectable difference is the one
found in 80% of studies.

Assumed, since nobody knows before launch (see ASSUMED): 20% of answers are indifferent; 10% of a vote's variance lies
between prompts and 5% between raters. In a study of the paper's size, 25 raters in each of 11 categories, counting all
votes as independent would then declare a third of studies of two equal models significant at the 5% level. More
agreement within prompts makes detectable differences larger: the analysis reports what they were.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from drawbench.results.scores import OVERALL
from human_eval_app.study.design import Design, Panel, StudyType

LEVEL = 0.05
POWER = 0.8


@dataclass(frozen=True)
class Assumptions:
    """What votes are like. variance: of a vote when the models are equal, without indifferent answers.

    indifferent: their share. prompt, rater: shares of the variance. sides: how many independent panels a difference
    is taken between: one of paired votes, or two whose scores are subtracted.
    """

    variance: float
    indifferent: float
    prompt: float
    rater: float
    sides: int


ASSUMED: dict[StudyType, Assumptions] = {
    "drawbench": Assumptions(0.25, 0.20, 0.10, 0.05, 1),
    "coco-photorealism": Assumptions(0.25, 0.0, 0.10, 0.05, 1),
    # The paper's scores, 0.91 to 0.92 with mostly `yes`, give a vote a standard deviation of about 0.25.
    "coco-alignment": Assumptions(0.0625, 0.0, 0.10, 0.05, 2),
}
# Differences in the mean vote whose power is shown: 55/45 and 60/40 of the decided votes; 1 and 2 points of 100.
SHOWN: dict[StudyType, tuple[float, float]] = {
    "drawbench": (0.05, 0.10),
    "coco-photorealism": (0.05, 0.10),
    "coco-alignment": (0.01, 0.02),
}


@dataclass(frozen=True)
class PanelSize:
    """A panel as power sees it: so many prompts, each judged by so many raters of its own."""

    prompts: int
    raters: int


@dataclass(frozen=True)
class PowerRow:
    """What one scope of a study can detect.

    detectable: the difference in the mean vote, of the decided votes in a paired study, found with 80% power; None
    where no difference is. powers: of the differences in SHOWN.
    """

    scope: str
    prompts: int
    raters: int
    votes: int
    detectable: float | None
    powers: tuple[float, ...]


def power_table(design: Design) -> list[PowerRow]:
    """Overall and, where there are several, each category: the same for every pair of models, or every model."""
    panels = [panel for panel in design.panels if panel.models == design.panels[0].models]
    scopes: dict[str, list[Panel]] = {OVERALL: panels}
    categories = {panel.category for panel in panels}
    for panel in panels:
        if len(categories) > 1:
            scopes.setdefault(panel.category, []).append(panel)
    return [power_row(scope, [block_of(panel) for panel in some], design.type) for scope, some in scopes.items()]


def power_row(scope: str, blocks: Sequence[PanelSize], study_type: StudyType) -> PowerRow:
    """The row of a scope that consists of some blocks."""
    assumed = ASSUMED[study_type]
    decided = 1 - assumed.indifferent
    return PowerRow(
        scope=scope,
        prompts=sum(block.prompts for block in blocks),
        raters=sum(block.raters for block in blocks) * assumed.sides,
        votes=sum(block.prompts * block.raters for block in blocks) * assumed.sides,
        detectable=_detectable(blocks, assumed),
        powers=tuple(power(shift * decided, blocks, assumed) for shift in SHOWN[study_type]),
    )


def power(difference: float, blocks: Sequence[PanelSize], assumed: Assumptions) -> float:
    """The probability that a 95% interval leaves out zero when the true difference in the mean vote is `difference`."""
    from scipy.special import stdtr, stdtrit

    variance, degrees = variance_of_mean(blocks, assumed)
    if degrees <= 0:
        return math.nan
    critical, shift = stdtrit(degrees, 1 - LEVEL / 2), difference / math.sqrt(variance)
    return float(stdtr(degrees, shift - critical) + stdtr(degrees, -shift - critical))


def variance_of_mean(blocks: Sequence[PanelSize], assumed: Assumptions) -> tuple[float, float]:
    """The variance of the mean over all votes, and the degrees of freedom of its estimate; 0 where there is none.

    The estimate adds the mean squares of prompts and of raters and takes away that of single votes, as the analysis's.
    """
    votes = sum(block.prompts * block.raters for block in blocks)
    total = assumed.variance * (1 - assumed.indifferent)
    variance = spread = 0.0
    for block in blocks:
        if block.prompts < 2 or block.raters < 2:
            return math.nan, 0.0
        weight = (block.prompts * block.raters / votes) ** 2 * total
        single = weight * (1 - assumed.prompt - assumed.rater) / (block.prompts * block.raters)
        by_prompt = weight * assumed.prompt / block.prompts + single
        by_rater = weight * assumed.rater / block.raters + single
        variance += by_prompt + by_rater - single
        spread += by_prompt**2 / (block.prompts - 1) + by_rater**2 / (block.raters - 1)
        spread += single**2 / ((block.prompts - 1) * (block.raters - 1))
    # Two panels' scores subtracted: twice the variance, and twice the spread of its estimate.
    return assumed.sides * variance, assumed.sides * variance**2 / spread


def power_text(design: Design) -> str:
    """The table and what it assumes, as text for a terminal or a Markdown file."""
    assumed = ASSUMED[design.type]
    paired = design.paired
    shown = [_difference(shift, paired) for shift in SHOWN[design.type]]
    header = ["scope", "prompts", "raters", "votes", *(f"power at {each}" for each in shown), "found with 80% power"]
    lines = [header, ["---"] * len(header)]
    for row in power_table(design):
        numbers = [str(row.prompts), str(row.raters), str(row.votes)]
        powers = [percent(value) for value in row.powers]
        found = "no difference" if row.detectable is None else _difference(row.detectable, paired)
        lines.append([row.scope, *numbers, *powers, found])
    return "\n".join([*table_lines(lines), "", _reading(design, assumed)])


def table_lines(lines: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table with even columns, of rows of cells; the second row is the rule, `---` each."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    table = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines]
    table[1] = table[1].replace(" ", "-").replace("|-", "| ").replace("-|", " |")
    return table


def _reading(design: Design, assumed: Assumptions) -> str:
    of_what = (
        "of a question's decided votes"
        if design.paired
        else "in the score, of 100 points, between a model and the originals"
    )
    parts = [f"Differences are {of_what}; intervals are two-way (prompt and rater) 95% ones."]
    if (pairs := len({panel.models for panel in design.panels})) > 1 and design.paired:
        parts.append(f"Each of the {pairs} pairs has these numbers.")
    shares = f"{assumed.prompt:.0%} of a vote's variance between prompts and {assumed.rater:.0%} between raters"
    ties = f"{assumed.indifferent:.0%} indifferent answers, " if assumed.indifferent else ""
    return " ".join([*parts, f"Assumed: {ties}{shares}."])


def percent(power: float) -> str:
    """A probability as whole percent."""
    if math.isnan(power):
        return "unknown"
    return "over 99%" if power > 0.995 else f"{power:.0%}"


def block_of(panel: Panel) -> PanelSize:
    """The panel's main trials and its seats."""
    prompts = {trial.prompt_id for trial in panel.trials if trial.kind == "main"}
    return PanelSize(len(prompts), len(panel.seats))


def _detectable(blocks: Sequence[PanelSize], assumed: Assumptions) -> float | None:
    from scipy.special import stdtrit

    variance, degrees = variance_of_mean(blocks, assumed)
    if degrees <= 0:
        return None
    # Of the two ways to be significant the wrong one adds nothing at 80%.
    quantiles = stdtrit(degrees, 1 - LEVEL / 2) + stdtrit(degrees, POWER)
    shift = float(quantiles * math.sqrt(variance) / (1 - assumed.indifferent))
    largest = 0.5 if assumed.sides == 1 else 1.0  # everybody prefers one; every score 0 against every score 1
    return shift if shift < largest else None


def _difference(shift: float, paired: bool) -> str:
    if paired:
        return f"{50 + 100 * shift:.3g}/{50 - 100 * shift:.3g}"
    return f"{100 * shift:.2g} point{'' if round(100 * shift, 2) == 1 else 's'}"
