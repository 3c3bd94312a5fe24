"""What becomes of a sandbox after an invocation, and how long that one had to wait. Pure."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum, auto

from argo_proxy.pool.chain import Ended
from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.job import Job
from argo_proxy.pool.serving import Serving, queued_in
from argo_proxy.sandboxes.port import Answer, Answered, Shortfall, TimedOut


class Fate(Enum):
    HEALTHY = auto()  # may serve again
    UNUSED = auto()  # nothing was sent
    BROKEN = auto()  # must be destroyed


def fate_of(done: Ended) -> Fate:
    inside = queued_in(done.serving.answer) is not None  # which sees to what a failure leaves behind
    kept = may_stay(done.serving) if done.elsewhere else inside or done.serving.healthy
    return Fate.HEALTHY if kept else Fate.BROKEN


def with_reply(serving: Serving) -> Serving:
    """All that the runtime said, for whoever wanted no more than an initialised sandbox: `reply`, beside the error."""
    if not isinstance(serving.answer, Answered):
        return serving
    outcome = serving.execution.outcome
    result = {**outcome.result, "reply": serving.answer.body.decode(errors="replace")}
    return replace(serving, execution=replace(serving.execution, outcome=replace(outcome, result=result)))


def may_have_begun(answer: Answer) -> bool:
    return isinstance(answer, TimedOut) or answer.began


def may_stay(serving: Serving) -> bool:
    """A miss ends its invocation, and leaves its isolate as it was; other users of the slot need not start again."""
    answer = serving.answer
    initialised = serving.execution.phases.run > 0
    return initialised and isinstance(answer, Answered) and answer.shortfall in _HARMLESS


_HARMLESS = frozenset({Shortfall.MISSING, Shortfall.UNSUPPORTED, Shortfall.BUSY})


def waits(entry: SandboxEntry, job: Job, now: float, *, cold: bool) -> tuple[float, float, float]:
    """Seconds this job waited in the queue, for the creation of the sandbox that it got, and since it was chosen."""
    waited = max(job.placed_at - job.accepted_at, 0.0)
    place = max(now - job.placed_at, 0.0)
    if not cold or entry.ready_at <= job.accepted_at:
        return waited, 0.0, place
    start = min(entry.ready_at - max(entry.started_at, job.accepted_at), waited)
    return waited - start, start, place
