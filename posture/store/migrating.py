"""The schema brought from one revision to another; Alembic's one home, loaded only when there is something to do."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"


def knows(revision: str) -> bool:
    """Return whether this program has the migration that made a revision."""
    return revision in _order(ScriptDirectory(str(_MIGRATIONS)))


def bring(conn: Connection, revision: str) -> None:
    """Bring the schema to a revision, up or down; ``head`` is the newest, ``base`` removes every table."""
    config = _config(conn)
    current = MigrationContext.configure(conn).get_current_revision()
    order = _order(ScriptDirectory.from_config(config))
    target = order[0] if revision == "head" else revision
    down = target == "base" or (current in order and order.index(target) > order.index(current))
    (command.downgrade if down else command.upgrade)(config, revision)


def _order(scripts: ScriptDirectory) -> list[str]:
    """Return the revisions, the newest first."""
    return [script.revision for script in scripts.walk_revisions()]


def _config(conn: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = conn
    return config
