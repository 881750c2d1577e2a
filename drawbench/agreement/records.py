"""How far metrics agree with people, as data: what `--json` prints and tables are made from."""

from typing import Literal

from drawbench.records import Record
from drawbench.results.scores import MaybeInterval

ONE_WITH_ANOTHER, ONE_WITH_OTHERS = "rater with rater", "rater with others"
PEOPLE = (ONE_WITH_ANOTHER, ONE_WITH_OTHERS)

Statistic = Literal[
    "agreement",  # share of the pairs that people decide
    "accuracy_with_ties",  # share of all pairs
    "kendall_tau_b",  # of the models' images of a prompt, mean over prompts
    "spearman",
    "prompts_kendall_tau_b",  # of two models' differences, over prompts
    "prompts_spearman",
    "models_kendall_tau_b",  # of the models' means
    "models_spearman",
]
Against = Literal["above", "below", "not shown"]


class Measured(Record):
    """One number. metric: its name, or one of PEOPLE. scope: `overall` or a category.

    n: pairs of images, prompts, or models. prompts: behind it.
    """

    metric: str
    statistic: Statistic
    scope: str
    value: float
    interval: MaybeInterval
    n: int
    prompts: int


class Chance(Record):
    """A metric's agreement against 1/2. p: Holm's over all metrics."""

    metric: str
    p: float
    verdict: Against


class Contrast(Record):
    """Two metrics' agreements. difference: of a less b. p: Holm's over all pairs of metrics.

    prompts_needed: how many prompts as these would show such a difference 8 times in 10; votes_needed: the votes they
    would take. None where it is none.
    """

    a: str
    b: str
    difference: float
    interval: MaybeInterval
    p: float
    apart: bool
    prompts_needed: int | None
    votes_needed: int | None


class Agreement(Record):
    """All that was found. metrics: the most agreeing first. pairs: of images; decided: those that people decide.

    question: what people were asked, where there are several questions. sentence: what the data carry, in words.
    """

    schema_version: int = 1
    source: str
    question: str = ""
    models: list[str]
    prompts: int
    pairs: int
    decided: int
    votes: int
    metrics: list[str]
    numbers: list[Measured]
    chance: list[Chance]
    contrasts: list[Contrast]
    notes: list[str]
    sentence: str

    def number(self, metric: str, statistic: Statistic = "agreement", scope: str = "overall") -> Measured | None:
        """The number of that name, or None."""
        wanted = (metric, statistic, scope)
        return next((each for each in self.numbers if (each.metric, each.statistic, each.scope) == wanted), None)

    def contrast(self, a: str, b: str) -> Contrast | None:
        """The contrast of two metrics, in whichever order they are told."""
        return next((each for each in self.contrasts if {each.a, each.b} == {a, b}), None)
