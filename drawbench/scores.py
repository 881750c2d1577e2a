"""The score file of a run: aggregates of one protocol, as scores/<protocol>.json beside the images."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1
OVERALL = "overall"


class Record(BaseModel):
    """A frozen row of a file: unknown fields are refused, so that a typo is never silently a missing value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(Record):
    """A confidence interval in the metric's own unit, with the method that made it."""

    low: float
    high: float
    method: str
    level: float = 0.95


class Score(Record):
    """One aggregate. `scope` is `overall` or a category; `note` is a warning that belongs beside the number."""

    metric: str
    scope: str
    value: float
    interval: Interval | Literal["not available"]
    n: int
    definition: str
    note: str = ""


class PromptSetRef(Record):
    """Which prompts: the set's name, its SHA-256 over `category\\ttext\\n`, and how many prompts were evaluated."""

    name: str
    sha256: str
    n: int


class ProtocolRef(Record):
    """Which definitions: two numbers compare only under equal fingerprints."""

    name: str
    version: int
    fingerprint: str


class ReferenceRef(Record):
    """Which reference images a distance was measured to."""

    name: str
    sha256: str
    n: int


class ScoreFile(Record):
    """Everything measured on one run under one protocol."""

    schema_version: int = SCHEMA_VERSION
    protocol: ProtocolRef
    prompt_set: PromptSetRef
    reference: ReferenceRef | None
    size: int
    samples: int  # per prompt
    complete: bool  # False when the plan held a part of the set only
    refusals: int
    scores: list[Score]
    plan_sha256: str
    pixels_sha256: str
    environment: dict[str, str]
    date: str  # ISO 8601, day
