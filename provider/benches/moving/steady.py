"""Constant load, open loop: one call every so often, whatever became of the ones before."""

from __future__ import annotations

import asyncio
import base64
import gc
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from argo_dev.service import Service

PINNED = "pinned"
_CALL_SECONDS = 120
MESSAGE = {"name": "argo", "text": "x" * 64}


@dataclass(frozen=True, slots=True)
class Seen:
    """One call. `at`: time.monotonic() when it was due; its wait counts from then."""

    at: float
    latency_ms: float
    failure: str  # "": answered with what it was sent
    tier: str
    state: str  # of the function when it was sent


@dataclass(slots=True)
class Steady:
    """Load on one action, and the state that the optimiser last said it is in."""

    name: str
    state: str = ""
    seen: list[Seen] = field(default_factory=list)
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # native, or pinned on the way there

    def of(self, *states: str) -> list[float]:
        """Latencies of the calls that were sent while it was in one of these states."""
        return [each.latency_ms for each in self.seen if each.state in states and not each.failure]


class Caller:
    """Calls to one service, with its guest key."""

    def __init__(self, service: Service, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._base = service.url
        self._headers = {"Authorization": "Basic " + base64.b64encode(service.auth.encode()).decode()}

    async def get(self, path: str) -> Any:
        async with self._session.get(self._base + path, headers=self._headers) as answer:
            return await answer.json()

    async def call(self, load: Steady, due: float) -> None:
        path = f"{self._base}/api/v1/namespaces/_/actions/{load.name}?blocking=true"
        state, failure, tier = load.state, "", ""
        try:
            async with self._session.post(path, json=MESSAGE, headers=self._headers) as answer:
                activation = await answer.json()
                failure = "" if answer.status == 200 else f"HTTP {answer.status}"
                if not failure and activation["response"]["result"] != MESSAGE:
                    failure = "another answer"
                told = {each["key"]: each["value"] for each in activation.get("annotations", ())}
                tier = told.get("argo.tier", "")
        except (aiohttp.ClientError, TimeoutError) as error:
            failure = type(error).__name__
        load.seen.append(Seen(due, (time.monotonic() - due) * 1000, failure, tier, state))

    async def keep(self, load: Steady, rate: float, ended: asyncio.Event) -> None:
        """`rate` calls a second until `ended`; then those under way are waited for."""
        due = time.monotonic()
        async with asyncio.TaskGroup() as calls:
            while not ended.is_set():
                calls.create_task(self.call(load, due))
                due += 1 / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def watch(self, load: Steady, ended: asyncio.Event, every: float = 0.2) -> None:
        """Keep `load.state` as the service says it."""
        while not ended.is_set():
            before, load.state = load.state, (await self.get(f"/api/v1/argo/tiers/{load.name}"))["state"]
            if load.state == "native" or (load.state == PINNED and before not in {"", PINNED}):
                load.settled.set()
            await asyncio.sleep(every)


async def drive(service: Service, loads: list[Steady], rate: float, until: Callable[[], Awaitable[None]]) -> None:
    """All `loads` at once, for as long as `until` takes. No garbage is collected: that would be in the figures."""
    gc.collect()
    gc.disable()
    try:
        await _drive(service, loads, rate, until)
    finally:
        gc.enable()


async def _drive(service: Service, loads: list[Steady], rate: float, until: Callable[[], Awaitable[None]]) -> None:
    timeout = aiohttp.ClientTimeout(total=_CALL_SECONDS)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        caller, ended = Caller(service, session), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for load in loads:
                tasks.create_task(caller.keep(load, rate, ended))
                tasks.create_task(caller.watch(load, ended))
            try:
                await until()
            finally:
                ended.set()
