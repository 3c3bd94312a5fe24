"""Tasks with an owner: none outlives it, and a failure is logged, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

_log = structlog.get_logger(__name__)


class TaskScope:
    """The tasks of one placement. Unlike `asyncio.TaskGroup`, one that fails does not end the others: they are
    invocations of different users."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`. After `close` it is not begun."""
        if self._closed:
            work.close()
            return
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def close(self, *, grace: float) -> None:
        """Cancel all, and wait until they have ended, at most `grace` seconds."""
        self._closed = True
        await asyncio.sleep(0)  # a task cancelled before its first step could not tell its submitter
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(tuple(self._tasks), timeout=grace)
            if late:
                _log.error("tasks_did_not_end", count=len(late), seconds=grace)

    def __len__(self) -> int:
        return len(self._tasks)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("task_failed", exc_info=task.exception())
