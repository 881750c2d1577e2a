"""What an analysis says: the schema of analysis.json, and all that tables, pages and charts are made from."""

from typing import Literal

from drawbench.prompts.people import NO_PEOPLE
from drawbench.records import Record
from drawbench.results.scores import OVERALL, Interval
from human_eval_app.study.design import StudyType

WHOLE = (OVERALL, NO_PEOPLE)  # scopes over categories; every other one is a category


class Rate(Record):
    """A number with its 95% interval, in [0, 1] unless said otherwise."""

    value: float
    interval: Interval | Literal["not available"]


class SignTest(Record):
    """Prompts on which more raters preferred A, more preferred B, or as many; exact two-sided p over the first two.

    It takes these raters as they are: of other raters it says nothing.
    """

    a: int
    b: int
    ties: int
    p: float


class Preference(Record):
    """One question of a comparison, over one scope.

    scope: `overall`, a category, or `no people`. average: `micro` (all votes weigh the same) or `macro` (all
    categories do); the same thing within a category.
    a, indifferent, b: shares of the votes. net: a - b, in [-1, 1]. p: of no net preference, by the net's interval.
    p_holm: p corrected for all categories, questions and pairs of the study; None outside of categories.
    detectable: the net preference that a study as wide as this finds with 80% power; None where unknown, and where
        it would be all or more than all votes.
    pooled: a's Wilson interval over all votes as if they were independent; None for a macro average.
    """

    question: str
    scope: str
    average: Literal["micro", "macro"]
    a: Rate
    indifferent: Rate
    b: Rate
    net: Rate
    p: float | None
    p_holm: float | None = None
    detectable: float | None
    sign: SignTest
    pooled: Interval | None
    votes: int
    raters: int
    prompts: int
    categories: int


class PairwiseComparison(Record):
    """Two models, side by side."""

    model_a: str
    model_b: str
    rows: tuple[Preference, ...]


class CaptionScore(Record):
    """How well captions describe one model's images.

    score: 100 yes, 50 somewhat, 0 no; in [0, 100]. over_original: the score minus the photographs' own, in points;
    None for the photographs, and where there are none.
    """

    model: str
    scope: str
    average: Literal["micro", "macro"]
    yes: Rate
    somewhat: Rate
    no: Rate
    score: Rate
    over_original: Rate | None
    votes: int
    raters: int
    prompts: int
    categories: int


class Strength(Record):
    """One model's Bradley-Terry strength.

    log_strength: natural logarithm, the mean over all models is zero. elo: the same on the scale of Elo's ratings, of
    which 400 points more are odds of 10 to 1 among decided votes; the mean over all models is 1000.
    """

    model: str
    log_strength: Rate
    elo: Rate


class Strengths(Record):
    """Models on one scale, from all their comparisons on one question.

    tie: Davidson's parameter v: between equal models, v indifferent votes come to 2 decided ones. problem: why there
    are no strengths, or empty.
    """

    question: str
    models: tuple[Strength, ...]
    tie: float | None
    votes: int
    raters: int
    prompts: int
    problem: str = ""


class PairSequence(Record):
    """What raters prefer on this very prompt set, as it became known: one question of one pair of models.

    A rater's score is the share of their screens on which they prefer A, indifferent ones counted half; asked for is
    its mean over raters and categories. panels: raters of a round, one of each category. mean, low, high: after each
    round; all intervals of all sequences of the study hold at once with 95%. decision: of the
    first round that ruled out 1/2, for good; rounds: how many it took, None while undecided.
    """

    model_a: str
    model_b: str
    question: str
    panels: int
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    decision: Literal["a", "b", "undecided"]
    rounds: int | None


class Sequences(Record):
    """A study's stopping rule and what it has made of the votes.

    complete: sittings. Those not in the sequences: paused for too long, excluded by a rule of the design, and waiting
    for raters who began before them in their category, or for one of each other category.
    """

    rule: str
    sequences: tuple[PairSequence, ...]
    complete: int
    paused: int
    excluded: int
    waiting: int

    @property
    def decided(self) -> bool:
        """Whether every question of every pair is."""
        return all(each.decision != "undecided" for each in self.sequences)


class Agreement(Record):
    """Krippendorff's alpha of raters on one question: 1 full agreement, 0 as by chance. None: not defined."""

    question: str
    scope: str
    nominal: float | None
    ordinal: float | None
    answers: int
    prompts: int


class LeftShare(Record):
    """How often the left side won, of the votes that chose a side. p: of one half."""

    question: str
    share: Rate
    p: float | None
    votes: int


class MirrorShare(Record):
    """How often a trial repeated with its sides exchanged got the same answer, of all such pairs."""

    question: str
    share: Rate
    pairs: int


class GoldShare(Record):
    """Right answers of trials with a known one: over all answers, and of the raters' own shares the extremes."""

    share: float
    lowest: float
    median: float
    answers: int
    raters: int


class Times(Record):
    """Milliseconds from all images loaded to the answer (10%, 50%, 90% of screens), and to load them (50%, 95%).

    impossible: raters who are faster than anybody can be, by the server's clock; see `impossible`.
    """

    screens: int
    dwell_10: float
    dwell_50: float
    dwell_90: float
    load_50: float
    load_95: float
    impossible: int = 0


class Checks(Record):
    """What speaks for and against the votes."""

    left: tuple[LeftShare, ...]
    mirrored: tuple[MirrorShare, ...]
    gold: GoldShare | None
    times: Times


class Excluded(Record):
    """Raters that one rule of the design leaves out."""

    rule: str
    threshold: float
    raters: int


class Version(Record):
    """All numbers from one choice of raters."""

    name: Literal["all", "after exclusions"]
    excluded: tuple[Excluded, ...]
    raters: int
    prompts: int
    answers: int  # to main trials
    comparisons: tuple[PairwiseComparison, ...] = ()
    captions: tuple[CaptionScore, ...] = ()
    strengths: tuple[Strengths, ...] = ()
    agreement: tuple[Agreement, ...] = ()
    checks: Checks | None = None
    problem: str = ""  # why this version has no numbers, or empty


class Completion(Record):
    """How much of the study is done. sittings: how many are in each state, where that is known."""

    seats: int
    complete: int
    panels: dict[str, tuple[int, int]]  # panel -> (complete seats, seats)
    sittings: dict[str, int]


class Analysis(Record):
    """Everything said about one study."""

    schema_version: Literal[1] = 1
    study: str
    type: StudyType
    simulated: bool
    design_sha256: str
    prompt_set: str
    departures: tuple[str, ...]
    progress: Completion
    looks: int = 0  # at preferences before the study was closed, as far as is known: an export does not tell
    status_unknown: bool = False  # people's votes, from an export without the study's database
    stopping: Sequences | None = None  # None: the design has no such rule
    versions: tuple[Version, ...]
    environment: dict[str, str]
    date: str

    @property
    def complete(self) -> bool:
        """Whether every seat is filled, or the design's stopping rule has decided."""
        filled = self.progress.complete == self.progress.seats
        return filled or (self.stopping is not None and self.stopping.decided)
