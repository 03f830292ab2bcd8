"""What people do about findings: who works on one, and requests for waivers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "work_item",
        sa.Column("finding", sa.Text(), nullable=False, comment="the 16 hex digits"),
        sa.Column("assignee", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("comments", sa.Integer(), nullable=False, comment="their text stands in the chain"),
        sa.PrimaryKeyConstraint("finding", name=op.f("pk_work_item")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "waiver_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False, comment="JSON list of finding ids"),
        sa.Column("evidence_sha256", sa.Text(), nullable=False, comment="the asserted facts when it was asked for"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("expires", sa.Text(), nullable=False, comment="ISO date"),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiver_request")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove both tables."""
    op.drop_table("waiver_request")
    op.drop_table("work_item")
