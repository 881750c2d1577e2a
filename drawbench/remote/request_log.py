"""Every request to a server, in a file of the run: a line before it is sent, and one when it is answered.

So those of a process that was killed are counted, too.
"""

import json
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ANSWER = "answer"


@dataclass(frozen=True)
class Usage:
    """What drawing has taken so far. answered: requests that brought an image. seconds: from request to answer, of
    these together. cost: of these, in the unit of the price; None where no price is known. lossy: samples whose images
    came as JPEG or lossy WebP. rewritten: those that the server drew from a text of its own."""

    requests: int = 0
    answered: int = 0
    seconds: float = 0.0
    cost: float | None = None
    lossy: int = 0
    rewritten: int = 0

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        facts = {"requests": self.requests, "answered": self.answered, "seconds": round(self.seconds, 3)}
        return facts | ({} if self.cost is None else {"cost": round(self.cost, 6)})

    def words(self) -> str:
        """In one phrase."""
        rest = self.requests - self.answered
        others = f" ({rest} of them without an image)" if rest else ""
        cost = "" if self.cost is None else f", cost {self.cost:.6g}"
        return f"{self.requests} requests{others}, {self.seconds:.0f} s of waiting{cost}"


class RequestLog:
    """Appends to the file, from several threads; without a file it does nothing."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()

    def sent(self, about: str) -> str:
        """Before a request is sent; returns what names it."""
        name = secrets.token_hex(6)
        self._append({"request": name, "sample": about, "sent": datetime.now(UTC).isoformat(timespec="milliseconds")})
        return name

    def answered(self, name: str, outcome: str, seconds: float, cost: float | None = None) -> None:
        """What came of it: ANSWER, or in a word why there is none. cost: only of an answer."""
        row = {"request": name, "outcome": outcome, "seconds": round(seconds, 3)}
        self._append(row if cost is None else {**row, "cost": cost})

    def lossy(self, about: str) -> None:
        """An image came as JPEG or lossy WebP."""
        self._append({"sample": about, "lossy": True})

    def rewritten(self, about: str) -> None:
        """An image was drawn from another text than the prompt."""
        self._append({"sample": about, "rewritten": True})

    def _append(self, row: dict[str, Any]) -> None:
        if self._file is None:
            return
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read_usage(file: Path) -> Usage | None:
    """What the file says in all; None where there is none. A line that a kill cut short is none."""
    if not file.is_file():
        return None
    rows = [row for line in file.read_bytes().split(b"\n") if (row := _row(line)) is not None]
    answers = [row for row in rows if row.get("outcome") == ANSWER]
    costs = [row["cost"] for row in answers if "cost" in row]
    return Usage(
        requests=sum("sent" in row for row in rows),
        answered=len(answers),
        seconds=sum(row["seconds"] for row in answers),
        cost=sum(costs) if costs else None,
        lossy=len({row["sample"] for row in rows if "lossy" in row}),
        rewritten=len({row["sample"] for row in rows if "rewritten" in row}),
    )


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
