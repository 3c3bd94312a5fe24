"""A PostgreSQL of the test's own that is killed, restarted, or has no room left: what is said, and that nothing is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace

import asyncpg
import pytest
from argo_dev.disks import fill
from argo_dev.postgres import postgres, why_no_postgres
from argo_dev.processes import tree

from argo_provider.errors import StoreUnavailable, WriteInDoubt
from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.entities import Action, Exec
from argo_provider.model.names import FullName, new_activation_id
from argo_provider.storage.port import ActivationQuery
from argo_provider.storage.sql import StoreOptions, WriterLimits, async_engine, open_stores
from argo_provider.storage.sql.async_engine import PostgresDatabase

pytestmark = pytest.mark.integration

PATIENCE = 120.0
NAME = FullName("guest", "hello")


@pytest.fixture
def server():
    if reason := why_no_postgres():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with postgres() as started:
        yield started


@pytest.fixture
def stores_of(tmp_path):
    """Open the stores over a URL; what is not written is tried again at once, and for as long as it takes."""
    writer = WriterLimits(linger=0.001, retry_every=0.01, patience=PATIENCE)
    return lambda url: open_stores(url, tmp_path / "blobs", StoreOptions(writer=writer, owner="r1"))


def entry(size=10):
    return JournalEntry(new_activation_id(), "guest", 1000, os.urandom(size))


def record():
    result = Response(Status.SUCCESS, {"text": "x" * 2000})
    return Activation("guest", "hello", "0.0.1", "guest", new_activation_id(), 1000, 1000, result, 0)


async def accept_one(stores, size=10):
    one = entry(size)
    await stores.activations.accept([one])
    return one


async def again(work, server=None):
    """As a caller who tries again would, beside an operator who starts the server again where it gave up."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await work()
            except StoreUnavailable:
                await asyncio.sleep(0.05)
            if server is not None and server.process.poll() is not None:
                await asyncio.to_thread(server.start)


async def unfinished(stores):
    return sorted(one.activation_id for one in await again(stores.activations.unfinished))


async def test_a_killed_server_is_waited_for_by_reads_and_told_to_writers(server, stores_of, monkeypatch):
    monkeypatch.setattr(PostgresDatabase, "pauses", (0.05,) * int(PATIENCE / 0.05))
    async with stores_of(server.url()) as stores:
        (action,) = await stores.entities.commit([Action(NAME, Exec("nodejs:20"))])
        accepted = await accept_one(stores)
        server.process.kill()
        await asyncio.to_thread(server.process.wait)
        with pytest.raises(StoreUnavailable) as told:
            await accept_one(stores)
        assert told.value.status == 503
        kept = record()
        stores.activations.enqueue(kept)
        reading = asyncio.create_task(stores.activations.unfinished())
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(PATIENCE):
            assert [one.activation_id for one in await reading] == [accepted.activation_id]
        await again(stores.activations.flush)
        assert await stores.activations.get("guest", kept.activation_id) == kept
        assert await stores.entities.get(NAME) == action
        assert await stores.activations.claim(accepted.activation_id)


async def test_work_whose_commit_is_in_doubt_is_not_run_later(server, stores_of, monkeypatch):
    async with stores_of(server.url()) as stores:
        promised = await accept_one(stores)
        write, cut = PostgresDatabase.write, []

        async def cut_off(self, work):
            result = await write(self, work)
            if not cut:
                cut.append(result)
                raise WriteInDoubt("cut off behind the commit")
            return result

        monkeypatch.setattr(PostgresDatabase, "write", cut_off)
        with pytest.raises(WriteInDoubt):
            await accept_one(stores)
        await stores.activations.flush()
        assert await unfinished(stores) == [promised.activation_id]


@pytest.fixture
def frozen(server):
    """Stop every process of the server, as a machine whose disk hangs would; `thaw` lets them go on."""
    stopped = []

    def freeze():
        stopped.extend(tree(server.pid))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

    def thaw():
        while stopped:
            with suppress(ProcessLookupError):
                os.kill(stopped.pop(), signal.SIGCONT)

    yield freeze, thaw
    thaw()


