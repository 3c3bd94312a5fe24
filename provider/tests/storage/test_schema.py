"""Migrations: what they make is what the queries expect, and an up-to-date database costs one look."""

from __future__ import annotations

import asyncio
import os
import stat
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from argo_provider.errors import StorageError
from argo_provider.storage.sql import open_stores, schema
from argo_provider.storage.sql.opening import open_database
from argo_provider.storage.sql.tables import metadata

pytestmark = pytest.mark.integration


@pytest.fixture
async def database(tmp_path):
    opened = open_database(tmp_path / "argo.db")
    yield opened
    await opened.close()


def test_head_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", "argo_provider.storage.sql:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


async def test_migrations_make_the_tables_that_the_queries_use(database):
    await database.write(schema.upgrade)
    assert await database.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []


async def test_second_open_neither_migrates_nor_loads_alembic(tmp_path):
    async with open_stores(tmp_path / "argo.db", tmp_path / "blobs"):
        pass
    code = (
        "import asyncio, sys, pathlib\n"
        "from argo_provider.storage.sql import open_stores\n"
        "async def main():\n"
        "    root = pathlib.Path(sys.argv[1])\n"
        "    async with open_stores(root / 'argo.db', root / 'blobs'): pass\n"
        "asyncio.run(main())\n"
        "sys.exit('alembic' in sys.modules or 'sqlalchemy.ext.asyncio' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path), env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_database_of_a_newer_version_is_refused_untouched(tmp_path, database):
    await database.write(schema.upgrade)
    await database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(StorageError, match=r"9999.*newer argofn"):
        async with open_stores(tmp_path / "argo.db", tmp_path / "blobs"):
            pass


async def test_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "argo.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="damaged"):
        async with open_stores(tmp_path / "argo.db", tmp_path / "blobs"):
            pass


async def test_unknown_kind_of_database_is_named(tmp_path):
    with pytest.raises(StorageError, match="mysql"):
        async with open_stores("mysql://localhost/argo", tmp_path / "blobs"):
            pass


async def test_only_the_owner_may_read_the_files(tmp_path):
    async with open_stores(tmp_path / "new" / "argo.db", tmp_path / "new" / "blobs") as stores:
        await stores.blobs.put(b"secret")
        for path in [tmp_path / "new", *(tmp_path / "new").rglob("*")]:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_commits_are_on_disk_and_readers_never_block_the_writer(database):
    await database.write(schema.upgrade)
    pragmas = {}
    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
        pragmas[name] = await database.write(lambda c, name=name: c.execute(text(f"PRAGMA {name}")).scalar())
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
