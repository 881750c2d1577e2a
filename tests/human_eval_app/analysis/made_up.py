"""Made-up votes for tests of the analysis: simulated, or written down one by one."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pandas as pd

from human_eval_app.analysis.layout import layout
from human_eval_app.analysis.votes import Votes, check_votes, rows_of
from human_eval_app.simulate import Truth, simulate_votes
from human_eval_app.study.design import Design

if TYPE_CHECKING:
    Answers = Callable[[Mapping[str, Any]], str]


def simulated(design: Design, truth: Truth | None = None, seed: int = 0) -> Votes:
    """The checked votes of simulated raters."""
    return check_votes(rows_of(simulate_votes(design, truth or Truth(), seed)), design)


def rows_with(design: Design, answers: "Answers", *, source: str = "prolific", **changes: Any) -> list[dict[str, Any]]:
    """Export rows of complete sittings with the answers that a function gives to the layout's rows."""
    rows = [vars(vote) | {"source": source} for vote in simulate_votes(design, Truth(), 0)]
    typed = [{**row, "sitting": str(row["sitting"]), "rater": str(row["rater"])} for row in rows]
    return [{**row, "answer": answers(row), **changes} for row in typed]


def answered(design: Design, answers: "Answers") -> Votes:
    """The checked votes of people with the answers that a function gives to the layout's rows."""
    return check_votes(rows_with(design, answers), design)


def anything(seed: int) -> "Answers":
    """Any side or none, by chance, the same on every machine."""

    def answer(row: Mapping[str, Any]) -> str:
        text = f"{seed} {row['seat']} {row['position']} {row['question']}"
        return ("left", "indifferent", "right")[crc32(text.encode()) % 3]

    return answer


def preferring(choice: Callable[[Mapping[str, Any]], str]) -> "Answers":
    """Answers by `a`, `indifferent` or `b`, turned into the side that this is on; a: the model that sorts first."""

    def answer(row: Mapping[str, Any]) -> str:
        wanted = choice(row)
        if wanted == "indifferent":
            return wanted
        first_left = row["left_model"] == min(row["left_model"], row["right_model"])
        return "left" if (wanted == "a") == first_left else "right"

    return answer


def grid(values: Sequence[Sequence[float]], category: str = "only") -> pd.DataFrame:
    """A votes table from values[prompt][rater]: column `value`, and what a crossing needs."""
    return pd.DataFrame(
        [
            {
                "prompt_id": f"{category}-{prompt}",
                "rater": f"{category} rater {rater}",
                "panel": category,
                "category": category,
                "value": value,
            }
            for prompt, row in enumerate(values)
            for rater, value in enumerate(row)
        ]
    )


def question_layout(design: Design, question: str) -> pd.DataFrame:
    """The layout's rows of one question, with a `rater` for each seat."""
    rows = layout(design)
    kept = rows[(rows["question"] == question) & (rows["kind"] == "main")].reset_index(drop=True)
    return kept.assign(rater=kept["seat"])