async def test_a_silent_server_is_told_of_within_its_limit_and_nothing_is_lost(server, frozen, tmp_path, monkeypatch):
    monkeypatch.setattr(async_engine, "_CONNECT_SECONDS", 2.0)
    freeze, thaw = frozen
    writer = WriterLimits(linger=0.001, retry_every=0.01, patience=PATIENCE)
    options = StoreOptions(writer=writer, owner="r1", silence=2.0)
    async with open_stores(server.url(), tmp_path / "blobs", options) as stores:
        promised = await again(lambda: accept_one(stores))
        kept = record()
        await asyncio.to_thread(freeze)
        with pytest.raises(StoreUnavailable, match=r"has not answered for 2 seconds|cannot be reached") as told:
            await accept_one(stores)
        assert told.value.status == 503
        with pytest.raises(StoreUnavailable, match=r"has not answered for 2 seconds|cannot be reached"):
            await stores.activations.unfinished()
        stores.activations.enqueue(kept)
        thaw()
        await again(stores.activations.flush)
        assert await again(lambda: stores.activations.get("guest", kept.activation_id)) == kept
        assert await unfinished(stores) == [promised.activation_id]
        assert await again(lambda: stores.activations.claim(promised.activation_id))


@pytest.fixture
def small_disk(mounted):
    """Mount a file system of so many MB that the server's user owns."""
    return lambda megabytes, folder: mounted(folder, f"size={megabytes}m,uid=postgres,gid=postgres")


async def until_refused(stores):
    """Accept work until the store says no: what it acknowledged, and the error."""
    acknowledged = []
    while len(acknowledged) < 5000:
        try:
            acknowledged.append((await accept_one(stores, 20_000)).activation_id)
        except StoreUnavailable as error:
            return acknowledged, error
    raise AssertionError(f"{len(acknowledged)} entries of 20 KB fit on the small disk")


async def test_a_full_disk_under_the_tables_is_said_by_name_and_got_over(server, stores_of, small_disk):
    folder = small_disk(32, server.folder / "small")
    connection = await asyncpg.connect(server.url().replace("+asyncpg", ""))
    await connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
    await connection.execute("CREATE DATABASE small TABLESPACE small")
    await connection.close()
    ballast = folder / "ballast"
    ballast.write_bytes(b"x" * 8 * 1024 * 1024)
    async with stores_of(server.url("small")) as stores:
        (action,) = await stores.entities.commit([Action(NAME, Exec("nodejs:20"))])
        accepted, error = await until_refused(stores)
        assert error.text.startswith("The disk of the database server is full.")
        assert error.status == 503
        assert await unfinished(stores) == sorted(accepted)
        with pytest.raises(StoreUnavailable, match="full"):
            await stores.entities.commit([replace(action, annotations={"big": os.urandom(8_000_000).hex()})])
        assert await stores.entities.get(NAME) == action
        kept = [record() for _ in range(20)]
        for one in kept:
            stores.activations.enqueue(one)
        ballast.unlink()
        await again(stores.activations.flush)
        assert await stores.activations.count(ActivationQuery("guest")) == len(kept)
        accepted.append((await again(lambda: accept_one(stores))).activation_id)
    async with stores_of(server.url("small")) as stores:
        assert await unfinished(stores) == sorted(accepted)
        assert await stores.entities.get(NAME) == action


async def test_a_full_disk_under_the_whole_server_loses_nothing_that_was_acknowledged(server, stores_of, small_disk):
    """Without room for its log PostgreSQL crashes, and comes back when there is some."""
    server.stop()
    data, moved = server.folder / "data", server.folder / "moved"
    data.rename(moved)
    small_disk(128, data)
    await asyncio.to_thread(subprocess.run, ["cp", "-a", f"{moved}/.", str(data)], check=True)
    shutil.rmtree(moved)
    await asyncio.to_thread(server.start)
    async with stores_of(server.url()) as stores:
        accepted = [(await accept_one(stores)).activation_id]
        ballast = data / "ballast"
        fill(ballast)
        more, error = await until_refused(stores)
        assert error.status == 503
        ballast.unlink()
        found = await again(stores.activations.unfinished, server)
        assert sorted(one.activation_id for one in found) == sorted(accepted + more)
        accepted += [*more, (await again(lambda: accept_one(stores), server)).activation_id]
    async with stores_of(server.url()) as stores:
        assert await unfinished(stores) == sorted(accepted)
