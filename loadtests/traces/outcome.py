"""What a replay saw: one record an invocation, written as JSON lines, and summed up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

IDEAL_LEAST_MS = 10.0  # what the shortest functions are held against: a warm call through the API

MOST_TOLD = 10  # failures in words


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation. `at`, `late_ms`: seconds of the replay when it was due, and how late it was sent."""

    at: float
    function: int
    family: str
    asked_ms: float  # how long the function was to run
    late_ms: float
    latency_ms: float  # as its caller saw it
    status: int  # of HTTP; 0: no answer
    succeeded: bool
    cold: bool | None = None  # None where the service does not say
    tier: str = ""
    sandbox: str = ""
    said: str = ""  # the beginning of the answer, where it did not succeed

    @property
    def slowdown(self) -> float:
        """Times that its caller waited as long as the function alone was to take."""
        return self.latency_ms / max(self.asked_ms, IDEAL_LEAST_MS)

    @property
    def overhead_ms(self) -> float:
        return max(0.0, self.latency_ms - self.asked_ms)


def write(calls: Iterable[Call], path: Path) -> None:
    path.write_text("".join(json.dumps(asdict(call)) + "\n" for call in calls))


def read(path: Path) -> list[Call]:
    return [Call(**json.loads(line)) for line in path.read_text().splitlines()]


def percentile(values: Sequence[float], share: float) -> float:
    """Of values in any order; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def failures(calls: Iterable[Call]) -> list[str]:
    """The first, in words."""
    return [f"{call.family}, {call.at:.1f} s: {call.said}" for call in calls if not call.succeeded][:MOST_TOLD]


def summary(calls: Sequence[Call]) -> dict[str, Any]:
    """Figures of all calls together."""
    slowdowns = [call.slowdown for call in calls]
    latencies = [call.latency_ms for call in calls]
    return {
        "invocations": len(calls),
        "failed": sum(not call.succeeded for call in calls),
        "cold_starts": sum(bool(call.cold) for call in calls),
        "slowdown_p50": round(percentile(slowdowns, 0.5), 3),
        "slowdown_p99": round(percentile(slowdowns, 0.99), 3),
        "slowdown_p999": round(percentile(slowdowns, 0.999), 3),
        "latency_p50_ms": round(percentile(latencies, 0.5), 2),
        "latency_p99_ms": round(percentile(latencies, 0.99), 2),
        "late_p99_ms": round(percentile([call.late_ms for call in calls], 0.99), 2),
        "by_tier": dict(Counter(call.tier or "unknown" for call in calls)),
        "by_sandbox": dict(Counter(call.sandbox or "unknown" for call in calls)),
    }
