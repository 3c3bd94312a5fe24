"""Invocations in sandboxes that hand results on by themselves: what is sent for each, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.job import Job
from argo_proxy.pool.serving import Serving, ServingLimits, with_logs
from argo_proxy.protocol.bodies import run_body
from argo_proxy.protocol.interpretation import keeps_sandbox, run_outcome
from argo_proxy.protocol.messages import Execution, Outcome, OutcomeKind, Phases
from argo_proxy.sandboxes.port import ChainingSandbox, Gone, Link, Linked, Sandbox, SandboxChain


@dataclass(frozen=True, slots=True)
class Part:
    """A job of a chain and the sandbox whose slot it holds."""

    job: Job
    entry: SandboxEntry
    sandbox: Sandbox


@dataclass(slots=True)
class Cutting:
    """Ends a chain early: what has not begun does not begin."""

    is_cut: bool = False
    _hooks: list[Callable[[], None]] = field(default_factory=list)

    def cut(self) -> None:
        self.is_cut = True
        for hook in self._hooks:
            hook()

    def tell(self, hook: Callable[[], None]) -> None:
        """Call back when it is cut."""
        self._hooks.append(hook)
        if self.is_cut:
            hook()


@dataclass(frozen=True, slots=True)
class Ended:
    """One part that was served. `elsewhere`: its way fell short of the ordinary runtime, which is to serve it."""

    part: Part
    serving: Serving
    execution: Execution
    elsewhere: bool = False


class ChainServing:
    """`fell_short` says of a job that failed whether the ordinary runtime is to serve it."""

    def __init__(
        self, parts: Sequence[Part], cutting: Cutting, limits: ServingLimits, fell_short: Callable[[Job, Serving], bool]
    ) -> None:
        self._parts = parts
        self._limits = limits
        self._fell_short = fell_short
        self._ended_at = time.time()  # of the part before, by the wall clock
        self._placed = max(time.monotonic() - parts[0].job.accepted_at, 0.0)  # seconds that the first has waited
        self._at = 0
        self._over = False
        first = parts[0].sandbox
        assert isinstance(first, ChainingSandbox), "whoever made the chain has looked"  # noqa: S101
        self._chain: SandboxChain = first.chain([self._link(part) for part in parts], limit=limits.response_bytes)
        cutting.tell(self._chain.cut)

    async def next(self) -> Ended | None:
        """What the next part came to; None where it and those behind it were not begun."""
        if self._over or self._at == len(self._parts):
            return None
        linked = await self._chain.step()
        if linked is None:
            self._over = True
            return None
        part = self._parts[self._at]
        self._at += 1
        return await self._ended(part, linked)

    def close(self) -> None:
        self._chain.close()

    async def _ended(self, part: Part, linked: Linked) -> Ended:
        job, answer, limits = part.job, linked.answer, self._limits
        job.began = True
        executable = job.invocation.executable
        outcome = run_outcome(answer, timeout_ms=executable.timeout_ms, limit=limits.response_bytes)
        serving = self._serving(part, linked, outcome)
        self._over = outcome.kind is not OutcomeKind.SUCCESS
        if job.ordinary and self._fell_short(job, serving):
            return Ended(part, serving, serving.execution, elsewhere=True)
        execution, _ = await with_logs(serving, job, part.sandbox, limits, marks=part.entry.marks_logs)
        if not self._over and self._at < len(self._parts):
            _hand_on(self._parts[self._at].job, outcome)
        return Ended(part, serving, execution)

    def _serving(self, part: Part, linked: Linked, outcome: Outcome) -> Serving:
        began = self._ended_at
        self._ended_at = began + linked.wait + linked.seconds
        placed, self._placed = self._placed, 0.0
        phases = Phases(run=linked.seconds * 1000, place=(placed + linked.wait) * 1000)
        sandbox = part.sandbox
        execution = Execution(outcome, phases, began, self._ended_at, (), sandbox.kind.value, sandbox.id)
        gone = isinstance(linked.answer, Gone)
        return Serving(execution, keeps_sandbox(outcome), gone, linked.answer)

    def _link(self, part: Part) -> Link:
        executable = part.job.invocation.executable
        deadline_ms = int(self._ended_at * 1000) + executable.timeout_ms  # the host sets that of each when it begins
        body = run_body(part.job.invocation, deadline_ms)
        return Link(part.sandbox, body, executable.timeout_ms / 1000)


def _hand_on(job: Job, outcome: Outcome) -> None:
    """What the sandbox does by itself: should the job be run elsewhere, it is with these arguments."""
    bound = job.invocation.arguments
    if isinstance(bound, dict) and isinstance(outcome.result, dict):
        job.invocation = replace(job.invocation, arguments={**bound, **outcome.result}, accepted_at=time.monotonic())
        job.accepted_at = job.placed_at = job.invocation.accepted_at
