"""What every placement does, the scripted one included."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from argo_provider.placement.fake import FakePlacement
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.port import Dropped, Overloaded, OverloadReason, Placement
from argo_provider.scheduling.settings import PoolSettings
from argo_proxy.protocol.messages import Executable, Execution, Invocation, OutcomeKind
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.fake import FakeDriver, Reply, answered
from argo_proxy.sandboxes.port import SandboxKind

pytestmark = pytest.mark.contract
PATIENCE = 20.0


def echo(path: str, body: bytes) -> Reply:
    value = json.loads(body)["value"]
    return Reply(answered(json.dumps(value).encode()))


async def load(digest: str) -> bytes:
    return b""


@pytest.fixture(params=["fake", "local", "cluster"])
async def placement(request: pytest.FixtureRequest) -> AsyncIterator[Placement]:
    if request.param == "fake":
        yield FakePlacement()
        return
    if request.param == "cluster":
        async with request.getfixturevalue("cluster_world")() as cluster:
            replica = await cluster.replica()
            await cluster.node("n1", echo)
            await cluster.heard(replica, "n1")
            yield replica
        return
    catalogue = Catalogue([Runtime("nodejs:20", "nodejs", Path("/runtime"), ("node",))])
    settings = PoolSettings(memory_mb=512)
    async with LocalPlacement({SandboxKind.FAKE: FakeDriver(echo)}, catalogue, load, settings=settings) as local:
        yield local


def invocation(**arguments: Any) -> Invocation:
    executable = Executable("a", "/a/f", "0.0.1", "1", "nodejs:20", "", "d", binary=False)
    return Invocation("id", "tid", executable, arguments, accepted_at=time.monotonic())


async def granted() -> bool:
    await asyncio.sleep(0)
    return True


async def refused() -> bool:
    await asyncio.sleep(0)
    return False


class TestPlacement:
    @pytest.mark.parametrize("claim", [None, granted])
    async def test_the_outcome_and_then_the_execution(self, placement: Placement, claim: Any) -> None:
        ticket = placement.submit(invocation(word="hello"), claim=claim)
        async with asyncio.timeout(PATIENCE):
            outcome, execution = await ticket.outcome, await ticket.execution
        assert isinstance(outcome, Execution)
        assert outcome.logs == ()
        assert outcome.outcome == execution.outcome
        assert (execution.outcome.kind, execution.outcome.result) == (OutcomeKind.SUCCESS, {"word": "hello"})

    async def test_a_refused_claim_drops_it(self, placement: Placement) -> None:
        ticket = placement.submit(invocation(), claim=refused)
        async with asyncio.timeout(PATIENCE):
            for future in (ticket.outcome, ticket.execution):
                with pytest.raises(Dropped):
                    await future

    async def test_nobody_has_to_listen(self, placement: Placement) -> None:
        for claim in (None, granted, refused):
            placement.submit(invocation(), claim=claim)
        assert await placement.drain(PATIENCE)

    async def test_draining_ends_intake(self, placement: Placement) -> None:
        assert await placement.drain(PATIENCE)
        assert placement.snapshot().draining
        with pytest.raises(Overloaded) as overload:
            placement.submit(invocation())
        assert overload.value.reason is OverloadReason.DRAINING

    async def test_a_snapshot_needs_nothing_to_have_run(self, placement: Placement) -> None:
        snapshot = placement.snapshot()
        assert snapshot.memory_limit_mb > 0
        assert (snapshot.sandboxes, dict(snapshot.waiting), dict(snapshot.by_state)) == ((), {}, {})

    async def test_forgetting_what_was_never_known(self, placement: Placement) -> None:
        placement.forget("/nobody/nothing")
        placement.forget("/nobody/nothing", keep_revision="1")
        assert placement.snapshot().memory_used_mb == 0
