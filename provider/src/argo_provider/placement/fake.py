"""A scripted placement, for tests of what lies above it: no sandbox, no process, no clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from argo_provider.placement.port import Claim, Dropped, Overloaded, OverloadReason, PlacementSnapshot, Ticket
from argo_proxy.protocol.messages import Execution, Invocation, Outcome, OutcomeKind, Phases

Script = Callable[[Invocation], Execution | Outcome | Overloaded]
"""Overloaded: the place that it was given is gone before user code began."""


def echo(invocation: Invocation) -> Outcome:
    """The default script: the arguments come back."""
    return Outcome(OutcomeKind.SUCCESS, invocation.arguments)


def failed(message: str, kind: OutcomeKind = OutcomeKind.DEVELOPER_ERROR) -> Outcome:
    """An outcome that is an error with this text."""
    return Outcome(kind, {"error": message})


class FakePlacement:
    """Answers every invocation by `script`; scripts for single actions take precedence.

    `hold()` keeps answers back until `release()`; `overload` makes `submit` raise.
    """

    def __init__(self, script: Script = echo) -> None:
        self.script = script
        self.scripts: dict[str, Script] = {}  # by the action's path
        self.overload: OverloadReason | None = None
        self.submitted: list[Invocation] = []
        self.forgotten: list[tuple[str, str | None]] = []
        self._released = asyncio.Event()
        self._released.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def on(self, path: str, result: Any = None, *, script: Script | None = None) -> None:
        """Have the action at `path` succeed with `result`, or follow `script`."""
        self.scripts[path] = script or (lambda _: Outcome(OutcomeKind.SUCCESS, result))

    def hold(self) -> None:
        """From now on nothing is answered until `release`."""
        self._released.clear()

    def release(self) -> None:
        """Answer what was held back, and all that follows."""
        self._released.set()

    def submit(self, invocation: Invocation, *, claim: Claim | None = None) -> Ticket:
        if self.overload is not None:
            raise Overloaded(self.overload, f"The scripted placement refuses: {self.overload.value}.")
        self.submitted.append(invocation)
        loop = asyncio.get_running_loop()
        ticket = Ticket(loop.create_future(), loop.create_future())
        if claim is None and self._released.is_set():
            self._answer(invocation, ticket)
        else:
            task = loop.create_task(self._later(invocation, ticket, claim))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return ticket

    def snapshot(self) -> PlacementSnapshot:
        draining = self.overload is OverloadReason.DRAINING
        return PlacementSnapshot(memory_limit_mb=1024, draining=draining)

    def forget(self, path: str, *, keep_revision: str | None = None) -> None:
        self.forgotten.append((path, keep_revision))

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109
        self.overload = OverloadReason.DRAINING
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=timeout)
        return not self._tasks

    async def _later(self, invocation: Invocation, ticket: Ticket, claim: Claim | None) -> None:
        await self._released.wait()
        if claim is not None and not await claim():
            for future in (ticket.outcome, ticket.execution):
                if not future.done():
                    future.set_exception(Dropped(invocation.activation_id))
                    future.exception()  # nobody has to listen
            return
        self._answer(invocation, ticket)

    def _answer(self, invocation: Invocation, ticket: Ticket) -> None:
        made = self.scripts.get(invocation.executable.path, self.script)(invocation)
        if isinstance(made, Overloaded):
            for future in (ticket.outcome, ticket.execution):
                future.set_exception(made)
                future.exception()  # nobody has to listen
            return
        at = invocation.accepted_at
        execution = made if isinstance(made, Execution) else Execution(made, Phases(), at, at, sandbox="fake")
        for future, value in ((ticket.outcome, replace(execution, logs=())), (ticket.execution, execution)):
            if not future.done():
                future.set_result(value)
