"""Raters that are not people, with a known truth: to try a study before launch, and to test its analysis.

A simulated rater answers a paired trial by a hidden difference of its sides,
    d = u_left - u_right + left_bias + noise,         noise standard normal,
`left` where d > indifference, `right` where d < -indifference, else `indifferent`. A side's utility u is its model's
own on the question and category, plus what this prompt makes of the model, plus what this rater thinks of the model:
the last two normal, such that they add `prompt_sd` and `rater_sd` to the difference. An image judged alone is
described where caption_utility + u + noise > 0, not at all where that is below -2 indifference, and somewhat between.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from human_eval_app.analysis.layout import layout
from human_eval_app.store.records import VoteRow
from human_eval_app.study.design import Design

ANY = "*"
FORCED = ("photorealism",)  # questions without an indifferent answer
UNKNOWN = 9  # where no answer is the right one
START = datetime(2000, 1, 1, tzinfo=UTC)  # a day on which nobody took part in anything
LOAD_MS, DWELL_MS, DWELL_SPREAD, CARELESS_HASTE = 40, 6000.0, 0.4, 0.1
SIDES = {1: "left", 0: "indifferent", -1: "right"}
VERDICTS = {1: "yes", 0: "somewhat", -1: "no"}


@dataclass(frozen=True)
class Truth:
    """What simulated raters are like. Utilities are in standard deviations of the noise of one vote.

    utility: (model, question, category) -> utility; `*` stands for any; the first that is there of (model, question,
    category), (model, question, *), (model, *, *) counts, else 0. indifference_sd: of its logarithm, between raters.
    left_bias: of all raters. careless: the share of raters who answer at random, and fast. attention: a careful
    rater's chance to get a trial of known answer right.
    """

    utility: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    prompt_sd: float = 0.4
    rater_sd: float = 0.3
    indifference: float = 0.4
    indifference_sd: float = 0.5
    caption_utility: float = 1.5
    left_bias: float = 0.0
    careless: float = 0.0
    attention: float = 0.98

    def of(self, model: str, question: str, category: str) -> float:
        """A model's utility on a question in a category."""
        for key in ((model, question, category), (model, question, ANY), (model, ANY, ANY)):
            if key in self.utility:
                return self.utility[key]
        return 0.0

    def shares(self, model_a: str, model_b: str, question: str, category: str) -> tuple[float, float, float]:
        """The true shares of A, indifferent and B: over all raters and prompts there could be, sides balanced."""
        from scipy.special import ndtr

        difference = self.of(model_a, question, category) - self.of(model_b, question, category)
        zones, chances = self._zones()
        zone = zones[:, None] * (question not in FORCED)
        bias = np.array([self.left_bias, -self.left_bias])
        a, b = (
            float(chances @ ndtr((d + bias - zone) / self._spread).mean(axis=-1)) for d in (difference, -difference)
        )
        return self._with_careless(a, b, 2 if question in FORCED else 3)

    def caption_shares(self, model: str, question: str, category: str) -> tuple[float, float, float]:
        """The true shares of yes, somewhat and no about images judged alone."""
        from scipy.special import ndtr

        centre = self.caption_utility + self.of(model, question, category)
        zones, chances = self._zones()
        yes = float(ndtr(centre / self._spread))
        no = float(chances @ ndtr((-2 * zones - centre) / self._spread))
        return self._with_careless(yes, no, 3)

    @property
    def _spread(self) -> float:
        return float(np.sqrt(1 + self.prompt_sd**2 + self.rater_sd**2))

    def _zones(self) -> tuple[np.ndarray, np.ndarray]:
        """Half widths of the zone of indifference, and how likely raters have them (Gauss-Hermite quadrature)."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(41)
        return self.indifference * np.exp(self.indifference_sd * nodes), weights / weights.sum()

    def _with_careless(self, first: float, last: float, options: int) -> tuple[float, float, float]:
        at_random = np.array([1.0, options - 2, 1.0]) / options
        shares = (1 - self.careless) * np.array([first, 1 - first - last, last]) + self.careless * at_random
        return float(shares[0]), float(shares[1]), float(shares[2])


def draw(rows: pd.DataFrame, truth: Truth, studies: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Answers of `studies` independent studies. rows: a layout of N answers.

    Returns (N, studies) of int8: 1 left or yes, 0 indifferent or somewhat, -1 right or no; and (seats, studies) of
    bool, in the order of first appearance: whether the rater is careless.
    """
    paired = rows["paired"].to_numpy()[:, None]
    seat, seats = _numbered(rows["seat"])
    hidden = np.repeat(_known_part(rows, truth)[:, None], studies, axis=1)
    hidden += truth.left_bias * paired
    for spread, shared in ((truth.prompt_sd, "prompt_id"), (truth.rater_sd, "seat")):
        hidden += spread * _shared_effect(rows, shared, studies, random)
    hidden += random.standard_normal(hidden.shape, dtype=np.float32)
    forced = rows["question"].isin(FORCED).to_numpy()[:, None]
    zones = truth.indifference * np.exp(truth.indifference_sd * random.standard_normal((seats, studies)))
    zone = np.where(forced, 0.0, zones[seat])
    answers = (hidden > np.where(paired, zone, 0.0)).astype(np.int8) - (hidden < np.where(paired, -zone, -2 * zone))
    codes = {name: code for names in (SIDES, VERDICTS) for code, name in names.items()}
    known = np.array([codes.get(expected, UNKNOWN) for expected in rows["expected"]], dtype=np.int8)[:, None]
    attentive = (known != UNKNOWN) & (random.random(answers.shape, dtype=np.float32) < truth.attention)
    answers = np.where(attentive, known, answers)
    careless = random.random((seats, studies)) < truth.careless
    if truth.careless:
        anything = random.integers(-1, 2, answers.shape, dtype=np.int8)
        either = 2 * random.integers(0, 2, answers.shape, dtype=np.int8) - 1
        answers = np.where(careless[seat], np.where(forced, either, anything), answers)
    return answers.astype(np.int8), careless


