"""Every adapter of the storage ports, each over a fresh folder. Loop-bound: open and close with the test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from nats import connect

from argo_provider.cluster.artifacts import ObjectBlobStore
from argo_provider.storage.memory import memory_stores
from argo_provider.storage.sql import StoreOptions, open_stores

ADAPTERS = ["memory", "sqlite", "sqlite+aiosqlite", "postgresql"]


@pytest.fixture(params=ADAPTERS)
async def stores(request, tmp_path) -> AsyncIterator:
    """The ports over each adapter."""
    if request.param == "memory":
        yield memory_stores()
        return
    if request.param == "postgresql":
        database = await fresh_database(request.getfixturevalue("postgres_server"))
        async with bus_blobs(request.getfixturevalue("nats_server")) as blobs, open_stores(database, blobs) as opened:
            yield opened
        return
    path = tmp_path / "argo.db"
    target = path if request.param == "sqlite" else f"{request.param}:///{path}"
    async with open_stores(target, tmp_path / "blobs") as opened:
        yield opened


@asynccontextmanager
async def bus_blobs(server):
    """Blobs as a cluster keeps them, in a bucket of its own."""
    client = await connect(server.url)
    try:
        yield await ObjectBlobStore.open(client.jetstream(), f"test_{uuid.uuid4().hex}")
    finally:
        await client.close()


async def fresh_database(server):
    """The URL of a new database on that server."""
    name = f"argo_test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(server.url().replace("+asyncpg", ""))
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return server.url(name)


@pytest.fixture
async def database_url(postgres_server):
    return await fresh_database(postgres_server)


@pytest.fixture
def replica(database_url, tmp_path):
    """Open the stores as one of several replicas over one database."""
    return lambda owner: open_stores(database_url, tmp_path / "blobs", StoreOptions(owner=owner))


@pytest.fixture
def reopen(tmp_path):
    """Open the SQLite stores of this test's folder; again and again if wanted."""
    return lambda options=None: open_stores(tmp_path / "argo.db", tmp_path / "blobs", options)


@pytest.fixture
async def sqlite_stores(reopen) -> AsyncIterator:
    async with reopen() as opened:
        yield opened
