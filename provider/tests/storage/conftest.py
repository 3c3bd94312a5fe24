"""Every adapter of the storage ports, each over a fresh folder. Loop-bound: open and close with the test."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator

import pytest

from argo_provider.storage.memory import memory_stores
from argo_provider.storage.sql import open_stores

ADAPTERS = ["memory", "sqlite", "sqlite+aiosqlite"]
POSTGRES = os.environ.get("ARGO_TEST_POSTGRES")  # the socket folder of a server whose user postgres may make databases
if POSTGRES:
    ADAPTERS.append("postgresql")


@pytest.fixture(params=ADAPTERS)
async def stores(request, tmp_path) -> AsyncIterator:
    """The ports over each adapter."""
    if request.param == "memory":
        yield memory_stores()
        return
    if request.param == "postgresql":
        async with open_stores(await fresh_database(), tmp_path / "blobs") as opened:
            yield opened
        return
    path = tmp_path / "argo.db"
    target = path if request.param == "sqlite" else f"{request.param}:///{path}"
    async with open_stores(target, tmp_path / "blobs") as opened:
        yield opened


async def fresh_database():
    """The URL of a new database on the PostgreSQL server."""
    import asyncpg

    name = f"argo_test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(host=POSTGRES, user="postgres", database="postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"postgresql+asyncpg://postgres@/{name}?host={POSTGRES}"


@pytest.fixture
def reopen(tmp_path):
    """Open the SQLite stores of this test's folder; again and again if wanted."""
    return lambda options=None: open_stores(tmp_path / "argo.db", tmp_path / "blobs", options)


@pytest.fixture
async def sqlite_stores(reopen) -> AsyncIterator:
    async with reopen() as opened:
        yield opened
