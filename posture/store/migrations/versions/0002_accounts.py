"""Accounts of the dashboard, and who is signed in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "account",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("systems", sa.Text(), nullable=False, comment="JSON list; empty: every system"),
        sa.Column("password", sa.Text(), nullable=False, comment="hash with algorithm and parameters"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled", sa.SmallInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_account")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "login",
        sa.Column(
            "token",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="sha256 of the token; the token itself is never kept",
        ),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_login")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove both tables."""
    op.drop_table("login")
    op.drop_table("account")
