"""What the rows of all files have in common."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen row of a file: unknown fields are refused, so that a typo is never silently a missing value."""

    model_config = ConfigDict(frozen=True, extra="forbid")
