"""Blocking work in threads, kept moving beside a saturated event loop.

CPython's interpreter lock starves a thread of short C calls (a SQLite step, a file read) beside an event loop that
never sleeps: the loop releases the lock only for microseconds and has it again before the thread wakes up, so that a
commit of 0.5 ms was measured to take 500 ms (docs/decisions/0003). While work is in flight and the loop runs late, it
therefore hands the lock over with naps of a few microseconds, at most one for each half millisecond that it is late.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_LOOK_EVERY = 0.0005  # seconds
_NAP = 0.00001  # seconds asked for; the kernel's timer makes it about 60 microseconds
_MOST_NAPS = 8


class Offload:
    """A pool of `threads`, used from one event loop."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._running: set[Future[Any]] = set()
        self._watch: asyncio.TimerHandle | None = None

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """The result of `work(*args)`. Once begun it runs to its end, even if the caller goes away."""
        loop = asyncio.get_running_loop()
        future = self._pool.submit(work, *args)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        if self._watch is None:
            self._look_later(loop)
        return await asyncio.wrap_future(future, loop=loop)

    def close(self) -> None:
        """Take no more; what runs is finished."""
        self._pool.shutdown(wait=False)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + _LOOK_EVERY
        self._watch = loop.call_at(due, self._look, loop, due)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._watch = None
        late = int((loop.time() - due) / _LOOK_EVERY)
        for _ in range(min(late, _MOST_NAPS)):
            if not self._running:
                break
            time.sleep(_NAP)
        if self._running:
            self._look_later(loop)
