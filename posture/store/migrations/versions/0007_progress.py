"""How far a running scan has come."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("run", sa.Column("progress", sa.Text(), nullable=True, comment="JSON; of a run that is running"))


def downgrade() -> None:
    """Remove the column."""
    op.drop_column("run", "progress")
