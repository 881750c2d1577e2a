"""The first tables: study, rater, arrival, seat, sitting, vote, undo."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IN_USE = sa.text("state IN ('active', 'complete')")


def upgrade() -> None:
    """Make all tables, and make the votes append-only."""
    _study_and_raters()
    _seats_and_sittings()
    _votes()
    for table in ("vote", "undo"):
        append_only(table)


def _study_and_raters() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("design_sha256", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.CheckConstraint("id = 1", name=op.f("ck_study_one_row")),
        sa.CheckConstraint("status IN ('open', 'paused', 'closed')", name=op.f("ck_study_status")),
    )
    op.create_table(
        "rater",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("panel", sa.Text(), nullable=True),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rater")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_rater_source_external_id")),
    )
    op.create_table(
        "arrival",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrival")),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name=op.f("fk_arrival_rater_id")),
        sa.UniqueConstraint("rater_id", "session", name=op.f("uq_arrival_rater_id_session")),
    )


def _seats_and_sittings() -> None:
    op.create_table(
        "seat",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("panel", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("holder", sa.Integer(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
        sa.ForeignKeyConstraint(["holder"], ["rater.id"], name=op.f("fk_seat_holder")),
        sa.UniqueConstraint("holder", name=op.f("uq_seat_holder")),
        sa.CheckConstraint("status IN ('free', 'leased', 'complete')", name=op.f("ck_seat_status")),
        sa.CheckConstraint("(status = 'free') = (holder IS NULL)", name=op.f("ck_seat_held_unless_free")),
        sa.CheckConstraint("(status = 'leased') = (lease_until IS NOT NULL)", name=op.f("ck_seat_lease_has_an_end")),
    )
    op.create_index("ix_panel_status", "seat", ["panel", "status"])
    op.create_table(
        "sitting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rater_id", sa.Integer(), nullable=False),
        sa.Column("seat_id", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("instructions_version", sa.Text(), nullable=False),
        sa.Column("consented_at", sa.BigInteger(), nullable=False),
        sa.Column("instructions_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sitting")),
        sa.ForeignKeyConstraint(["rater_id"], ["rater.id"], name=op.f("fk_sitting_rater_id")),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_sitting_seat_id")),
        sa.UniqueConstraint("rater_id", name=op.f("uq_sitting_rater_id")),
        sa.CheckConstraint(
            "state IN ('active', 'complete', 'screened_out', 'expired', 'withdrawn')", name=op.f("ck_sitting_state")
        ),
        sa.CheckConstraint("(state = 'active') = (ended_at IS NULL)", name=op.f("ck_sitting_ended_unless_active")),
    )
    op.create_index(
        "uq_sitting_seat_in_use", "sitting", ["seat_id"], unique=True, sqlite_where=IN_USE, postgresql_where=IN_USE
    )


def _votes() -> None:
    op.create_table(
        "vote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("server_time", sa.BigInteger(), nullable=False),
        sa.Column("load_ms", sa.Integer(), nullable=False),
        sa.Column("dwell_ms", sa.Integer(), nullable=False),
        sa.Column("zooms", sa.Integer(), nullable=False),
        sa.Column("client_time", sa.Text(), nullable=False),
        sa.Column("app_version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
        sa.ForeignKeyConstraint(["sitting_id"], ["sitting.id"], name=op.f("fk_vote_sitting_id")),
        sa.UniqueConstraint(
            "sitting_id", "part", "position", "sequence", name=op.f("uq_vote_sitting_id_part_position_sequence")
        ),
        sa.CheckConstraint("part IN ('training', 'main')", name=op.f("ck_vote_part")),
    )
    op.create_table(
        "undo",
        sa.Column("vote_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("server_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vote_id", name=op.f("pk_undo")),
        sa.ForeignKeyConstraint(["vote_id"], ["vote.id"], name=op.f("fk_undo_vote_id")),
    )


def append_only(table: str) -> None:
    """Let the database itself refuse to change or delete a row."""
    refusal = f"rows of {table} are never changed or deleted"
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )
