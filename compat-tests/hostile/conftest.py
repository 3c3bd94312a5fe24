"""A bystander: a function of another namespace that must not notice anything."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from blackbox.answer import expect_ok
from blackbox.workspace import Workspace

PAUSE_SECONDS = 0.1


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bystander(keys, node: str) -> AsyncIterator[tuple[Workspace, str]]:  # Keys of the parent
    workspace = await keys.workspace("auth2")
    yield workspace, await workspace.action("function main(args) { return {n: args.n + 1} }", kind=node)
    await workspace.clean()


@pytest_asyncio.fixture(loop_scope="session")
async def untouched(bystander: tuple[Workspace, str]) -> AsyncIterator[None]:
    """While the test runs, and right after it, the bystander answers as ever."""
    workspace, name = bystander
    over = asyncio.Event()

    async def keep_calling() -> int:
        calls = 0
        while not over.is_set() or calls == 0:
            assert expect_ok(await workspace.invoke(name, {"n": calls}, result=True)) == {"n": calls + 1}
            calls += 1
            await asyncio.sleep(PAUSE_SECONDS)
        return calls

    caller = asyncio.create_task(keep_calling())
    yield
    over.set()
    assert await caller > 0
    assert await workspace.result(name, {"n": 41}) == {"n": 42}
