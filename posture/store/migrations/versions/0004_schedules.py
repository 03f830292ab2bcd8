"""Schedules, what became of each time they were due, and which schedulers live."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False, comment="JSON of the schedule"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "occurrence",
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column(
            "due",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="with the schedule: one run, whoever looks",
        ),
        sa.Column("planned", sa.SmallInteger(), nullable=False, comment="0: somebody asked for it"),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "owner", sa.Text(), nullable=False, comment="JSON: the process that claimed it and then became the scan"
        ),
        sa.Column("authorisation", sa.Text(), nullable=False, comment="two that share it never run at once"),
        sa.Column("run", sa.Text(), nullable=False, comment="id of the run it made; empty when there is none"),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "due", name=op.f("pk_occurrence")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scheduler",
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("machine", name=op.f("pk_scheduler")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove the tables."""
    op.drop_table("scheduler")
    op.drop_table("occurrence")
    op.drop_table("schedule")
