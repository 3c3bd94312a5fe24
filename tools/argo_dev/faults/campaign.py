"""The campaign: load, a seeded fault a round, quiet at the end, and the check."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp

from argo_dev.faults.checker import Violation, check
from argo_dev.faults.faults import Fault
from argo_dev.faults.history import Final, History, Tenant
from argo_dev.faults.load import Client, counting
from argo_dev.faults.world import World

TENANTS = ("blue", "green")
LEFT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does: equal plans strike in equal order."""

    rounds: int
    seed: int
    faults: Sequence[tuple[Fault, int]]
    between: tuple[float, float] = (0.3, 1.5)  # seconds of load before each fault
    quiet: float = 20.0  # seconds without a new record after which no more are waited for


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a campaign ended."""

    rounds: int
    seed: int
    seconds: float
    history: History
    struck: Counter[str]
    violations: list[Violation]


async def run(world: World, plan: Plan, say: Callable[[str], None]) -> Outcome:
    """The whole campaign. The world is started here, and has been stopped at the end."""
    began = time.monotonic()
    history, rng, struck = History(), random.Random(plan.seed), Counter[str]()  # noqa: S311 — repeatable on purpose
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        counter = await stack.enter_async_context(counting(history, world.counter_host))
        await world.start()
        stack.push_async_callback(world.stop)
        clients = await _tenants(world, session, history)
        for client in clients:
            await client.deploy(counter)
        load = [asyncio.ensure_future(work) for client in clients for work in _work(client)]
        try:
            for number in range(1, plan.rounds + 1):
                await asyncio.sleep(rng.uniform(*plan.between))
                fault = rng.choices([one for one, _ in plan.faults], [weight for _, weight in plan.faults])[0]
                struck[fault.__name__] += 1
                say(f"round {number}/{plan.rounds}: {await fault(world, rng)} ({_so_far(history)})")
        finally:
            await asyncio.sleep(1)
            for task in load:
                task.cancel()
            await asyncio.gather(*load, return_exceptions=True)
        final = await _look(world, clients, history, plan.quiet)
    tenants = {client.tenant.name: client.tenant for client in clients}
    return Outcome(plan.rounds, plan.seed, time.monotonic() - began, history, struck, check(history, final, tenants))


async def _tenants(world: World, session: aiohttp.ClientSession, history: History) -> list[Client]:
    return [
        Client(session, world.urls, Tenant(name, await world.new_tenant(name), secrets.token_hex(8)), history)
        for name in TENANTS
    ]


def _work(client: Client) -> tuple[Coroutine[Any, Any, None], ...]:
    return client.fire_forever(), client.fire_forever(), client.ask_forever(), client.update_forever()


def _so_far(history: History) -> str:
    refused = sum(number for status, number in history.statuses.items() if status in {429, 503})
    return f"202: {len(history.accepted)}, 200: {len(history.answers)}, refused: {refused}"


async def _look(world: World, clients: Sequence[Client], history: History, quiet: float) -> Final:
    """Wait until every 202 has its record, or no more will come; then stop all and count what is left."""
    records = {client.tenant.name: await _records(client, history, quiet) for client in clients}
    by_name = {client.tenant.name: client for client in clients}
    values = {(tenant, name): await by_name[tenant].value(name) for tenant, name in history.updates}
    await world.stop()
    return Final(records, values, await _left(world))


async def _records(client: Client, history: History, quiet: float) -> Counter[str]:
    wanted = {one for one, tenant in history.accepted.items() if tenant == client.tenant.name}
    found, changed = Counter[str](), time.monotonic()
    while not wanted <= set(found) and time.monotonic() - changed < quiet:
        await asyncio.sleep(0.5)
        now = Counter(await client.records())
        if now != found:
            found, changed = now, time.monotonic()
    return found


async def _left(world: World) -> int:
    deadline = time.monotonic() + LEFT_SECONDS
    while (left := len(await asyncio.to_thread(world.sandboxes))) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    return left
