"""One thing that was looked at, and what came of it."""

from typing import Literal

from drawbench.records import Record

Outcome = Literal["holds", "fails", "not checkable"]


class Check(Record):
    """what: was looked at. words: what was found, or why it could not be."""

    what: str
    outcome: Outcome
    words: str


def holds(what: str, words: str) -> Check:
    """It is as the result says."""
    return Check(what=what, outcome="holds", words=words)


def fails(what: str, words: str) -> Check:
    """It is not."""
    return Check(what=what, outcome="fails", words=words)


def not_checkable(what: str, words: str) -> Check:
    """Nobody here can tell."""
    return Check(what=what, outcome="not checkable", words=words)
