"""Idle sandboxes whose memory is put out to swap: they stay warm, and hold next to nothing of the pool's room.

A sandbox sleeps from when its memory is out until its next invocation, which finds it as it was; the kernel brings back
what is touched. What cannot be put out (no swap is left, or it was used meanwhile) is awake as before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

import structlog

from argo_proxy.pool.entry import SandboxEntry, Shelf
from argo_proxy.pool.events import PoolEvents
from argo_proxy.pool.table import SandboxTable
from argo_proxy.sandboxes.port import HibernatingSandbox, Residence

_log = structlog.get_logger(__name__)

LEAST_HELD_MB = 8  # page tables, stacks and buffers in the kernel, beside what is left in memory
_MB = 1 << 20
_SECONDS = 10.0  # for one
_AT_ONCE = 4  # each takes a processor for milliseconds
_RETRY_SECONDS = 60.0  # after one that did not work, for the same sandbox

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Hibernator(Protocol):
    """Puts the memory of processes out to swap, and brings it back."""

    async def put_out(self, residence: Residence) -> object:
        """Begin to write it; what `call_back` takes. Raises OSError where there is no room for it."""
        ...

    async def let_go(self, residence: Residence) -> None:
        """Have what is written leave memory."""
        ...

    def call_back(self, put_out: object) -> None:
        """Begin to read it back; returns at once."""
        ...


class Hibernation:
    """Without a `hibernator` nothing sleeps.

    `written_seconds`: by when what was put out is on the disk; what is used again by then is found in memory.
    """

    def __init__(
        self,
        table: SandboxTable,
        hibernator: Hibernator | None,
        spawn: Spawn,
        events: PoolEvents,
        *,
        written_seconds: float,
    ) -> None:
        self._table = table
        self._hibernator = hibernator
        self._spawn = spawn
        self._events = events
        self._written_seconds = written_seconds
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def created(self, entry: SandboxEntry) -> None:
        """Whether it can sleep at all is known from now on."""
        sandbox: object = entry.sandbox
        entry.may_sleep = self._hibernator is not None and isinstance(sandbox, HibernatingSandbox)

    def begin(self, entry: SandboxEntry) -> None:
        """Put an idle sandbox to sleep, unless it is used before that is done."""
        sandbox: object = entry.sandbox
        if self._hibernator is not None and entry.may_sleep and isinstance(sandbox, HibernatingSandbox):
            entry.may_sleep = False
            self._spawn(self._put_out(entry, sandbox, self._hibernator))

    def wake(self, entry: SandboxEntry) -> None:
        """Its next invocation is on its way, and its memory was put out."""
        put_out, entry.put_out = entry.put_out, None
        if self._hibernator is not None:
            self._hibernator.call_back(put_out)
        if entry.asleep:
            self._table.wake(entry)
            self._events.woke(entry.shape)
            entry.may_sleep = True

    async def _put_out(self, entry: SandboxEntry, sandbox: HibernatingSandbox, hibernator: Hibernator) -> None:
        uses = entry.uses
        residence = await sandbox.residence()
        if residence is None:
            return  # and it is not asked for again
        async with self._trying(entry):
            if _idle(entry, uses):
                put_out = await hibernator.put_out(residence)
                if _idle(entry, uses):
                    entry.put_out = put_out
            step = partial(self._let_go, entry, uses, residence, hibernator)
            asyncio.get_running_loop().call_later(self._written_seconds, self._written, entry, uses, step)

    def _written(self, entry: SandboxEntry, uses: int, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if _idle(entry, uses):
            self._spawn(step())
        else:
            _awake(entry)

    async def _let_go(self, entry: SandboxEntry, uses: int, residence: Residence, hibernator: Hibernator) -> None:
        async with self._trying(entry):
            held = 0
            if _idle(entry, uses) and entry.sandbox is not None:  # it had to wait for its turn
                await hibernator.let_go(residence)
                held = (await entry.sandbox.stats()).memory_bytes
            if _idle(entry, uses):
                self._table.fall_asleep(entry, max(-(-held // _MB), LEAST_HELD_MB))
                self._events.hibernated(entry.shape)
            else:
                _awake(entry)

    @asynccontextmanager
    async def _trying(self, entry: SandboxEntry) -> AsyncIterator[None]:
        """In turn, and not for long; what does not work is tried again much later."""
        try:
            async with self._turns, asyncio.timeout(_SECONDS):
                yield
        except OSError as error:  # TimeoutError is one
            _log.info("sandbox_not_hibernated", sandbox=entry.number, reason=str(error) or type(error).__name__)
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, _awake, entry)


def _idle(entry: SandboxEntry, uses: int) -> bool:
    """Since it was used so many times."""
    return entry.shelf is Shelf.IDLE and entry.uses == uses


def _awake(entry: SandboxEntry) -> None:
    """It may be put to sleep when it idles again, or still does."""
    entry.may_sleep = not entry.asleep
