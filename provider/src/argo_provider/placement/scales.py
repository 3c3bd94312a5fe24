"""Weighs idle sandboxes: what one really holds is far from the limit that is reserved for it."""

from __future__ import annotations

import asyncio

import structlog

from argo_provider.optimizer.model import FunctionId
from argo_provider.optimizer.ports import Weight
from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.life import SandboxState
from argo_proxy.pool.shape import variant_of
from argo_proxy.pool.table import SandboxTable
from argo_proxy.sandboxes.port import Sandbox, SandboxKind, SandboxStats

_log = structlog.get_logger(__name__)
_SECONDS = 2.0  # of one
_MB = 1 << 20
# Isolates are weighed with the NIUk that they share; a recorder is not the function's.
_WEIGHED_WAYS = frozenset({"", SandboxKind.ZYGOTE.value})


class Scales:
    """Each sandbox is weighed once it was used, and again when it has been used twice as often."""

    def __init__(self, table: SandboxTable) -> None:
        self._table = table
        self._uses: dict[int, int] = {}  # of each sandbox, when it was weighed last

    async def weigh(self, most: int) -> list[Weight]:
        """Of at most so many."""
        found: list[Weight] = []
        for entry in self._due()[:most]:
            self._uses[entry.number] = entry.uses
            key, sandbox = entry.key, entry.sandbox
            if key is not None and sandbox is not None and (seen := await _seen(sandbox)) is not None:
                start = seen.cpu_seconds * 1000 if entry.uses == 1 else None
                found.append(Weight(FunctionId(*key[:2]), variant_of(key), seen.memory_bytes / _MB, start))
        return found

    def _due(self) -> list[SandboxEntry]:
        entries = tuple(self._table)
        there = {entry.number for entry in entries}
        self._uses = {number: uses for number, uses in self._uses.items() if number in there}
        return [entry for entry in entries if self._is_due(entry)]

    def _is_due(self, entry: SandboxEntry) -> bool:
        idle = entry.life.state is SandboxState.WARM and not entry.life.retiring and entry.uses > 0
        if not idle or entry.asleep or entry.key is None or variant_of(entry.key) not in _WEIGHED_WAYS:
            return False
        return entry.uses >= 2 * self._uses.get(entry.number, 0)


async def _seen(sandbox: Sandbox) -> SandboxStats | None:
    """None where nothing can be told."""
    try:
        async with asyncio.timeout(_SECONDS):
            stats = await sandbox.stats()
    except OSError:  # it ended while it was looked at, or takes too long
        return None
    except Exception:  # noqa: BLE001 — a driver's bug must not end the optimiser's ticks
        _log.exception("sandbox_not_weighed", sandbox=sandbox.id)
        return None
    return stats if stats.memory_bytes > 0 else None