def _known_part(rows: pd.DataFrame, truth: Truth) -> np.ndarray:
    """What a rater's hidden difference owes to the models alone, (N,)."""
    columns = (rows[name] for name in ("left_model", "right_model", "question", "category"))
    parts = [
        truth.of(left, *of_what) - truth.of(right, *of_what)
        if right
        else truth.caption_utility + truth.of(left, *of_what)
        for left, right, *of_what in zip(*columns, strict=True)
    ]
    return np.array(parts, dtype=np.float32)


def simulate_votes(design: Design, truth: Truth, seed: int) -> list[VoteRow]:
    """A whole study's votes as the export has them: every seat complete, every rater marked as simulated."""
    random = np.random.default_rng(seed)
    rows = layout(design)
    answers, careless = draw(rows, truth, 1, random)
    seat, _ = _numbered(rows["seat"])
    spread = np.exp(DWELL_SPREAD * random.standard_normal(len(rows)))
    dwell = DWELL_MS * spread * np.where(careless[seat, 0], CARELESS_HASTE, 1.0)
    return list(_vote_rows(design, rows, answers[:, 0], seat, dwell.astype(int)))


def _vote_rows(
    design: Design, rows: pd.DataFrame, answers: np.ndarray, seat: np.ndarray, dwell: np.ndarray
) -> Iterator[VoteRow]:
    for place, row in enumerate(rows.to_dict("records")):
        mirror = row["mirror_of_position"]
        screen = place - place % len(design.questions)  # all questions of a screen are answered at once
        since = timedelta(minutes=int(seat[place]), seconds=10 * row["position"])
        yield VoteRow(
            study=design.name,
            design_sha256=design.sha256,
            panel=row["panel"],
            category=row["category"],
            seat=row["seat"],
            sitting=int(seat[place]) + 1,
            sitting_state="complete",
            rater=int(seat[place]) + 1,
            source="simulated",
            part="main",
            position=row["position"],
            kind=row["kind"],
            prompt_id=row["prompt_id"],
            question=row["question"],
            answer=(SIDES if row["paired"] else VERDICTS)[int(answers[place])],
            expected=row["expected"],
            left_model=row["left_model"],
            right_model=row["right_model"],
            mirror_of_position=None if pd.isna(mirror) else int(mirror),
            sequence=0,
            superseded=False,
            server_time=(START + since).isoformat(timespec="milliseconds"),
            load_ms=LOAD_MS,
            dwell_ms=int(dwell[screen]),
            zooms=0,
            client_time="",
            app_version="simulated",
            instructions_version=design.instructions_version,
            language="en",
            gap_ms=10_000,
            open_ms=round(1000 * since.total_seconds()),
        )


def _shared_effect(rows: pd.DataFrame, shared: str, studies: int, random: np.random.Generator) -> np.ndarray:
    """What all answers with one prompt (or of one seat) have in common about a model, (N, studies), of variance 1.

    Of a pair: the difference of two such effects, one for each side's model.
    """
    key = rows[shared] + "\t" + rows["question"] + "\t"
    numbers, count = _numbered(pd.concat([key + rows["left_model"], key + rows["right_model"]]))
    effects = random.standard_normal((count, studies), dtype=np.float32)
    left, right = numbers[: len(rows)], numbers[len(rows) :]
    paired = rows["paired"].to_numpy()[:, None]
    return np.where(paired, (effects[left] - effects[right]) / np.float32(np.sqrt(2)), effects[left])


def _numbered(labels: pd.Series) -> tuple[np.ndarray, int]:
    """Numbers from 0 in the order of first appearance, and how many there are."""
    numbers, unique = pd.factorize(labels)
    return numbers, len(unique)
