"""One invocation in one sandbox: /init where it is new, /run, what the answer means, the logs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from argo_proxy.pool.job import Job
from argo_proxy.protocol.bodies import init_body, run_body, run_parts
from argo_proxy.protocol.interpretation import init_outcome, is_shutting_down, keeps_sandbox, run_outcome
from argo_proxy.protocol.logs import format_logs
from argo_proxy.protocol.messages import Execution, Invocation, Outcome, OutcomeKind, Phases
from argo_proxy.records import record
from argo_proxy.sandboxes.port import Answer, Answered, Gone, PartsSandbox, Queued, Sandbox, SandboxKind

CODE_GONE = "Action could not be found or may have been deleted."
_ENCODE_ASIDE_BYTES = 64 * 1024

LoadCode = Callable[[str], Awaitable[bytes]]
"""Blob id → bytes. Raises LookupError when there is no such blob."""


@dataclass(frozen=True, slots=True)
class ServingLimits:
    """Bounds of one invocation beside its action's own limits."""

    response_bytes: int = 1024 * 1024  # a longer answer is cut, and is an application error
    load_seconds: float = 30.0  # to read an action's code
    log_seconds: float = 2.0  # to wait for both sentinels after an answer
    failed_log_seconds: float = 0.2  # the same after a failure: they may never come
    unmarked_log_seconds: float = 0.02  # for what an image prints that has never marked the end of a log


@record
class Serving:
    """One answered invocation before its logs are in."""

    execution: Execution
    healthy: bool  # whether the sandbox may serve again
    gone: bool  # the sandbox ended: nothing else in it can succeed
    answer: Answer | None = None  # what the sandbox said; None where it was not asked


class Attempt:
    """One try to run a job in one sandbox; `run` gives None when nothing of it reached user code."""

    __slots__ = (
        "_began",
        "_init",
        "_job",
        "_limits",
        "_place",
        "_queue",
        "_sandbox",
        "_start",
        "_started_at",
        "run_began",
    )

    def __init__(
        self, job: Job, sandbox: Sandbox, limits: ServingLimits, queue: float, start: float, place: float
    ) -> None:
        """Seconds spent so far: waiting, waiting for the sandbox's creation, and since it was chosen."""
        self._job = job
        self._sandbox = sandbox
        self._limits = limits
        self._queue = queue
        self._start = start
        self._place = place
        self._init = 0.0
        self._started_at = 0.0  # by the wall clock, which may be set meanwhile
        self._began = 0.0  # the same moment, monotonic
        self.run_began = 0.0  # monotonic seconds

    async def init(self, load_code: LoadCode) -> Serving | None:
        """Load the code and send /init; a `Serving` where that ends the invocation, None where it may run."""
        invocation = self._job.invocation
        executable = invocation.executable
        begin = time.monotonic()
        try:
            code = await self._load(load_code, executable.code_digest)
        except LookupError:
            return self._failed(Outcome(OutcomeKind.APPLICATION_ERROR, {"error": CODE_GONE}))
        body = await _encode_init(invocation, code, _deadline_ms(time.time(), executable.timeout_ms))
        self._started_at = time.time()
        sent = self._began = time.monotonic()
        self._start += sent - begin
        answer = await self._sandbox.init(body, timeout=executable.timeout_ms / 1000, limit=self._limits.response_bytes)
        self._init = time.monotonic() - sent
        self._job.began = not (isinstance(answer, Gone) and not answer.sent)
        outcome = init_outcome(answer, timeout_ms=executable.timeout_ms, limit=self._limits.response_bytes)
        return None if outcome is None else self._ended(outcome, answer, 0.0, cold=True)

    async def run(self, *, cold: bool) -> Serving | None:
        """Send /run. None: the sandbox was gone, or declined, before user code began; another may be tried."""
        invocation = self._job.invocation
        executable = invocation.executable
        limit = self._limits.response_bytes
        begin = self.run_began = time.monotonic()
        now = time.time()
        if not cold:
            self._started_at, self._began = now, begin
        answer = await self._send(_deadline_ms(now, executable.timeout_ms), executable.timeout_ms / 1000, limit)
        if not cold and not self._job.retried and not self._job.ordinary and untouched(answer):
            return None
        self._job.began = True
        outcome = run_outcome(answer, timeout_ms=executable.timeout_ms, limit=limit)
        run = time.monotonic() - begin
        if (queued := queued_in(answer)) is not None:
            waited = max(min(queued.waited, run - queued.took), 0.0)
            self._place += waited
            run -= waited
        return self._ended(outcome, answer, run, cold=cold)

    def _send(self, deadline_ms: int, seconds: float, limit: int) -> Awaitable[Answer]:
        """Whoever takes the parts of a body is spared to take it apart."""
        invocation, sandbox = self._job.invocation, self._sandbox
        if sandbox.kind is SandboxKind.NIUK and hasattr(sandbox, "run_parts"):
            parts = run_parts(invocation, deadline_ms)
            return cast("PartsSandbox", sandbox).run_parts(*parts, timeout=seconds, limit=limit)
        return sandbox.run(run_body(invocation, deadline_ms), timeout=seconds, limit=limit)

    @property
    def init_seconds(self) -> float:
        return self._init

    def _ended(self, outcome: Outcome, answer: Answer, run: float, *, cold: bool) -> Serving:
        phases = Phases(self._queue * 1000, self._start * 1000, self._init * 1000, run * 1000, cold, self._place * 1000)
        sandbox = self._sandbox
        canary = self._job.canary
        ended_at = self._started_at + time.monotonic() - self._began
        execution = Execution(outcome, phases, self._started_at, ended_at, (), sandbox.kind.value, sandbox.id, canary)
        return Serving(execution, keeps_sandbox(outcome), isinstance(answer, Gone), answer)

    def prepared(self) -> Serving:
        """The end of a job that wanted no more than an initialised sandbox."""
        done = Outcome(OutcomeKind.SUCCESS, {})
        phases = Phases(self._queue * 1000, self._start * 1000, self._init * 1000, cold=True)
        now, sandbox = time.time(), self._sandbox
        return Serving(Execution(done, phases, now, now, (), sandbox.kind.value, sandbox.id), True, False)

    def _failed(self, outcome: Outcome) -> Serving:
        phases = Phases(self._queue * 1000, self._start * 1000, 0.0, 0.0, cold=True)
        now = time.time()
        return Serving(
            Execution(outcome, phases, now, now, (), self._sandbox.kind.value, self._sandbox.id), False, False
        )

    async def _load(self, load_code: LoadCode, digest: str | None) -> bytes | None:
        if digest is None:
            return None
        async with asyncio.timeout(self._limits.load_seconds):
            return await load_code(digest)


