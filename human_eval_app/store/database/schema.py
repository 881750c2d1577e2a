"""The tables. Times are whole milliseconds since 1970-01-01 UTC, by the database's own clock.

`vote`, `undo`, `look`, `decision`, `problem` and `status_change` are append-only: the migrations give them triggers
that refuse every update and delete.
"""

from typing import Any, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from human_eval_app.store.records import Ending, Part, SittingState, Source, StudyStatus

LARGEST_INTEGER = 2**31 - 1


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can change it on either database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class StudyTable(Base):
    """The one study of this database."""

    __tablename__ = "study"
    __table_args__ = (
        CheckConstraint("id = 1", name="one_row"),
        CheckConstraint("status IN ('open', 'paused', 'closed')", name="status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    design_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[StudyStatus] = mapped_column(String(16))
    created_at: Mapped[int] = mapped_column(BigInteger)


class StatusChangeTable(Base):
    """The study was opened again, paused or closed. None of its making, when it is open."""

    __tablename__ = "status_change"
    __table_args__ = (CheckConstraint("status IN ('open', 'paused', 'closed')", name="status"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[StudyStatus] = mapped_column(String(16))


class RaterTable(Base):
    """Who came. One external id sits once in a study."""

    __tablename__ = "rater"
    __table_args__ = (UniqueConstraint("source", "external_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[Source] = mapped_column(String(16))
    external_id: Mapped[str] = mapped_column(Text)
    panel: Mapped[str | None] = mapped_column(Text)  # the panel of the invitation; null: any
    entered_at: Mapped[int] = mapped_column(BigInteger)
    withdrawn_at: Mapped[int | None] = mapped_column(BigInteger)


class ArrivalTable(Base):
    """The platform's session ids under which a rater came; for audits."""

    __tablename__ = "arrival"
    __table_args__ = (UniqueConstraint("rater_id", "session"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("rater.id"))
    session: Mapped[str] = mapped_column(Text)
    at: Mapped[int] = mapped_column(BigInteger)


class SeatTable(Base):
    """A seat of the design and who has it. A leased seat whose time is over may be given to another rater."""

    __tablename__ = "seat"
    __table_args__ = (
        CheckConstraint("status IN ('free', 'leased', 'complete')", name="status"),
        CheckConstraint("(status = 'free') = (holder IS NULL)", name="held_unless_free"),
        CheckConstraint("(status = 'leased') = (lease_until IS NOT NULL)", name="lease_has_an_end"),
        Index(None, "panel", "status"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    panel: Mapped[str] = mapped_column(Text)
    number: Mapped[int]  # over all panels: which is dealt first where panels have as many free seats
    status: Mapped[Literal["free", "leased", "complete"]] = mapped_column(String(16))
    holder: Mapped[int | None] = mapped_column(ForeignKey("rater.id"), unique=True)
    lease_until: Mapped[int | None] = mapped_column(BigInteger)


class SittingTable(Base):
    """One rater's time in one seat, from the consent on. The index on the seat keeps its quota: one good sitting."""

    __tablename__ = "sitting"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'complete', 'screened_out', 'expired', 'withdrawn')", name="state"),
        CheckConstraint("(state = 'active') = (ended_at IS NULL)", name="ended_unless_active"),
        Index(
            "uq_sitting_seat_in_use",
            "seat_id",
            unique=True,
            sqlite_where=text("state IN ('active', 'complete')"),
            postgresql_where=text("state IN ('active', 'complete')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rater_id: Mapped[int] = mapped_column(ForeignKey("rater.id"), unique=True)
    seat_id: Mapped[str] = mapped_column(ForeignKey("seat.id"))
    state: Mapped[SittingState] = mapped_column(String(16))
    language: Mapped[str] = mapped_column(Text)
    instructions_version: Mapped[str] = mapped_column(Text)
    consented_at: Mapped[int] = mapped_column(BigInteger)
    instructions_at: Mapped[int | None] = mapped_column(BigInteger)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)


class VoteTable(Base):
    """One rater's answers to one trial: raw, by question. Never changed, never deleted."""

    __tablename__ = "vote"
    __table_args__ = (
        CheckConstraint("part IN ('training', 'main')", name="part"),
        UniqueConstraint("sitting_id", "part", "position", "sequence"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"))
    part: Mapped[Part] = mapped_column(String(16))
    position: Mapped[int]
    sequence: Mapped[int]
    answers: Mapped[dict[str, str]] = mapped_column(JSON)
    server_time: Mapped[int] = mapped_column(BigInteger)
    load_ms: Mapped[int]
    dwell_ms: Mapped[int]
    zooms: Mapped[int]
    client_time: Mapped[str] = mapped_column(Text)
    app_version: Mapped[str] = mapped_column(Text)
    submission: Mapped[str] = mapped_column(Text, server_default="")  # names one press of the button; "": not known


class UndoTable(Base):
    """A vote that its rater took back; at most once."""

    __tablename__ = "undo"

    vote_id: Mapped[int] = mapped_column(ForeignKey("vote.id"), primary_key=True, autoincrement=False)
    server_time: Mapped[int] = mapped_column(BigInteger)


class CodeTable(Base):
    """What a rater gives to the recruitment service, by the way in which their part in the study ended."""

    __tablename__ = "code"
    __table_args__ = (
        CheckConstraint("ending IN ('complete', 'screened_out', 'partial', 'closed', 'full')", name="ending"),
    )

    ending: Mapped[Ending] = mapped_column(String(16), primary_key=True)
    code: Mapped[str] = mapped_column(Text)


class LookTable(Base):
    """Somebody saw preferences while the study was not closed. sittings: how many were complete by then."""

    __tablename__ = "look"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
    place: Mapped[str] = mapped_column(Text)  # where: the command's or the page's name
    sittings: Mapped[int]


class DecisionTable(Base):
    """What the design's stopping rule decided, once. sittings: of how many raters; outcome: as the rule words it."""

    __tablename__ = "decision"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
    sittings: Mapped[int]
    outcome: Mapped[dict[str, Any]] = mapped_column(JSON)


class ProblemTable(Base):
    """What a rater wrote about a screen with which something was wrong."""

    __tablename__ = "problem"
    __table_args__ = (CheckConstraint("part IN ('training', 'main')", name="part"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sitting_id: Mapped[int] = mapped_column(ForeignKey("sitting.id"))
    part: Mapped[Part] = mapped_column(String(16))
    position: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[int] = mapped_column(BigInteger)
