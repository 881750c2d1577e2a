"""Result files: what a leaderboard row is made of, as results/<model>--<set>--<protocol>.json."""

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError, model_validator

from drawbench.errors import UserError
from drawbench.files import write_text_atomically
from drawbench.interface import ModelCard
from drawbench.records import Record, first_problem
from drawbench.results.scores import (
    Cost,
    Interval,
    PromptSetRef,
    ProtocolRef,
    ReferenceRef,
    Score,
    ScoreFile,
    with_own_reference_name,
)

SCHEMA_VERSION = 1
Kind = Literal["measured", "published", "simulated"]


class HumanPreference(Record):
    """One question of a human study: how often raters preferred this model (A), neither, or the other (B).

    scope: `overall`, a category, or a named part of the prompts. average: over votes (`micro`) or categories (`macro`).
    The three rates are fractions of the votes in [0, 1]; the interval belongs to the rate of A. net: a - b.
    """

    question: str
    scope: str
    average: Literal["micro", "macro"]
    against: str  # what B was: another model's name, or the original photographs
    a: float
    indifferent: float
    b: float
    interval: Interval | Literal["not available"]
    net: float
    net_interval: Interval | Literal["not available"]
    votes: int
    raters: int
    prompts: int

    @model_validator(mode="after")
    def _rates_are_usable(self) -> Self:
        where = f"{self.question} of {self.scope}"
        rates = (self.a, self.indifferent, self.b)
        if not all(0 <= rate <= 1 for rate in rates) or abs(sum(rates) - 1) > 1e-6:
            raise ValueError(f"{where}: the three rates are no shares of one whole")
        if abs(self.net - (self.a - self.b)) > 1e-6:
            raise ValueError(f"{where}: net is not the difference of the rates")
        for value, interval in ((self.a, self.interval), (self.net, self.net_interval)):
            if interval != "not available" and not interval.low <= value <= interval.high:
                raise ValueError(f"{where} lies outside its own interval")
        return self


class StudyRef(Record):
    """Which human study: its name, its design's hash, and how many of its seats were filled when it was analysed.

    stopping: the rule by which it may have stopped before its last seat, and what it decided; empty: there was none.
    status_unknown: from an export without the study's database: whether it was closed, and looks before, are unknown.
    """

    name: str
    design_sha256: str
    seats: int
    seats_complete: int
    stopping: str = ""
    status_unknown: bool = False


class RunRef(Record):
    """Which images: the hash of the run's plan, and the hash over its decoded pixels."""

    plan_sha256: str
    pixels_sha256: str


class Result(Record):
    """Everything a table says about one model on one prompt set under one protocol."""

    schema_version: Literal[1] = 1
    kind: Kind
    model: ModelCard
    prompt_set: PromptSetRef
    protocol: ProtocolRef
    reference: ReferenceRef | None
    size: int  # pixels, the size the metrics saw
    samples: int  # per prompt
    complete: bool
    refusals: int
    scores: list[Score]
    human: tuple[HumanPreference, ...] = ()
    study: StudyRef | None = None
    run: RunRef | None
    environment: dict[str, str]
    date: str
    cost: Cost | None = None

    _names = model_validator(mode="before")(with_own_reference_name)

    @model_validator(mode="after")
    def _numbers_are_usable(self) -> Self:
        seen = set()
        for score in self.scores:
            where = f"{score.metric} of {score.scope}"
            if (score.metric, score.scope) in seen:
                raise ValueError(f"{where} appears twice")
            seen.add((score.metric, score.scope))
            if not math.isfinite(score.value):
                raise ValueError(f"{where} is not a finite number")
            if score.interval != "not available" and not score.interval.low <= score.value <= score.interval.high:
                raise ValueError(f"{where} lies outside its own interval")
        if len({row.against for row in self.human}) > 1:
            raise ValueError("human preferences against several models are several results")
        return self

    @property
    def against(self) -> str:
        """What raters compared the model with; empty without a human study."""
        return self.human[0].against if self.human else ""

    def score(self, metric: str, scope: str) -> Score | None:
        """The aggregate of one metric over one scope, or None where it was not measured."""
        return next((each for each in self.scores if each.metric == metric and each.scope == scope), None)


