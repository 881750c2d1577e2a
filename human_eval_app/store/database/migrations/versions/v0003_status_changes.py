"""When a study was opened again, paused or closed."""

import sqlalchemy as sa
from alembic import op

from human_eval_app.store.database.migrations.versions.v0001_first_tables import append_only

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table. Of a study that is not open now, all that is known is that it was when the last vote came."""
    op.create_table(
        "status_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_change")),
        sa.CheckConstraint("status IN ('open', 'paused', 'closed')", name=op.f("ck_status_change_status")),
    )
    op.execute(
        "INSERT INTO status_change (at, status) "
        "SELECT COALESCE((SELECT MAX(server_time) FROM vote), created_at), status FROM study WHERE status <> 'open'"
    )
    append_only("status_change")
