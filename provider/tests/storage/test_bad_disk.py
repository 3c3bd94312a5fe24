"""A real small disk that fills up or turns read-only under load, and recovers."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import replace

import pytest

from argo_provider.errors import Overloaded, StorageError
from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.entities import Action, Exec
from argo_provider.model.names import FullName, new_activation_id
from argo_provider.storage.port import ActivationQuery
from argo_provider.storage.sql import StoreOptions, WriterLimits, open_stores

pytestmark = pytest.mark.integration
QUEUED = 100


def made_read_only(disk):
    command = ["mount", "-o", "remount,ro", str(disk)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.fixture
def small_disk(mounted, tmp_path):
    """A file system of 4 MB."""
    return mounted(tmp_path / "disk", "size=4m")


def open_on(disk):
    writer = WriterLimits(queued=QUEUED, linger=0.001, retry_every=0.01, patience=5)
    return open_stores(disk / "argo.db", disk / "blobs", StoreOptions(writer=writer))


def record(activation_id=None):
    result = Response(Status.SUCCESS, {"text": "x" * 2000})
    return Activation("guest", "a", "0.0.1", "s", activation_id or new_activation_id(), 1, 2, result, 1)


async def until_it_fails(work):
    """Repeat `work` until the store says no; what it acknowledged before, and the error."""
    acknowledged = []
    while True:
        try:
            acknowledged.append(await work())
        except StorageError as error:
            return acknowledged, error


async def accept_one(stores):
    entry = JournalEntry(new_activation_id(), "guest", 1, b"x" * 20_000)
    await stores.activations.accept([entry])
    return entry


async def test_full_disk_is_said_harms_nothing_and_is_got_over(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1024 * 1024)
    async with open_on(small_disk) as stores:
        (entity,) = await stores.entities.commit([Action(FullName("guest", "a"), Exec("nodejs:20"))])
        accepted, error = await until_it_fails(lambda: accept_one(stores))
        assert "full" in error.text
        assert error.status == 503
        assert await stores.activations.unfinished() == accepted

        with pytest.raises(StorageError, match="full"):
            await stores.entities.commit([replace(entity, annotations={"big": "x" * 3_000_000})])
        assert await stores.entities.get(entity.name) == entity
        with pytest.raises(StorageError, match="full"):
            await stores.blobs.put(b"x" * 4_000_000)

        kept = record()
        stores.activations.enqueue(kept)
        assert await stores.activations.get("guest", kept.activation_id) == kept
        ballast.unlink()
        await recovered(stores)
        assert await stores.activations.count(ActivationQuery("guest")) == 1
        more = await accept_one(stores)
    async with open_on(small_disk) as stores:
        assert await stores.activations.unfinished() == [*accepted, more]
        assert await stores.activations.get("guest", kept.activation_id) == kept
        assert await stores.entities.get(entity.name) == entity


async def test_queue_of_records_stays_bounded_while_the_disk_is_full(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1024 * 1024)
    async with open_on(small_disk) as stores:
        await until_it_fails(lambda: accept_one(stores))
        for _ in range(QUEUED):
            stores.activations.enqueue(record())
        with pytest.raises(Overloaded):
            stores.activations.enqueue(record())
        assert await stores.activations.count(ActivationQuery("guest")) == QUEUED
        ballast.unlink()
        await recovered(stores)
        assert await stores.activations.count(ActivationQuery("guest")) == QUEUED


async def test_read_only_disk_is_said_and_still_read(small_disk):
    async with open_on(small_disk) as stores:
        entry = await accept_one(stores)
        assert not made_read_only(small_disk), "files are open for writing"
        set_query_only(stores, "ON")
        with pytest.raises(StorageError, match="read-only"):
            await accept_one(stores)
        assert await stores.activations.unfinished() == [entry]
        set_query_only(stores, "OFF")
        await recovered(stores)
        assert len(await stores.activations.unfinished()) == 1


async def test_opening_on_a_read_only_disk_names_the_trouble(small_disk):
    async with open_on(small_disk):
        pass
    assert made_read_only(small_disk)
    with pytest.raises(StorageError, match="written"):
        async with open_on(small_disk):
            pass


def set_query_only(stores, value):
    """Make the writing connection fail as it does on a disk that has turned read-only."""
    with stores.activations._database._writing.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA query_only = {value}")


async def recovered(stores):
    async with asyncio.timeout(10):
        while True:
            try:
                return await stores.activations.flush()
            except (StorageError, Overloaded):
                await asyncio.sleep(0.01)  # as a caller who tries again would