def result_from_score_file(card: ModelCard, score_file: ScoreFile, kind: Kind) -> Result:
    """Join a model's card and the scores of its run to one result.

    Raises UserError when the score file holds numbers that no table may show (not finite, outside their interval).
    """
    both = (Result.model_fields.keys() & ScoreFile.model_fields.keys()) - {"schema_version"}
    said = {name: getattr(score_file, name) for name in both}
    run = RunRef(plan_sha256=score_file.plan_sha256, pixels_sha256=score_file.pixels_sha256)
    try:
        return Result(kind=kind, model=card, run=run, **said)
    except ValidationError as error:
        raise UserError(f"the scores of {card.name} cannot become a result: {first_problem(error)}") from None


def read_result(path: Path) -> Result:
    """Read one result file. Raises UserError naming the file and the first wrong field."""
    try:
        data = path.read_bytes()
        _refuse_newer(data, path)
        return Result.model_validate_json(data)
    except OSError as error:
        raise UserError(f"cannot read the result file {path}: {error.strerror}") from None
    except ValidationError as error:
        raise UserError(f"{path} is not a valid result file: {first_problem(error)}") from None


def _refuse_newer(data: bytes, path: Path) -> None:
    """Raises UserError for a file of a later schema, in which fields that are unknown here may be right."""
    try:
        version = json.loads(data).get("schema_version")
    except (ValueError, AttributeError, RecursionError):
        return  # told by who validates it
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UserError(
            f"{path} of schema {version} is of a newer drawbench: upgrade this one (schema {SCHEMA_VERSION})"
        )


def write_result(result: Result, folder: Path) -> Path:
    """Write a result into `folder` under its own name, atomically, and return the path.

    A file of the same measurement (see `identity`) is replaced; another measurement is never overwritten.
    """
    path = result_path(result, folder)
    write_text_atomically(path, result_text(result))
    return path


def result_text(result: Result) -> str:
    """The text of a result file: pretty-printed JSON with sorted keys, so that two versions diff well."""
    unknown = {"cost"} if result.cost is None else None  # files from before it was recorded stay as they are
    dumped = result.model_dump(mode="json", exclude=unknown)
    return json.dumps(dumped, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def identity(result: Result) -> str:
    """What makes a result a newer version of another one: 64 hex digits over model, set, protocol and how it was run.

    Weights and dates are left out on purpose: a retrained model's result takes the place of the old one. A human
    study's does not: each study is a measurement of its own.
    """
    facts: list[object] = [
        result.kind,
        result.model.adapter,
        result.model.spec,
        result.model.name,
        sorted(result.model.settings.items()),
        result.prompt_set.name,
        result.protocol.name,
        result.size,
        result.samples,
        result.complete,
    ]
    if result.study is not None:
        facts += [result.against, result.study.design_sha256]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def result_path(result: Result, folder: Path) -> Path:
    """The first name that is free or already holds this very measurement."""
    other = f"-against-{_slug(result.against)}" if result.against else ""
    size = f"{other}-{result.size}px"
    samples = f"{size}-{result.samples}x"
    part = "" if result.complete else "-partial"
    for qualifier in (other, size, samples, samples + part, f"{samples}{part}-{identity(result)[:8]}"):
        path = folder / _file_name(result, qualifier)
        if not path.exists() or identity(read_result(path)) == identity(result):
            return path
    raise UserError(f"{path} holds another measurement: move it away")


def _file_name(result: Result, qualifier: str) -> str:
    """`<model>--<set><qualifier>--<protocol>.json`: lower-case letters, digits and hyphens."""
    parts = (result.model.name, result.prompt_set.name, result.protocol.name)
    model, prompts, protocol = (_slug(part) for part in parts)
    return f"{model}--{prompts}{qualifier}--{protocol}.json"


def _slug(text: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return slug[:60].strip("-") or hashlib.sha256(text.encode()).hexdigest()[:8]
