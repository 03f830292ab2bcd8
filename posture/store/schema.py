"""The tables, in types that SQLite and PostgreSQL share; times are microseconds since 1970 UTC."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

REVISION = "0007"
"""The newest of ``migrations/``: the one whose tables these are."""

# SQLite numbers rows by themselves only under the exact type INTEGER.
ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BLOB = Table(
    "blob",
    METADATA,
    Column("no", ROW_NUMBER, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True, comment="sha256 of the bytes before zstd"),
    Column("size", Integer, nullable=False, comment="bytes before zstd; bounds decompression"),
    Column("content", LargeBinary, nullable=False, comment="zstd"),
    Column("let_go", BigInteger, comment="row of the chain that says why content is gone"),
)

PACK = Table(
    "pack",
    METADATA,
    Column("no", ROW_NUMBER, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True, comment="root over the digests it refers to"),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False, comment="zstd of references to blobs, and the rest"),
)

HOST = Table(
    "host",
    METADATA,
    Column("no", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
)

CHECK_NAME = Table(
    "check_name",
    METADATA,
    Column("no", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
)

MOMENT = Table(
    "moment",
    METADATA,
    Column("no", Integer, primary_key=True),
    Column("id", BigInteger, nullable=False, unique=True, comment="microseconds; a run gives one to all its findings"),
)

VERDICT = Table(
    "verdict",
    METADATA,
    Column("check_no", Integer, primary_key=True, autoincrement=False),
    Column(
        "code", Integer, primary_key=True, autoincrement=False, comment="counts up in each check: common ones are small"
    ),
    Column("content", ROW_NUMBER, ForeignKey("blob.no"), nullable=False),
    Index("ix_verdict_content", "content", "check_no", unique=True),
    sqlite_with_rowid=False,
)

CHECK_VERSION = Table(
    "check_version",
    METADATA,
    Column("no", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True, comment="hex sha256 of the tailored check; empty when unknown"),
)

RUN = Table(
    "run",
    METADATA,
    Column("no", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("state", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("scanner", Text, nullable=False),
    Column("tool_version", Text, nullable=False),
    Column("authorisation", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("baseline_digest", Text, nullable=False),
    Column("inventory_digest", Text, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("merged_from", Text, nullable=False, comment="JSON list of run ids"),
    Column("inventory", ROW_NUMBER, ForeignKey("blob.no"), nullable=False),
    Column("baseline", ROW_NUMBER, ForeignKey("blob.no"), nullable=False),
    Column("hosts", Integer, nullable=False, comment="denominator, frozen before collecting"),
    Column("checks", Integer, nullable=False, comment="denominator, frozen before collecting"),
    Column("notes", Text, nullable=False, comment="JSON list"),
    Column("fingerprint", Text, nullable=False),
    Column("owner", Text, nullable=False, comment="JSON: the process that writes this run"),
    Column("provenance", Text, nullable=False, comment="JSON: where an imported run comes from"),
    Column("progress", Text, comment="JSON; of a run that is running"),
)

PART = Table(
    "part",
    METADATA,
    Column("run_no", Integer, ForeignKey("run.no"), primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("content", ROW_NUMBER, ForeignKey("blob.no"), nullable=False),
    sqlite_with_rowid=False,
)

SESSION = Table(
    "session",
    METADATA,
    Column("run_no", Integer, ForeignKey("run.no"), primary_key=True, autoincrement=False),
    Column("host_no", Integer, primary_key=True, autoincrement=False),
    Column("visit", Text, primary_key=True, comment="transport@vantage"),
    Column("started_at", BigInteger, nullable=False),
    Column("about", ROW_NUMBER, nullable=False, comment="blob: account, vantage, origin, host key, failure"),
    Column("answers", ROW_NUMBER, nullable=False, comment="pack"),
    Column("durations", LargeBinary, nullable=False, comment="ms per answer; never twice the same, so apart"),
    sqlite_with_rowid=False,
)

HOST_SCAN = Table(
    "host_scan",
    METADATA,
    Column("run_no", Integer, ForeignKey("run.no"), primary_key=True, autoincrement=False),
    Column("host_no", Integer, primary_key=True, autoincrement=False),
    Column("facts", ROW_NUMBER, comment="pack: documents and what was unseen"),
    Column("moments", LargeBinary, nullable=False, comment="when the documents were taken"),
    Column("results", ROW_NUMBER, comment="pack: state vector and verdicts in baseline order"),
    sqlite_with_rowid=False,
)

FINDING = Table(
    "finding",
    METADATA,
    Column("host_no", Integer, primary_key=True, autoincrement=False),
    Column("check_no", Integer, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="the 16 hex digits, as signed number"),
    Column("subject", Text, nullable=False),
    Column("first_seen", Integer, nullable=False, comment="moment"),
    Column("last_seen", Integer, nullable=False, comment="moment"),
    Column("opened", SmallInteger, nullable=False),
    Column("closed_at", Integer, comment="moment"),
    Column("closing", Text),
    Column("due", ROW_NUMBER, comment="blob: the due dates with their reasons"),
    Column("waiver", Text, nullable=False),
    Column("version", Integer, nullable=False, comment="check_version: the check as it was when this last failed"),
    Index("ix_finding_id", "id"),
    sqlite_with_rowid=False,
)

CHANGE = Table(
    "change",
    METADATA,
    Column("seq", ROW_NUMBER, primary_key=True, autoincrement=False),
    Column("run_no", Integer),
    Column("host_no", Integer, comment="null for an event of a run"),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False, comment="zstd of canonical JSON"),
    Column("prev", LargeBinary(32), nullable=False, comment="digest of the row before"),
    Column("digest", LargeBinary(32), nullable=False, comment="sha256 of prev and content"),
    Index("ix_change_host_no", "host_no"),
)

TALLY = Table(
    "tally",
    METADATA,
    Column("run_no", Integer, ForeignKey("run.no"), primary_key=True, autoincrement=False),
    Column("zone", Text, primary_key=True),
    Column("check_no", Integer, primary_key=True, autoincrement=False),
    Column("status", SmallInteger, primary_key=True, autoincrement=False),
    Column("hosts", Integer, nullable=False),
    sqlite_with_rowid=False,
)

ACCOUNT = Table(
    "account",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("systems", Text, nullable=False, comment="JSON list; empty: every system"),
    Column("password", Text, nullable=False, comment="hash with algorithm and parameters"),
    Column("made_at", BigInteger, nullable=False),
    Column("disabled", SmallInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", BigInteger),
    sqlite_with_rowid=False,
)

LOGIN = Table(
    "login",
    METADATA,
    Column("token", LargeBinary(32), primary_key=True, comment="sha256 of the token; the token itself is never kept"),
    Column("account", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

WORK_ITEM = Table(
    "work_item",
    METADATA,
    Column("finding", Text, primary_key=True, comment="the 16 hex digits"),
    Column("assignee", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("comments", Integer, nullable=False, comment="their text stands in the chain"),
    sqlite_with_rowid=False,
)

WAIVER_REQUEST = Table(
    "waiver_request",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("check", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("findings", Text, nullable=False, comment="JSON list of finding ids"),
    Column("evidence_sha256", Text, nullable=False, comment="the asserted facts when it was asked for"),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("expires", Text, nullable=False, comment="ISO date"),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("decision", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", BigInteger),
    Column("note", Text, nullable=False),
    sqlite_with_rowid=False,
)

SCHEDULE = Table(
    "schedule",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("content", Text, nullable=False, comment="JSON of the schedule"),
    sqlite_with_rowid=False,
)

OCCURRENCE = Table(
    "occurrence",
    METADATA,
    Column("schedule", Text, primary_key=True),
    Column(
        "due", BigInteger, primary_key=True, autoincrement=False, comment="with the schedule: one run, whoever looks"
    ),
    Column("planned", SmallInteger, nullable=False, comment="0: somebody asked for it"),
    Column("outcome", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("begun_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("owner", Text, nullable=False, comment="JSON: the process that claimed it and then became the scan"),
    Column("authorisation", Text, nullable=False, comment="two that share it never run at once"),
    Column("run", Text, nullable=False, comment="id of the run it made; empty when there is none"),
    Column("exit_code", Integer),
    Column("why", Text, nullable=False),
    sqlite_with_rowid=False,
)

SCHEDULER = Table(
    "scheduler",
    METADATA,
    Column("machine", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

API_TOKEN = Table(
    "api_token",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("token", LargeBinary(32), nullable=False, unique=True, comment="sha256; the token itself is never kept"),
    Column("role", Text, nullable=False),
    Column("systems", Text, nullable=False, comment="JSON list; empty: every system"),
    Column("made_by", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    sqlite_with_rowid=False,
)