async def with_logs(
    serving: Serving, job: Job, sandbox: Sandbox, limits: ServingLimits, *, marks: bool
) -> tuple[Execution, bool]:
    """The execution with its log lines, and whether both marks of the end of a log were seen.

    `marks`: whether this runtime is known to set them.
    """
    executable = job.invocation.executable
    limit = executable.log_limit_bytes
    wait = limits.log_seconds if marks else limits.unmarked_log_seconds
    if not serving.healthy:
        wait = min(wait, limits.failed_log_seconds)
    collected = await sandbox.collect_logs(limit=limit, wait=wait)
    if not collected.lines and collected.complete and serving.healthy and not collected.truncated:
        return serving.execution, True
    lines = format_logs(
        collected,
        limit=limit,
        developer_error=not serving.healthy,
        time_ns=time.time_ns(),
        sentinels_expected=marks,
    )
    done = serving.execution
    phases, began, ended = done.phases, done.started_at, done.ended_at
    named = (done.sandbox, done.sandbox_id, done.canary)
    return Execution(done.outcome, phases, began, ended, lines, *named), collected.complete


def untouched(answer: Answer) -> bool:
    """Whether nothing of the invocation has reached user code."""
    return is_shutting_down(answer) or (isinstance(answer, Gone) and not answer.sent)


def queued_in(answer: Answer | None) -> Queued | None:
    """How long it waited inside the sandbox, where that lets invocations wait."""
    return answer.queued if isinstance(answer, Answered) else None


def _deadline_ms(now: float, timeout_ms: int) -> int:
    return int(now * 1000) + timeout_ms


async def _encode_init(invocation: Invocation, code: bytes | None, deadline_ms: int) -> bytes:
    if code is None or len(code) < _ENCODE_ASIDE_BYTES:
        return init_body(invocation, code, deadline_ms)
    return await asyncio.to_thread(init_body, invocation, code, deadline_ms)
