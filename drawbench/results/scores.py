"""The score file of a run: aggregates of one protocol, as scores/<protocol>.json beside the images."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from drawbench.errors import UserError
from drawbench.records import Record, first_problem
from metrics.statistics.result import Interval as Interval  # one for what is computed and what is stored

SCHEMA_VERSION = 1
OVERALL = "overall"
MaybeInterval = Interval | Literal["not available"]
WORLD, FORMER_NAME, WORLD_REFERENCES = "world", "val2014", 2000


class Score(Record):
    """One aggregate. `scope` is `overall` or a category; `note` is a warning that belongs beside the number."""

    metric: str
    scope: str
    value: float
    interval: MaybeInterval
    n: int
    definition: str
    note: str = ""


class PromptSetRef(Record):
    """Which prompts: the set's name, its SHA-256 over `category\\ttext\\n`, and how many prompts were evaluated."""

    name: str
    sha256: str
    n: int


class ProtocolRef(Record):
    """Which definitions: two numbers compare only under equal fingerprints.

    spec: as `--protocol` takes it, where that is not its name; files and folders stand by their names alone.
    """

    name: str
    version: int
    fingerprint: str
    spec: str = Field(default="", exclude_if=lambda spec: not spec)

    @property
    def typed(self) -> str:
        """What stands behind `--protocol` in a command."""
        return self.spec or self.name


class ReferenceRef(Record):
    """Which reference images a distance was measured to."""

    name: str
    sha256: str
    n: int


class Cost(Record):
    """What drawing took, on the devices that drew: numbers of other devices do not compare, and are never ranked.

    seconds_per_image: of one process, without its first batch, whose images and seconds stand apart as its warm-up.
    peak_memory_bytes: of one process: allocated on the GPU, else all of its own.
    """

    seconds_per_image: float
    images: int
    warm_up_seconds: float
    warm_up_images: int
    peak_memory_bytes: int
    devices: tuple[str, ...]


def with_own_reference_name(data: Any) -> Any:
    """A score file or result as it is read. The references of the set `world` once went by their folder, `val2014`."""
    reference, prompts = (data.get(name) if isinstance(data, dict) else None for name in ("reference", "prompt_set"))
    if not isinstance(reference, dict) or not isinstance(prompts, dict):
        return data
    if (prompts.get("name"), reference.get("name"), reference.get("n")) != (WORLD, FORMER_NAME, WORLD_REFERENCES):
        return data
    scores = [
        {
            **score,
            "definition": str(score.get("definition")).replace(f"references {FORMER_NAME}", f"references {WORLD}"),
        }
        if isinstance(score, dict)
        else score
        for score in data.get("scores", [])
    ]
    return {**data, "reference": {**reference, "name": WORLD}, "scores": scores}


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
    cost: Cost | None = None

    _names = model_validator(mode="before")(with_own_reference_name)


FOLDER = "scores"


def scores_path(run: Path, protocol: str) -> Path:
    """Where a run's aggregates under a protocol lie, once it has been scored."""
    return run / FOLDER / f"{protocol}.json"


def read_scores(path: Path) -> ScoreFile:
    """The aggregates in a file. Raises UserError when it holds none."""
    try:
        return ScoreFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path} is not a valid score file ({first_problem(error)}): score the run again") from None
