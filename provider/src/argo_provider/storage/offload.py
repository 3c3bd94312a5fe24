"""Blocking work in threads, kept moving beside a saturated event loop.

CPython's interpreter lock starves a thread of short C calls (a SQLite step, a file read) beside an event loop that
never sleeps: the loop releases the lock only for microseconds and has it again before the thread wakes up, so that a
commit of 0.5 ms was measured to take 500 ms (docs/decisions/0003). While work is in flight and the loop hardly sleeps,
it therefore hands the lock over with naps of a few microseconds, one for each millisecond.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_LOOK_EVERY = 0.001  # seconds, the shortest that is a time to uvloop: what is due sooner runs in every turn of the loop
_BUSY = 0.5  # of the time; a loop that sleeps more has let the lock go
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
        self._watch = loop.call_later(_LOOK_EVERY, self._look, loop, time.monotonic(), time.thread_time())

    def _look(self, loop: asyncio.AbstractEventLoop, since: float, used: float) -> None:
        """`since`: seconds, when it looked last, and `used`: the processor time that its thread had had by then."""
        self._watch = None
        passed = time.monotonic() - since
        if time.thread_time() - used > passed * _BUSY:
            self._nap(min(int(passed / _LOOK_EVERY), _MOST_NAPS))
        if self._running:
            self._look_later(loop)

    def _nap(self, times: int) -> None:
        for _ in range(times):
            if not self._running:
                break
            time.sleep(_NAP)
