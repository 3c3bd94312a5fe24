"""A chain of functions in one NIUk, as a controller follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from argo_proxy.records import record
from argo_proxy.sandboxes.niuk import reports

GRACE = 5.0  # beyond a request's own limit: the host answers a stuck invocation 1.5 s after its limit


@record
class Performed:
    """A run that ended: its result, what it and the calls inside of it printed, and those calls' records."""

    result: reports.Result
    logs: tuple[reports.Log, ...] = ()
    records: tuple[reports.Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Awaited:
    """One step whose answer is due."""

    number: int  # its id on the wire
    function: str
    seconds: float  # its longest wait and time
    performed: Callable[[], Awaitable[Performed]]


class Controls(Protocol):
    """What may be asked about steps by their ids."""

    def cancel_behind(self, number: int) -> None: ...

    def cut(self, number: int) -> None: ...

    def forget(self, numbers: Sequence[int]) -> None: ...


@dataclass(slots=True)
class ChainRun:
    """Steps in flight, one at a time. Ask for each in turn, and `close` it whatever happens."""

    steps: Sequence[Awaited]
    controls: Controls
    ended: Callable[[ChainRun], None] = field(default=lambda _: None)
    _at: int = 0

    @property
    def running(self) -> str:
        """The function that runs now, as far as this side knows; "" once all have ended."""
        return self.steps[self._at].function if self._at < len(self.steps) else ""

    async def step(self) -> Performed:
        """What the next one came to. Raises `NiukGone` where the host ended: this is the one that may have begun.

        If this is cancelled, or takes too long, so is the step.
        """
        step = self.steps[self._at]
        try:
            async with asyncio.timeout(step.seconds + GRACE):
                performed = await step.performed()
        except (asyncio.CancelledError, TimeoutError):
            self.controls.cancel_behind(step.number)
            raise
        self._at += 1
        return performed

    def cut(self) -> None:
        """Let none begin any more."""
        for step in self.steps[self._at :]:
            self.controls.cut(step.number)

    def close(self) -> None:
        """Nobody asks for the rest, which does not begin."""
        self.cut()
        self._at = len(self.steps)
        self.controls.forget([step.number for step in self.steps])
        self.ended(self)
