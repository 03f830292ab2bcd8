"""The first schema: content-addressed blobs and packs, runs, sessions, findings, the audit chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Spelled out and not taken from `posture.store.schema`, which goes on changing after this migration.
ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "blob",
        sa.Column("no", ROW_NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False, comment="sha256 of the bytes before zstd"),
        sa.Column("size", sa.Integer(), nullable=False, comment="bytes before zstd; bounds decompression"),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="zstd"),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_blob")),
        sa.UniqueConstraint("digest", name=op.f("uq_blob_digest")),
    )
    op.create_table(
        "change",
        sa.Column("seq", ROW_NUMBER, autoincrement=False, nullable=False),
        sa.Column("run_no", sa.Integer(), nullable=True),
        sa.Column("host_no", sa.Integer(), nullable=True, comment="null for an event of a run"),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="zstd of canonical JSON"),
        sa.Column("prev", sa.LargeBinary(length=32), nullable=False, comment="digest of the row before"),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False, comment="sha256 of prev and content"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_change")),
    )
    op.create_index("ix_change_host_no", "change", ["host_no"], unique=False)
    op.create_table(
        "check_name",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_check_name")),
        sa.UniqueConstraint("id", name=op.f("uq_check_name_id")),
    )
    op.create_table(
        "check_version",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False, comment="hex sha256 of the tailored check; empty when unknown"),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_check_version")),
        sa.UniqueConstraint("id", name=op.f("uq_check_version_id")),
    )
    op.create_table(
        "finding",
        sa.Column("host_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("check_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "id", sa.BigInteger(), autoincrement=False, nullable=False, comment="the 16 hex digits, as signed number"
        ),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.Integer(), nullable=False, comment="moment"),
        sa.Column("last_seen", sa.Integer(), nullable=False, comment="moment"),
        sa.Column("opened", sa.SmallInteger(), nullable=False),
        sa.Column("closed_at", sa.Integer(), nullable=True, comment="moment"),
        sa.Column("closing", sa.Text(), nullable=True),
        sa.Column("due", ROW_NUMBER, nullable=True, comment="blob: the due dates with their reasons"),
        sa.Column("waiver", sa.Text(), nullable=False),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="check_version: the check as it was when this last failed",
        ),
        sa.PrimaryKeyConstraint("host_no", "check_no", "id", name=op.f("pk_finding")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_finding_id", "finding", ["id"], unique=False)
    op.create_table(
        "host",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_host")),
        sa.UniqueConstraint("id", name=op.f("uq_host_id")),
    )
    op.create_table(
        "moment",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False, comment="microseconds; a run gives one to all its findings"),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_moment")),
        sa.UniqueConstraint("id", name=op.f("uq_moment_id")),
    )
    op.create_table(
        "pack",
        sa.Column("no", ROW_NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False, comment="root over the digests it refers to"),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="zstd of references to blobs, and the rest"),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_pack")),
        sa.UniqueConstraint("digest", name=op.f("uq_pack_digest")),
    )
    op.create_table(
        "run",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("scanner", sa.Text(), nullable=False),
        sa.Column("tool_version", sa.Text(), nullable=False),
        sa.Column("authorisation", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("baseline_digest", sa.Text(), nullable=False),
        sa.Column("inventory_digest", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("merged_from", sa.Text(), nullable=False, comment="JSON list of run ids"),
        sa.Column("inventory", ROW_NUMBER, nullable=False),
        sa.Column("baseline", ROW_NUMBER, nullable=False),
        sa.Column("hosts", sa.Integer(), nullable=False, comment="denominator, frozen before collecting"),
        sa.Column("checks", sa.Integer(), nullable=False, comment="denominator, frozen before collecting"),
        sa.Column("notes", sa.Text(), nullable=False, comment="JSON list"),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False, comment="JSON: the process that writes this run"),
        sa.Column("provenance", sa.Text(), nullable=False, comment="JSON: where an imported run comes from"),
        sa.ForeignKeyConstraint(["baseline"], ["blob.no"], name=op.f("fk_run_baseline_blob")),
        sa.ForeignKeyConstraint(["inventory"], ["blob.no"], name=op.f("fk_run_inventory_blob")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_run")),
        sa.UniqueConstraint("id", name=op.f("uq_run_id")),
    )
    op.create_table(
        "verdict",
        sa.Column("check_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "code",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="counts up in each check: common ones are small",
        ),
        sa.Column("content", ROW_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["content"], ["blob.no"], name=op.f("fk_verdict_content_blob")),
        sa.PrimaryKeyConstraint("check_no", "code", name=op.f("pk_verdict")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_verdict_content", "verdict", ["content", "check_no"], unique=True)
    op.create_table(
        "host_scan",
        sa.Column("run_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("host_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("facts", ROW_NUMBER, nullable=True, comment="pack: documents and what was unseen"),
        sa.Column("moments", sa.LargeBinary(), nullable=False, comment="when the documents were taken"),
        sa.Column("results", ROW_NUMBER, nullable=True, comment="pack: state vector and verdicts in baseline order"),
        sa.ForeignKeyConstraint(["run_no"], ["run.no"], name=op.f("fk_host_scan_run_no_run")),
        sa.PrimaryKeyConstraint("run_no", "host_no", name=op.f("pk_host_scan")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "part",
        sa.Column("run_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", ROW_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["content"], ["blob.no"], name=op.f("fk_part_content_blob")),
        sa.ForeignKeyConstraint(["run_no"], ["run.no"], name=op.f("fk_part_run_no_run")),
        sa.PrimaryKeyConstraint("run_no", "name", name=op.f("pk_part")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "session",
        sa.Column("run_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("host_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("visit", sa.Text(), nullable=False, comment="transport@vantage"),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("about", ROW_NUMBER, nullable=False, comment="blob: account, vantage, origin, host key, failure"),
        sa.Column("answers", ROW_NUMBER, nullable=False, comment="pack"),
        sa.Column(
            "durations", sa.LargeBinary(), nullable=False, comment="ms per answer; never twice the same, so apart"
        ),
        sa.ForeignKeyConstraint(["run_no"], ["run.no"], name=op.f("fk_session_run_no_run")),
        sa.PrimaryKeyConstraint("run_no", "host_no", "visit", name=op.f("pk_session")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally",
        sa.Column("run_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("check_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("hosts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_no"], ["run.no"], name=op.f("fk_tally_run_no_run")),
        sa.PrimaryKeyConstraint("run_no", "zone", "check_no", "status", name=op.f("pk_tally")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove every table."""
    op.drop_table("tally")
    op.drop_table("session")
    op.drop_table("part")
    op.drop_table("host_scan")
    op.drop_index("ix_verdict_content", table_name="verdict")
    op.drop_table("verdict")
    op.drop_table("run")
    op.drop_table("pack")
    op.drop_table("moment")
    op.drop_table("host")
    op.drop_index("ix_finding_id", table_name="finding")
    op.drop_table("finding")
    op.drop_table("check_version")
    op.drop_table("check_name")
    op.drop_index("ix_change_host_no", table_name="change")
    op.drop_table("change")
    op.drop_table("blob")
