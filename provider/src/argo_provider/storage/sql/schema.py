"""Bring the database to this version's schema."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, String, column, func, inspect, select, table

from argo_provider.errors import StorageError

HEAD = "0003"  # the newest revision in migrations/versions; a test holds it equal
_LOCK = 0x4172676F_0000


def upgrade(connection: Connection) -> None:
    """Create or migrate the tables within the caller's transaction; one query when they are up to date."""
    if connection.dialect.name == "postgresql":
        # Replicas that start together migrate one after the other.
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    current = current_version(connection)
    if current == HEAD:
        return
    if current is not None and current > HEAD:
        raise StorageError(
            f"The database has schema {current}, this version knows {HEAD}: it was used by a newer argofn. "
            "Install that version, or restore a backup made before the upgrade."
        )
    migrate(connection)


def current_version(connection: Connection) -> str | None:
    """The schema's version, or None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    query: Select[Any] = select(column("version_num", String)).select_from(table("alembic_version"))
    version: str | None = connection.execute(query).scalar()
    return version


def migrate(connection: Connection, to: str = HEAD) -> None:
    """Run the migrations up to that revision, within the caller's transaction."""
    from alembic import command  # noqa: PLC0415 - slow to import, needed only when there is something to migrate
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "argo_provider.storage.sql:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
