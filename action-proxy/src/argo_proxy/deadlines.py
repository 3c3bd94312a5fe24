"""Time limits of many waits, hardly any of which ever passes: one timer, for the first that is due, for all of them."""

from __future__ import annotations

import asyncio
import math
from typing import Any

_EARLY_SECONDS = 0.001  # the event loop counts in milliseconds: its timers may come so early


class Deadlines:
    """A future that is watched ends with TimeoutError, unless it is done or forgotten first. Of one event loop.

    A wait that ends in time costs an entry of a dictionary: the timer stays as it is, and looks for the next when it
    comes.
    """

    __slots__ = ("_at", "_due", "_loop", "_timer")

    def __init__(self) -> None:
        self._due: dict[asyncio.Future[Any], float] = {}
        self._at = math.inf  # when the timer comes, by the loop's time
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, future: asyncio.Future[Any], seconds: float) -> None:
        """From now on, for so long."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        self._due[future] = due
        if due < self._at:
            self._set(loop, due)

    def forget(self, future: asyncio.Future[Any]) -> None:
        self._due.pop(future, None)

    def close(self) -> None:
        """No more is watched."""
        self._due.clear()
        self._unset()

    def _set(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        self._unset()
        self._at = at
        self._timer = loop.call_at(at, self._look, loop)

    def _unset(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._at = None, math.inf

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._at = None, math.inf
        now = loop.time() + _EARLY_SECONDS
        for future in [future for future, due in self._due.items() if due <= now]:
            del self._due[future]
            if not future.done():
                future.set_exception(TimeoutError())
                future.exception()  # one who was cancelled meanwhile does not ask for it
        if self._due:
            self._set(loop, min(self._due.values()))
