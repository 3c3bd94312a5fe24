"""Every adapter of the storage ports, each over a fresh folder. Loop-bound: open and close with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from argo_provider.storage.memory import memory_stores
from argo_provider.storage.sql import open_stores

ADAPTERS = ("memory", "sqlite", "sqlite+aiosqlite")


@pytest.fixture(params=ADAPTERS)
async def stores(request, tmp_path) -> AsyncIterator:
    """The ports over each adapter."""
    if request.param == "memory":
        yield memory_stores()
        return
    path = tmp_path / "argo.db"
    target = path if request.param == "sqlite" else f"{request.param}:///{path}"
    async with open_stores(target, tmp_path / "blobs") as opened:
        yield opened


@pytest.fixture
def reopen(tmp_path):
    """Open the SQLite stores of this test's folder; again and again if wanted."""
    return lambda options=None: open_stores(tmp_path / "argo.db", tmp_path / "blobs", options)


@pytest.fixture
async def sqlite_stores(reopen) -> AsyncIterator:
    async with reopen() as opened:
        yield opened
