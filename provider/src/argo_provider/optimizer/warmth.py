"""What keeping a function warm costs and saves. Pure reckoning on its record; nothing here changes it."""

from __future__ import annotations

from math import ceil

from argo_provider.optimizer.keepalive import keep_alive
from argo_provider.optimizer.record import Record
from argo_provider.optimizer.settings import OptimizerSettings

_START_MS = 1000.0  # of an ordinary sandbox that has not told its own
_SELDOM = 0.1  # overlap that is not worth an isolate
_PATIENCE_MS = 20.0  # an invocation may wait so long for its function's isolates: what is quick shares few, hot ones


def keep_alive_seconds(record: Record, settings: OptimizerSettings, *, native: bool) -> float:
    """How long it is kept warm after its last invocation."""
    return keep_alive(
        record.pauses, settings, memory_mb=_memory(record, settings, native), start_ms=_start(record, settings, native)
    )


def cools_at(record: Record, settings: OptimizerSettings, *, native: bool) -> float:
    """When it has been idle for so long, epoch seconds."""
    last = record.signals.last_at or record.since
    return last + keep_alive_seconds(record, settings, native=native)


def spare(record: Record) -> int:
    """Sandboxes or isolates beyond its owner's minimum."""
    return max(0, record.held - record.wishes.warm)


def spare_mb(record: Record, settings: OptimizerSettings, *, native: bool) -> float:
    """Memory that they hold."""
    return spare(record) * _memory(record, settings, native)


def wanted(record: Record) -> int:
    """Isolates with which what usually runs at once waits for none, or not for long; at least its owner's minimum."""
    at_once = ceil(record.signals.overlap - _SELDOM) + 1
    patient = ceil(at_once * record.signals.run_ms / _PATIENCE_MS)
    return max(record.wishes.warm, min(at_once, max(1, patient)))


def value_of_memory(record: Record, settings: OptimizerSettings, now: float, *, native: bool) -> float:
    """Waiting (ms a minute) that a MB of it saves."""
    rate = max(record.signals.per_minute(now), record.signals.per_hour(now) / 60.0)
    return rate * _start(record, settings, native) / _memory(record, settings, native)


def _memory(record: Record, settings: OptimizerSettings, native: bool) -> float:
    return settings.isolate_mb if native else float(max(1, record.memory_mb))


def _start(record: Record, settings: OptimizerSettings, native: bool) -> float:
    return settings.isolate_start_ms if native else record.signals.cold_wait_ms or _START_MS
