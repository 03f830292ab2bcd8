"""Runs the migrations over the connection that ``posture.store.database`` hands in; there is no alembic.ini."""

from __future__ import annotations

from alembic import context

from posture.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
