"""Counts what the pool does: the `PoolEvents` of metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from argo_provider.telemetry.counting import Spread, Spreads, Tallies, Tally
from argo_provider.telemetry.metrics import LATENCY
from argo_proxy.pool.shape import Shape
from argo_proxy.protocol.messages import Executable, Execution, OutcomeKind, Phases
from argo_proxy.sandboxes.port import Shortfall

_SANDBOX = ("sandbox",)
PHASES = ("queue", "place", "start", "init", "run")
MOST_KINDS = 64  # more are counted as "other": a label must not grow with what users send


class PoolMetrics:
    """Invocations by kind, sandbox, start and status; their phases; sandboxes started, failed and ended."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._invocations = Tallies(
            "argo_invocations", "Invocations that left a sandbox.", ("kind", "sandbox", "start", "status"), registry
        )
        about = "Where the time of invocations went."
        self._phases = Spreads("argo_invocation_phase_seconds", about, ("sandbox", "phase"), LATENCY, registry)
        self._starts = Spreads("argo_sandbox_start_seconds", "Creation of a sandbox.", _SANDBOX, LATENCY, registry)
        about = "Sandboxes that could not be created."
        self._failures = Tallies("argo_sandbox_start_failures", about, _SANDBOX, registry)
        self._ends = Tallies("argo_sandbox_ends", "Sandboxes that ended, by reason.", (*_SANDBOX, "reason"), registry)
        about = "Native invocations that fell short of the ordinary runtime: run again there, or failed."
        self._shortfalls = Tallies("argo_native_shortfalls", about, ("reason", "outcome"), registry)
        about = "Invocations that were not accepted, by reason."
        self._rejections = Tallies("argo_rejections", about, ("reason",), registry)
        about = "Idle sandboxes whose memory was put out to swap."
        self._naps = Tallies("argo_sandbox_hibernations", about, _SANDBOX, registry)
        self._wakes = Tallies("argo_sandbox_wakes", "Hibernated sandboxes that were used again.", _SANDBOX, registry)
        self._kept: dict[tuple[str, str, bool, OutcomeKind], Tally] = {}
        self._timers: dict[str, tuple[Spread, ...]] = {}
        self._kinds: set[str] = set()

    def executed(self, executable: Executable, execution: Execution) -> None:
        key = (executable.kind, execution.sandbox, execution.phases.cold, execution.outcome.kind)
        tally = self._kept.get(key)
        if tally is None:
            start, status = "cold" if key[2] else "warm", execution.outcome.kind.name.lower()
            tally = self._kept[key] = self._invocations.of(self._kind(key[0]), key[1], start, status)
        tally.value += 1
        self._time(execution.sandbox, execution.phases)

    def fell_short(self, executable: Executable, shortfall: Shortfall | None, words: str, *, rerun: bool) -> None:
        reason = "init" if shortfall is None else shortfall.value
        self._shortfalls.of(reason, "ordinary" if rerun else "failed").value += 1

    def _kind(self, kind: str) -> str:
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            return "other"
        self._kinds.add(kind)
        return kind

    def _time(self, sandbox: str, phases: Phases) -> None:
        timers = self._timers.get(sandbox)
        if timers is None:
            timers = self._timers[sandbox] = tuple(self._phases.of(sandbox, phase) for phase in PHASES)
        queue, place, start, init, run = timers
        queue.observe(phases.queue / 1000)
        place.observe(phases.place / 1000)
        run.observe(phases.run / 1000)
        if phases.cold:
            start.observe(phases.start / 1000)
            init.observe(phases.init / 1000)

    def started(self, shape: Shape, seconds: float) -> None:
        self._starts.of(shape.technology.value).observe(seconds)

    def start_failed(self, shape: Shape, reason: str) -> None:  # free text: for the log, not a label
        self._failures.of(shape.technology.value).value += 1

    def ended(self, shape: Shape, reason: str) -> None:
        self._ends.of(shape.technology.value, reason).value += 1

    def hibernated(self, shape: Shape) -> None:
        self._naps.of(shape.technology.value).value += 1

    def woke(self, shape: Shape) -> None:
        self._wakes.of(shape.technology.value).value += 1

    def rejected(self, reason: str) -> None:
        self._rejections.of(reason).value += 1
