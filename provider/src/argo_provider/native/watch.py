"""Looks at the NIUks every few seconds: what they hold, and whether their memory gets short."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import structlog

from argo_provider.insight.optimized import WatchedNiuks
from argo_provider.insight.port import IsolateGroup, NiukView
from argo_provider.optimizer.events import MemoryPressure, NiukWeighed, Tenant
from argo_proxy import jsontext
from argo_proxy.sandboxes.niuk.client import NiukError
from argo_proxy.sandboxes.niuk.driver import NiukDriver
from argo_proxy.sandboxes.niuk.house import NiukHouse

_log = structlog.get_logger(__name__)
_LOOK_SECONDS = 2.0
_MB = 1 << 20
_NEAR = 0.85  # of its limit: memory gets short


class NiukWatch:
    """Run it as a task. `tell` hears what each holds, and of memory that gets short."""

    def __init__(
        self,
        driver: NiukDriver,
        shown: WatchedNiuks,
        tell: Callable[[MemoryPressure | NiukWeighed], None],
        limit_mb: int,
    ) -> None:
        self._driver = driver
        self._shown = shown
        self._tell = tell
        self._limit = limit_mb << 20
        self._seen: WeakKeyDictionary[NiukHouse, tuple[str, float, int]] = WeakKeyDictionary()
        """The process, since when, and how many there were before it."""

    async def run(self) -> None:
        while True:
            views = [view for house in self._driver.houses if (view := await self._look(house)) is not None]
            self._shown.put(views)
            for view in views:
                self._tell(weighed(view))
                free = self._limit - view.memory_bytes
                if free < self._limit * (1 - _NEAR):
                    paths = frozenset(each.path for each in view.functions)
                    self._tell(MemoryPressure(time.time(), view.namespace, max(0, free >> 20), paths))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, house: NiukHouse) -> NiukView | None:
        process = house.process
        if process is None:
            return None
        try:
            figures = jsontext.decode(await process.stats())
        except (NiukError, TimeoutError, ValueError):
            return None
        known = self._seen.get(house)
        if known is None or known[0] != process.id:
            started = time.time() - float(figures.get("uptime_ms", 0)) / 1000
            self._seen[house] = known = (process.id, started, 0 if known is None else known[2] + 1)
        groups, isolates = groups_of(figures)
        held = int(figures.get("pss") or figures.get("rss") or 0)
        house.seen(held / (1 << 20))
        kind = "process" if process.shares_files else "microvm"
        return NiukView(
            process.id,
            house.namespace,
            kind,
            process.pid,
            known[1],
            held,
            self._limit,
            known[2],
            groups,
            isolates,
        )


def weighed(view: NiukView) -> NiukWeighed:
    tenants = tuple(Tenant(each.path, each.spare + each.busy, each.memory_bytes / _MB) for each in view.functions)
    return NiukWeighed(time.time(), view.namespace, view.memory_bytes / _MB, tenants)


def groups_of(figures: Mapping[str, Any]) -> tuple[tuple[IsolateGroup, ...], int]:
    """Of each function with an address, by what a host's STATS say, and how many isolates there are.

    An isolate that functions have in common is listed under each of them, and is taken apart into even parts: what a
    function in it has taken of the heap nobody can tell, and the sum has to be what is really held.
    """
    functions = figures.get("functions", ())
    lodgers = Counter(isolate["id"] for each in functions for isolate in each.get("isolates", ()))
    return tuple(_group(each, lodgers) for each in functions if each.get("address")), len(lodgers)


def _group(figures: Mapping[str, Any], lodgers: Mapping[int, int]) -> IsolateGroup:
    isolates = figures.get("isolates", ())
    return IsolateGroup(
        str(figures["address"]),
        int(figures.get("idle", 0)),
        int(figures.get("busy", 0)),
        round(sum(int(each.get("committed", 0)) / lodgers[each["id"]] for each in isolates)),
        int(figures.get("runs", 0)),
        sum(lodgers[each["id"]] > 1 for each in isolates),
    )
