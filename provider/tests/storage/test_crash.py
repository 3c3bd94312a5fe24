"""SIGKILL under load: what was acknowledged is there afterwards, and nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import defaultdict

import pytest

from argo_provider.model.names import FullName
from argo_provider.storage.port import ActivationQuery, Page

pytestmark = pytest.mark.integration

VICTIM = """
import asyncio, os, sys
from dataclasses import replace
from pathlib import Path
from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.entities import Action, Exec
from argo_provider.model.names import FullName, new_activation_id
from argo_provider.storage.sql import open_stores

def say(what, value):
    os.write(1, f"{what} {value}\\n".encode())  # one write, after the acknowledgement

def record(activation_id):
    return Activation("guest", "a", "0.0.1", "s", activation_id, 1, 2, Response(Status.SUCCESS, {"a": 1}), 1)

async def invoke_forever(store):
    while True:
        activation_id = new_activation_id()
        await store.accept([JournalEntry(activation_id, "guest", 1, activation_id.encode())])
        say("accepted", activation_id)
        if await store.claim(activation_id):
            say("claimed", activation_id)
        await store.record(record(activation_id))
        say("recorded", activation_id)
        store.enqueue(record(new_activation_id()))

async def update_forever(store):
    name = FullName("guest", "counter")
    entity = await store.get(name) or Action(name, Exec("nodejs:20"), version="0.0.0")
    while True:
        count = int(entity.version.rpartition(".")[2]) + 1
        (entity,) = await store.commit([replace(entity, version=f"0.0.{count}")])
        say("updated", count)

async def main():
    root = Path(sys.argv[1])
    async with open_stores(root / "argo.db", root / "blobs") as stores, asyncio.TaskGroup() as group:
        group.create_task(update_forever(stores.entities))
        for _ in range(24):
            group.create_task(invoke_forever(stores.activations))

asyncio.run(main())
"""


async def run_and_kill(folder, lines_before):
    """What the victim said before it was killed, by kind, in order."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, str(folder), stdout=asyncio.subprocess.PIPE, env=environment
    )
    said = defaultdict(list)
    async with asyncio.timeout(60):
        for number in range(1_000_000):
            line = await process.stdout.readline()
            if not line:
                break
            if line.endswith(b"\n"):
                what, value = line.split()
                said[what.decode()].append(value.decode())
            if number == lines_before:
                process.kill()
        assert await process.wait() == -9
    return said


async def all_records(stores):
    found = []
    while page := await stores.activations.list(ActivationQuery("guest"), Page(len(found), 200), docs=True):
        found += page
    return [a.activation_id for a in found]


async def test_everything_acknowledged_survives_and_nothing_is_there_twice(tmp_path, reopen):
    seed = random.randrange(10**9)  # noqa: S311
    chance = random.Random(seed)  # noqa: S311
    print(f"seed {seed}")
    accepted, claimed, recorded = set(), set(), set()
    for _ in range(3):
        said = await run_and_kill(tmp_path, chance.randrange(200, 3000))
        accepted.update(said["accepted"])
        claimed.update(said["claimed"])
        recorded.update(said["recorded"])
        async with reopen() as stores:
            kept = await all_records(stores)
            unfinished = {e.activation_id: e for e in await stores.activations.unfinished()}
            counter = await stores.entities.get(FullName("guest", "counter"))
            last = int(said["updated"][-1])
            assert int(counter.version.rpartition(".")[2]) in {last, last + 1}
            assert not await any_claimed_again(stores, claimed & unfinished.keys())
        assert len(kept) == len(set(kept))
        assert recorded <= set(kept)
        assert accepted <= set(kept) | unfinished.keys()
        assert not set(kept) & unfinished.keys()
        assert all(unfinished[i].claimed for i in claimed & unfinished.keys())
        assert all(e.payload == i.encode() for i, e in unfinished.items())


async def any_claimed_again(stores, activation_ids):
    return any([await stores.activations.claim(i) for i in activation_ids])
