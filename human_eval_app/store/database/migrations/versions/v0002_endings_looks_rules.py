"""A code for every ending, looks at results, a stopping rule's decision, raters' problems, and a vote's submission."""

import sqlalchemy as sa
from alembic import op

from human_eval_app.store.database.migrations.versions.v0001_first_tables import append_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and the column; what is there already stays as it is."""
    op.add_column("vote", sa.Column("submission", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "code",
        sa.Column("ending", sa.String(16), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ending", name=op.f("pk_code")),
        sa.CheckConstraint(
            "ending IN ('complete', 'screened_out', 'partial', 'closed', 'full')", name=op.f("ck_code_ending")
        ),
    )
    op.create_table(
        "look",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("sittings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look")),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sittings", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sa.CheckConstraint("id = 1", name=op.f("ck_decision_one_row")),
    )
    op.create_table(
        "problem",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sitting_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problem")),
        sa.ForeignKeyConstraint(["sitting_id"], ["sitting.id"], name=op.f("fk_problem_sitting_id")),
        sa.CheckConstraint("part IN ('training', 'main')", name=op.f("ck_problem_part")),
    )
    for table in ("look", "decision", "problem"):
        append_only(table)
