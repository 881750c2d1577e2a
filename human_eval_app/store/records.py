"""What goes into the vote store and what comes out: who a rater is, where they are, what they answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Source = Literal["invite", "prolific", "mturk", "simulated"]
Stage = Literal[
    "consent",
    "instructions",
    "training",
    "trial",
    "complete",
    "screened_out",
    "full",
    "timed_out",
    "withdrawn",
    "paused",
    "closed",
]
Part = Literal["training", "main"]
StudyStatus = Literal["open", "paused", "closed"]
Ending = Literal["complete", "screened_out", "partial", "closed", "full"]  # how a rater's part ended; each has a code
ENDING_OF_STAGE: dict[Stage, Ending] = {
    "complete": "complete",
    "screened_out": "screened_out",
    "timed_out": "partial",
    "withdrawn": "partial",
    "closed": "closed",
    "full": "full",
}
SittingState = Literal["active", "complete", "screened_out", "expired", "withdrawn"]
SeatStatus = Literal["free", "leased", "lapsed", "complete"]
Reason = Literal[
    "unknown_rater",  # no rater has this number
    "unknown_panel",  # the identity is for a panel that the design does not hold
    "wrong_source",  # a simulated rater at the door of a study of humans
    "bad_text",  # a text too long, or with characters that no database keeps
    "not_yours",  # the sitting is another rater's
    "crowded",  # too many began by the same recruitment link within a minute
    "lease_gone",  # the seat was given to another rater, or the sitting has ended
    "paused",
    "closed",
    "not_ready",  # a vote before the consent, the instructions or the training are done
    "out_of_order",  # not the trial that is next
    "answered",  # another answer to this screen stands and can no longer be changed
    "too_many",  # reports of problems from one sitting
    "bad_answers",  # not an answer to each question of the design
    "no_room",  # the disk is full
    "busy",  # other writers held the database for too long
    "unavailable",  # the database cannot be reached or written to
]


class StoreRefusal(Exception):  # noqa: N818  a refusal is an answer, not a fault of the program
    """The store said no and wrote nothing. `reason` is for programs, the sentence is for people.

    standing: with reason `answered`, the answers that stand, by question.
    """

    def __init__(self, reason: Reason, sentence: str, standing: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.reason: Reason = reason
        self.sentence = sentence
        self.standing = standing or {}


@dataclass(frozen=True)
class Identity:
    """Who is at the door. The app has checked the signed link or the platform's parameters before it comes here.

    external_id: the invitation's id, PROLIFIC_PID or workerId; unique per source within a study.
    panel: the panel an invitation is for; None: the panel with most free seats.
    session: Prolific's SESSION_ID or MTurk's assignmentId; kept for audits only.
    """

    source: Source
    external_id: str
    panel: str | None = None
    session: str = ""


@dataclass(frozen=True)
class Place:
    """Where a rater is. Always the answer to a query, never kept in a session.

    position: 0-based index of the trial to show: into `design.training` in stage training, into
        `design.trials_of_seat[seat]` in stage trial; 0 in every other stage.
    total: trials in this part; 0 in every other stage.
    sequence: the number that the next vote on this very trial gets: 0, then one more after every undo of it (in
        training: after every wrong answer).
    can_undo: whether the last main vote of this sitting may be taken back. It is the vote at `position - 1`.
    """

    rater: int
    stage: Stage
    language: str | None
    panel: str | None
    seat: str | None
    sitting: int | None
    position: int
    total: int
    sequence: int
    can_undo: bool


@dataclass(frozen=True)
class ResponseTimes:
    """What the rater's browser measured. The durations are monotonic, so that its wall clock does not matter.

    load_ms: until all images of the trial were loaded. dwell_ms: from then to the answer. zooms: images enlarged.
    shown_at: the browser's own wall clock, ISO 8601; kept for audits only.
    Numbers outside 0 .. 2**31 - 1 are kept as the nearest end of that range.
    """

    load_ms: int
    dwell_ms: int
    zooms: int
    shown_at: str


@dataclass(frozen=True)
class SeatState:
    """One seat of a panel, as it is now.

    status: `lapsed` is a lease that ran out and that nobody has taken over yet: its rater may still go on.
    rater, sitting: who has it now; None when it is free. lease_until: ISO 8601 UTC, None when free or complete.
    votes: main votes of this sitting that stand, of `total`.
    """

    panel: str
    seat: str
    status: SeatStatus
    rater: int | None
    sitting: int | None
    lease_until: str | None
    votes: int
    total: int


@dataclass(frozen=True)
class RaterState:
    """One rater, as they are now. Times are ISO 8601 UTC by the database's clock, None where it has not happened.

    sessions: the platform's session ids under which they came, in order of arrival.
    votes: main votes that stand, of `total`. undone: votes taken back. training_tries: answers given in training.
    gold_right, gold_answers: right answers, and answers with a known right one, in votes that stand.
    """

    rater: int
    source: Source
    external_id: str
    sessions: tuple[str, ...]
    stage: Stage
    panel: str | None
    seat: str | None
    sitting: int | None
    sitting_state: SittingState | None
    language: str | None
    instructions_version: str | None
    entered_at: str
    consented_at: str | None
    instructions_at: str | None
    last_vote_at: str | None
    ended_at: str | None
    votes: int
    total: int
    undone: int
    training_tries: int
    gold_right: int
    gold_answers: int


@dataclass(frozen=True)
class VoteRow:
    """One question of one vote, as the export has it. The fields are the export's columns, in its order.

    answer, expected: raw, as seen on the screen (`left`, not a model); `expected` is empty where no answer is known.
    mirror_of_position: position, in the same seat, of the trial that this one repeats with its sides exchanged.
    right_model: empty where a single image is judged.
    superseded: the vote was undone, or another one at its position followed (in training: another try).
    server_time: ISO 8601 UTC with milliseconds, by the database's clock. client_time: as the browser gave it.
    gap_ms: from when the screen could be seen first to the answer, by the database's clock, whatever a browser says.
    open_ms: how long the study had been open by then, a clock that stands while it is paused.
    """

    study: str
    design_sha256: str
    panel: str
    category: str
    seat: str
    sitting: int
    sitting_state: SittingState
    rater: int
    source: Source
    part: Part
    position: int
    kind: str
    prompt_id: str
    question: str
    answer: str
    expected: str
    left_model: str
    right_model: str
    mirror_of_position: int | None
    sequence: int
    superseded: bool
    server_time: str
    load_ms: int
    dwell_ms: int
    zooms: int
    client_time: str
    app_version: str
    instructions_version: str
    language: str
    gap_ms: int
    open_ms: int


@dataclass(frozen=True)
class Look:
    """Somebody saw preferences while the study was not closed. at: ISO 8601 UTC. sittings: complete by then."""

    at: str
    place: str
    sittings: int


@dataclass(frozen=True)
class Decision:
    """What the design's stopping rule decided. at: ISO 8601 UTC. outcome: JSON, as the rule words it."""

    at: str
    sittings: int
    outcome: Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """What a rater wrote about a screen. at: ISO 8601 UTC."""

    rater: int
    sitting: int
    part: Part
    position: int
    text: str
    at: str
