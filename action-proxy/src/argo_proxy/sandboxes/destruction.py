"""The end of a sandbox, as all but the isolates have it, and the end of a NIUk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Destruction:
    """`destroy` runs once, in a task of its own: a caller who gives up must not leave it half done."""

    __slots__ = ("_destroy", "_name", "_task")

    def __init__(self, sandbox: str, destroy: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._name = f"destroy {sandbox}"
        self._destroy = destroy
        self._task: asyncio.Task[None] | None = None

    @property
    def begun(self) -> bool:
        return self._task is not None

    async def ended(self) -> None:
        """Begin it, unless it has begun; wait for its end."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._destroy(), name=self._name)
        await asyncio.shield(self._task)
