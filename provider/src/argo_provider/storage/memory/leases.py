"""Leases in a dictionary."""

from __future__ import annotations

import time


class MemoryLeases:
    def __init__(self) -> None:
        self._held: dict[str, tuple[str, float]] = {}

    async def hold(self, name: str, holder: str, seconds: float) -> bool:
        current = await self.holder(name)
        if current not in {None, holder}:
            return False
        self._held[name] = (holder, time.monotonic() + seconds)
        return True

    async def release(self, name: str, holder: str) -> None:
        if await self.holder(name) == holder:
            del self._held[name]

    async def holder(self, name: str) -> str | None:
        holder, expires = self._held.get(name, ("", 0.0))
        return holder if expires > time.monotonic() else None
