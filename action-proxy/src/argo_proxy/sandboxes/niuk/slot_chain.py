"""A chain of slots of one NIUk: the port `SandboxChain`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from argo_proxy.sandboxes.niuk import frames
from argo_proxy.sandboxes.niuk.chaining import ChainRun, Performed
from argo_proxy.sandboxes.niuk.client import NiukError, NiukGone
from argo_proxy.sandboxes.niuk.frames import Flag
from argo_proxy.sandboxes.port import Answer, Gone, Link, Linked, Shortfall, TimedOut


class Part(Protocol):
    """A slot as its chain sees it."""

    def chained(self, body: bytes, timeout: float) -> frames.Run | None: ...

    async def start_chain(self, chain: frames.Chain) -> ChainRun: ...

    def link_ended(self, done: Performed, limit: int) -> Answer: ...


class SlotChain:
    """A `SandboxChain` in one NIUk."""

    def __init__(self, slots: Sequence[Part], links: Sequence[Link], limit: int) -> None:
        self._slots = slots
        self._links = links
        self._limit = limit
        self._run: ChainRun | None = None
        self._at = 0
        self._cut = False

    async def step(self) -> Linked | None:
        """What the next link came to; None where it did not begin, and neither do those behind it."""
        began = time.monotonic()
        try:
            if self._run is None:
                self._run = await self._begin()
            done = await self._run.step()
        except NiukGone:
            return self._broken(Gone(shortfall=Shortfall.CRASHED), began)
        except TimeoutError:
            return self._broken(TimedOut(), began)
        except (NiukError, ValueError):
            return None
        timing = done.result.timing
        if Flag.BEGAN not in timing.flags:
            return None
        slot, self._at = self._slots[self._at], self._at + 1
        answer = slot.link_ended(done, self._limit)
        return Linked(answer, timing.wait_ns / 1e9, (timing.init_ns + timing.run_ns) / 1e9)

    def cut(self) -> None:
        """Let no link begin any more."""
        self._cut = True
        if self._run is not None:
            self._run.cut()

    def close(self) -> None:
        """No more is asked of it."""
        if self._run is not None:
            self._run.close()

    async def _begin(self) -> ChainRun:
        steps = [slot.chained(link.body, link.timeout) for slot, link in zip(self._slots, self._links, strict=True)]
        ready = tuple(step for step in steps if step is not None)
        if self._cut or len(ready) < len(steps):
            raise NiukError("it is not to begin")
        run = await self._slots[0].start_chain(frames.Chain(self._limit, ready))
        self._when_begun(run)
        return run

    def _when_begun(self, run: ChainRun) -> None:
        if self._cut:
            run.cut()

    def _broken(self, answer: Answer, began: float) -> Linked | None:
        """A chain that was never sent did not begin."""
        return None if self._run is None else Linked(answer, 0.0, time.monotonic() - began)
