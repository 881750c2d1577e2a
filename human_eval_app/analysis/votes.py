"""The votes of a study as one table, checked against its design: what every analysis starts from.

A votes table has one row per answer: the export's columns, of which `dwell_ms` is never more than `gap_ms`, and
`choice`: `a`, `indifferent` or `b` of a paired trial (a: the panel's first model), else the raw answer;
`left_is_a`: whether the first model was on the left (False where a single image is judged);
`model_a`, `model_b`: the panel's models (`model_b` empty where a single image is judged).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from drawbench.errors import UserError
from human_eval_app.analysis.layout import FIXED, KEYS, layout
from human_eval_app.store.export import TOTAL
from human_eval_app.store.records import VoteRow
from human_eval_app.study.design import Design

COLUMNS = tuple(field.name for field in fields(VoteRow))
NUMBERS = ("position", "sequence", "load_ms", "dwell_ms", "zooms")
LATER = ("gap_ms", "open_ms")  # columns that older exports do not have
FORMATS = {".csv": "CSV", ".jsonl": "JSON lines", ".parquet": "parquet"}
TRUE, FALSE = ("true", "1"), ("false", "0")


@dataclass(frozen=True)
class Votes:
    """Everything that raters said.

    table: current answers of complete sittings. sittings: how many sittings are in each state.
    simulated: whether the design or any row says that these raters are not people.
    begun: every sitting with an answer to the main part, by its number and in the order of their first ones:
        `panel`, `state`, `last`, when its last answer came, and `pause`, the longest time between two answers, both by
        a clock that stands while the study is paused (as far as is known: older exports do not say).
    """

    table: pd.DataFrame
    sittings: Mapping[str, int]
    simulated: bool
    begun: pd.DataFrame


def read_votes(path: Path, design: Design | None = None) -> list[dict[str, Any]]:
    """The rows of an exported file (CSV, JSON lines or parquet), as VoteRow's fields with their types.

    Raises UserError when the file cannot be read, is not an export, or leaves out or repeats rows though the design
    has a stopping rule: who began and has not ended decides which raters count.
    """
    if path.suffix not in FORMATS:
        raise UserError(f"{path} is no export of votes: give a file that ends in {', '.join(FORMATS)}.")
    try:
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        elif path.suffix == ".jsonl":
            frame = pd.DataFrame(list(map(json.loads, path.read_text(encoding="utf-8").splitlines())), dtype=object)
        else:
            frame = pd.read_parquet(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); give an export of votes.") from None
    except ValueError:
        raise UserError(f"{path} is not {FORMATS[path.suffix]}; export the votes again.") from None
    missing = [name for name in COLUMNS if name not in (*frame.columns, *LATER) and len(frame)]
    if missing:
        raise UserError(f"{path} is no export of votes: it has no column {missing[0]}; export the votes again.")
    if design is not None and design.stopping is not None and not _is_whole(frame):
        raise UserError(
            f"{path} does not hold every answer of study {design.name}, or does not say so, and its stopping rule "
            "needs them all, those of raters at work too: export it with --all."
        )
    rows = frame.reindex(columns=list(COLUMNS)).astype(object).to_dict("records")
    return [
        _typed({str(name): value for name, value in row.items()}, f"row {number} of {path}")
        for number, row in enumerate(rows, start=1)
    ]


def rows_of(votes: Iterable[VoteRow]) -> list[dict[str, Any]]:
    """The rows of a store, as `read_votes` gives those of a file."""
    return [_typed(vars(vote), "a row of the store") for vote in votes]


def check_votes(rows: Sequence[Mapping[str, Any]], design: Design) -> Votes:
    """The votes that count, after every one has been found to fit the design.

    Raises UserError when votes are of another design, contradict it, or count twice, or when no sitting is complete.
    """
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    strange = sorted(set(frame["design_sha256"]) - {design.sha256})
    if strange:
        raise UserError(
            f"these votes are of another design ({strange[0][:12]}) than study {design.name} "
            f"({design.sha256[:12]}); give the votes of this study."
        )
    states = frame.drop_duplicates("sitting")["sitting_state"].value_counts()
    counts = (frame["part"] == "main") & (frame["sitting_state"] == "complete") & ~frame["superseded"].astype(bool)
    current = frame[counts].astype({"mirror_of_position": "Int64"})
    if current.empty:
        raise UserError(f"study {design.name} has no complete sitting yet: there is nothing to analyse.")
    _check_sittings(current)
    table = _joined(layout(design), current, design)
    first_left = table["paired"] & (table["left_model"] == table["model_a"])
    chose_first = (table["answer"] == "left") == first_left
    choice = table["answer"].where(~table["answer"].isin(("left", "right")), chose_first.map({True: "a", False: "b"}))
    simulated = design.raters == "simulated" or bool((frame["source"] == "simulated").any())
    sittings = {str(state): int(count) for state, count in states.items()}
    return Votes(table.assign(choice=choice, left_is_a=first_left), sittings, simulated, _begun(frame))


def main_votes(table: pd.DataFrame) -> pd.DataFrame:
    """The answers that rates are made of: no gold trials and no mirrored repeats."""
    return table[table["kind"] == "main"]


def _is_whole(frame: pd.DataFrame) -> bool:
    """Whether every row of an export says that it has as many rows as it has."""
    return TOTAL in frame.columns and set(frame[TOTAL].astype(str)) == {str(len(frame))}


def _begun(frame: pd.DataFrame) -> pd.DataFrame:
    """The sittings of all rows, as `Votes.begun` has them."""
    main = frame[frame["part"] == "main"]
    at = pd.to_datetime(main["server_time"], format="ISO8601", utc=True)
    known = main["open_ms"].notna().all()
    clock = pd.to_timedelta(main["open_ms"].astype(float), unit="ms") if known else at - at.min()
    rows = main[["sitting", "panel", "sitting_state"]].assign(at=at, clock=clock, number=main["sitting"].astype(int))
    rows = rows.sort_values(["at", "number"])
    pause = rows.groupby("sitting")["clock"].diff().fillna(pd.Timedelta(0))
    return (
        rows.assign(pause=pause)
        .groupby("sitting", sort=False)
        .agg(panel=("panel", "first"), state=("sitting_state", "first"), last=("clock", "max"), pause=("pause", "max"))
    )


def _check_sittings(current: pd.DataFrame) -> None:
    """One sitting per seat and per rater, and in it no question answered twice."""
    sittings = current.drop_duplicates("sitting")
    for column in ("seat", "rater"):
        twice = sittings[sittings[column].duplicated()]
        if len(twice):
            raise UserError(
                f"{column} {twice[column].iloc[0]} has two complete sittings in these votes, where a study has one; "
                "export the votes again."
            )
    if current.duplicated(["sitting", *KEYS]).any():
        raise UserError("these votes hold two standing answers to one question; export the votes again.")


def _joined(asked: pd.DataFrame, current: pd.DataFrame, design: Design) -> pd.DataFrame:
    """The votes in the design's order, each with the layout's columns; refuses votes that contradict the layout."""
    asked = asked[asked["seat"].isin(set(current["seat"]))]
    both = asked.merge(current, on=list(KEYS), how="outer", suffixes=("", "_said"), indicator=True, sort=False)
    for side, problem in (("right_only", "an answer where the design asks for none"), ("left_only", "no answer")):
        odd = both[both["_merge"] == side]
        if len(odd):
            raise UserError(f"these votes have {problem} at {_where(odd)}; export the votes again.")
    for name in FIXED:
        odd = both[both[name].fillna(-1) != both[f"{name}_said"].fillna(-1)]
        if len(odd):
            raise UserError(f"these votes contradict the design in {name} at {_where(odd)}; export the votes again.")
    for question in design.questions:
        odd = both[(both["question"] == question.id) & ~both["answer"].isin(question.answers)]
        if len(odd):
            raise UserError(
                f"these votes have the answer {odd['answer'].iloc[0]!r} at {_where(odd)}, which the design does not "
                "offer; export the votes again."
            )
    ordered = asked[list(KEYS)].merge(both, on=list(KEYS), how="left", sort=False)
    return ordered[[*COLUMNS, "paired", "model_a", "model_b"]]


def _where(rows: pd.DataFrame) -> str:
    row = rows.iloc[0]
    return f"seat {row['seat']}, position {row['position']}, question {row['question']}"


def _typed(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """One row with numbers as int, flags as bool, and everything else as text."""
    typed: dict[str, Any] = {}
    for name in COLUMNS:
        value = row[name]
        text = "" if _is_nothing(value) else str(value)
        try:
            if name in NUMBERS:
                typed[name] = int(float(text))
            elif name in ("mirror_of_position", *LATER):
                typed[name] = int(float(text)) if text else None
            elif name == "superseded":
                typed[name] = _flag(text)
            else:
                typed[name] = text
        except ValueError:
            raise UserError(f"{where} has {text!r} in column {name}; export the votes again.") from None
    if typed["gap_ms"] is not None and typed["source"] != "simulated":
        typed["dwell_ms"] = min(typed["dwell_ms"], typed["gap_ms"])  # no browser saw a screen for longer
    return typed


def _flag(text: str) -> bool:
    if text.lower() not in (*TRUE, *FALSE):
        raise ValueError(text)
    return text.lower() in TRUE


def _is_nothing(value: object) -> bool:
    return value is None or value != value  # NaN is what a missing number becomes in a data frame
