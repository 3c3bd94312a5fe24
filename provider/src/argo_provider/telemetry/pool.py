"""Counts what the pool does: the `PoolEvents` of metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from argo_provider.telemetry.metrics import LATENCY
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable, Execution, Phases

PHASES = ("queue", "start", "init", "run")
MOST_KINDS = 64  # more are counted as "other": a label must not grow with what users send


class PoolMetrics:
    """Invocations by kind, sandbox, start and status; their phases; sandboxes started, failed and ended."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._invocations = Counter(
            "argo_invocations",
            "Invocations that left a sandbox.",
            ["kind", "sandbox", "start", "status"],
            registry=registry,
        )
        self._phases = Histogram(
            "argo_invocation_phase_seconds",
            "Where the time of invocations went.",
            ["sandbox", "phase"],
            buckets=LATENCY,
            registry=registry,
        )
        self._starts = Histogram(
            "argo_sandbox_start_seconds", "Creation of a sandbox.", ["sandbox"], buckets=LATENCY, registry=registry
        )
        self._failures = Counter(
            "argo_sandbox_start_failures", "Sandboxes that could not be created.", ["sandbox"], registry=registry
        )
        self._ends = Counter(
            "argo_sandbox_ends", "Sandboxes that ended, by reason.", ["sandbox", "reason"], registry=registry
        )
        self._rejections = Counter(
            "argo_rejections", "Invocations that were not accepted, by reason.", ["reason"], registry=registry
        )
        self._counters: dict[tuple[str, str, bool, int], Counter] = {}
        self._timers: dict[str, tuple[Histogram, ...]] = {}
        self._kinds: set[str] = set()

    def executed(self, executable: Executable, execution: Execution) -> None:
        key = (executable.kind, execution.sandbox, execution.phases.cold, execution.outcome.kind.value)
        counter = self._counters.get(key)
        if counter is None:
            start, status = "cold" if key[2] else "warm", execution.outcome.kind.name.lower()
            counter = self._invocations.labels(self._kind(key[0]), key[1], start, status)
            self._counters[key] = counter
        counter.inc()
        self._time(execution.sandbox, execution.phases)

    def _kind(self, kind: str) -> str:
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            return "other"
        self._kinds.add(kind)
        return kind

    def _time(self, sandbox: str, phases: Phases) -> None:
        timers = self._timers.get(sandbox)
        if timers is None:
            timers = self._timers[sandbox] = tuple(self._phases.labels(sandbox, phase) for phase in PHASES)
        queue, start, init, run = timers
        queue.observe(phases.queue / 1000)
        run.observe(phases.run / 1000)
        if phases.cold:
            start.observe(phases.start / 1000)
            init.observe(phases.init / 1000)

    def started(self, shape: Shape, seconds: float) -> None:
        self._starts.labels(shape.technology.value).observe(seconds)

    def start_failed(self, shape: Shape, reason: str) -> None:  # free text: for the log, not a label
        self._failures.labels(shape.technology.value).inc()

    def ended(self, shape: Shape, reason: str) -> None:
        self._ends.labels(shape.technology.value, reason).inc()

    def rejected(self, reason: str) -> None:
        self._rejections.labels(reason).inc()
