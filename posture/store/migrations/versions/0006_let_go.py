"""Blobs whose bytes the retention policy let go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    comment = "row of the chain that says why content is gone"
    op.add_column("blob", sa.Column("let_go", sa.BigInteger(), nullable=True, comment=comment))


def downgrade() -> None:
    """Remove the column; what was let go stays away, and an older program calls it damaged."""
    op.drop_column("blob", "let_go")
