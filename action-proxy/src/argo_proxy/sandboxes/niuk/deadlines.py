"""Time limits of many waits, hardly any of which ever passes: looked at once a second instead of a timer for each."""

from __future__ import annotations

import asyncio
from typing import Any

_ROUND_SECONDS = 1.0


class Deadlines:
    """A future that is watched ends with TimeoutError, at most a second late, unless it is done or forgotten first."""

    def __init__(self) -> None:
        self._due: dict[asyncio.Future[Any], float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, future: asyncio.Future[Any], seconds: float) -> None:
        """From now on, for so long."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        self._due[future] = loop.time() + seconds
        if self._timer is None:
            self._timer = loop.call_later(_ROUND_SECONDS, self._look, loop)

    def forget(self, future: asyncio.Future[Any]) -> None:
        self._due.pop(future, None)

    def close(self) -> None:
        """No more is watched."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for future in [future for future, due in self._due.items() if due <= now]:
            del self._due[future]
            if not future.done():
                future.set_exception(TimeoutError())
                future.exception()  # one who was cancelled meanwhile does not ask for it
        self._timer = loop.call_later(_ROUND_SECONDS, self._look, loop) if self._due else None
