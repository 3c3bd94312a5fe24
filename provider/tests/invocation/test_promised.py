"""What a 202 promised is run once, whatever the store does before user code begins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from argo_provider.errors import StoreUnavailable
from argo_provider.invocation.call import Started
from argo_provider.invocation.invoke import Accepted
from argo_provider.invocation.promised import Promised

from .conftest import World

pytestmark = pytest.mark.unit


async def recorded(world: World, activation_id: str) -> Any:
    async with asyncio.timeout(10):
        while (found := await world.stores.activations.get("me", activation_id)) is None:
            await asyncio.sleep(0)
    return found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argo_provider.invocation.promised._PAUSES", (0.0,))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("written", [False, True], ids=["not-written", "written-after-all"])
async def test_a_claim_that_fails_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch, written: bool) -> None:
    await world.action("a", {"ran": True})
    activations = world.stores.activations
    claim, failures = activations.claim, iter(range(3))

    async def unwell(activation_id: str) -> bool:
        if next(failures, None) is not None:
            if written:
                await claim(activation_id)
            raise StoreUnavailable
        return await claim(activation_id)

    monkeypatch.setattr(activations, "claim", unwell)
    accepted = await world.run("a", wait_ms=None)
    assert isinstance(accepted, Accepted)
    assert (await recorded(world, accepted.activation_id)).response.result == {"ran": True}
    assert await activations.unfinished() == []


@pytest.mark.usefixtures("quick")
async def test_what_somebody_else_has_claimed_is_not_tried_again(world: World) -> None:
    await world.action("a", {"ran": True})
    world.placement.hold()
    accepted = await world.run("a", wait_ms=None)
    assert await world.stores.activations.claim(accepted.activation_id)
    world.placement.release()
    await asyncio.sleep(0.05)
    assert len(world.placement.submitted) == 1
    assert await world.stores.activations.get("me", accepted.activation_id) is None


@dataclass(frozen=True)
class Promise:
    """As much of a call as is looked at."""

    activation_id: str = "0" * 32
    claim: Callable[[], Awaitable[bool]] | None = None


class Journal:
    """Of one entry, which is claimed once; `gate` holds that back."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.claimed = False

    async def claim(self, _: str) -> bool:
        await self.gate.wait()
        free, self.claimed = not self.claimed, True
        return free


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("claimed_first", [False, True], ids=["while-it-is-claimed", "just-after"])
async def test_a_try_that_is_given_up_leaves_its_claim_to_the_next_one(claimed_first: bool) -> None:
    journal, tries = Journal(), asyncio.Queue[tuple[Any, Started]]()

    def start(call: Any) -> Started:
        started = Started(call.activation_id, asyncio.get_running_loop().create_future())
        tries.put_nowait((call, started))
        return started

    promised: Any = Promised(journal, start, asyncio.ensure_future)  # type: ignore[arg-type]  # all of it that is used
    promised.start(Promise())
    async with asyncio.timeout(10):
        call, started = await tries.get()
        asking = asyncio.ensure_future(call.claim())
        await asyncio.sleep(0)
        if claimed_first:
            journal.gate.set()
            assert await asking
        started.done.cancel()
        call, started = await tries.get()
        again = asyncio.ensure_future(call.claim())
        journal.gate.set()
        assert await again, "nobody else would run what the journal says is taken"
        started.done.set_result(None)  # type: ignore[arg-type]
    assert tries.empty()


@pytest.mark.usefixtures("quick")
async def test_a_try_that_somebody_else_claimed_is_the_last() -> None:
    journal, tries = Journal(), []

    def start(call: Any) -> Started:
        tries.append((call, Started(call.activation_id, asyncio.get_running_loop().create_future())))
        return tries[-1][1]

    promised: Any = Promised(journal, start, asyncio.ensure_future)  # type: ignore[arg-type]
    journal.claimed = True
    journal.gate.set()
    promised.start(Promise())
    ((call, started),) = tries
    assert not await call.claim()
    started.done.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(tries) == 1
