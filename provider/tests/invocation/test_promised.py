"""What a 202 promised is run once, whatever the store does before user code begins."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from argo_provider.errors import StoreUnavailable
from argo_provider.invocation.invoke import Accepted

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
