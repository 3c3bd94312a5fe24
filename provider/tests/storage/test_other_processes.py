"""Two processes over one database (here: two openings): each sees what the other wrote."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from argo_provider.errors import Conflict
from argo_provider.model.activation import JournalEntry
from argo_provider.model.entities import Action, Exec
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.names import FullName, new_activation_id
from argo_provider.storage.sql import StoreOptions

pytestmark = pytest.mark.integration


@pytest.fixture
async def service_and_command(reopen):
    quick = StoreOptions(notice_others_within=0.005)
    async with reopen(quick) as service, reopen() as command:
        yield service, command


async def eventually(check):
    async with asyncio.timeout(10):
        while not await check():
            await asyncio.sleep(0.005)


async def test_key_rotated_by_another_process_stops_working(service_and_command):
    service, command = service_and_command
    await service.namespaces.create(NamespaceRecord("guest", "s", "old", b"0" * 32, 1))
    assert await service.namespaces.by_key("old") is not None
    assert await service.namespaces.by_key("new") is None
    await command.namespaces.replace_key("guest", "new", b"1" * 32)

    async def rotated():
        return await service.namespaces.by_key("old") is None and await service.namespaces.by_key("new") is not None

    await eventually(rotated)


async def test_entity_changed_by_another_process_cannot_be_overwritten_unseen(service_and_command):
    service, command = service_and_command
    (first,) = await service.entities.commit([Action(FullName("guest", "a"), Exec("nodejs:20"))])
    (second,) = await command.entities.commit([replace(first, version="0.0.2")])
    with pytest.raises(Conflict):
        await service.entities.commit([replace(first, version="0.0.3")])

    async def seen():
        return await service.entities.get(first.name) == second

    await eventually(seen)


async def test_writers_wait_for_each_other_and_a_claim_is_given_once(service_and_command):
    entries = [JournalEntry(new_activation_id(), "guest", n, b"") for n in range(100)]
    await asyncio.gather(*(service_and_command[n % 2].activations.accept([e]) for n, e in enumerate(entries)))
    claims = await asyncio.gather(
        *(stores.activations.claim(e.activation_id) for e in entries for stores in service_and_command)
    )
    assert sum(claims) == 100


async def test_own_writes_are_not_taken_for_anothers(sqlite_stores):
    database = sqlite_stores.entities._database
    await database.foreign_writes()
    await sqlite_stores.entities.commit([Action(FullName("guest", "a"), Exec("nodejs:20"))])
    assert await database.foreign_writes() is False
