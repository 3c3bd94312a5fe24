"""What keeping a function warm costs and saves. Pure reckoning on its record; nothing here changes it."""

from __future__ import annotations

from math import ceil

from argo_provider.optimizer.keepalive import Pauses, Prices, TwoStays, stays
from argo_provider.optimizer.model import NATIVE_TECHNOLOGY
from argo_provider.optimizer.record import Record
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.sizes import Sizes

_START_MS = 1000.0  # of an ordinary sandbox that has not told its own
_NOTICED_MS = 10.0  # what takes less is as quick for its callers
_IN_ONE_LIMIT = {"niuk": 16, "zygote": 4}  # that the placement reserves an action's memory limit for
_SELDOM = 0.1  # overlap that is not worth an isolate


def kept(record: Record, settings: OptimizerSettings, sizes: Sizes, *, native: bool) -> TwoStays:
    """Of the one that takes its next invocation."""
    return _kept(record, settings, sizes, record.pauses, native=native)


def kept_beside(record: Record, settings: OptimizerSettings, sizes: Sizes, *, native: bool) -> TwoStays:
    """Of one that is only used while others run."""
    return _kept(record, settings, sizes, record.beside.pauses, native=native)


def _kept(record: Record, settings: OptimizerSettings, sizes: Sizes, pauses: Pauses, *, native: bool) -> TwoStays:
    """What is reserved for it counts as well as what it really holds: no other can have either."""
    shared = _IN_ONE_LIMIT.get(NATIVE_TECHNOLOGY.get(record.family, ""), 1) if native else 1
    reserved = max(record.memory_mb, 1) / shared
    held = memory(record, settings, sizes, native=native)
    held_ms = (held * settings.gb_second_ms + reserved * settings.reserved_gb_second_ms) / 1024
    return stays(pauses, settings, _priced(record, settings, sizes, held_ms, native=native))


def prices(record: Record, settings: OptimizerSettings, sizes: Sizes, *, native: bool) -> Prices:
    """By what one really holds, as if as much were reserved."""
    held = memory(record, settings, sizes, native=native)
    return _priced(record, settings, sizes, held / 1024 * _gb_second_ms(settings), native=native)


def _priced(record: Record, settings: OptimizerSettings, sizes: Sizes, held_ms: float, *, native: bool) -> Prices:
    """Isolates do not hibernate: they hold little, and share a process that others use."""
    start_ms = start_costs(record, settings, sizes, native=native)
    if native or not settings.hibernated_mb:
        return Prices(held_ms, start_ms)
    asleep_ms = settings.hibernated_mb / 1024 * _gb_second_ms(settings)
    wake_ms = _felt(record, settings, settings.wake_ms) + settings.wake_cpu_ms * settings.cpu_second_ms / 1000
    return Prices(held_ms, start_ms, asleep_ms, min(wake_ms, start_ms))


def _gb_second_ms(settings: OptimizerSettings) -> float:
    return settings.gb_second_ms + settings.reserved_gb_second_ms


def _felt(record: Record, settings: OptimizerSettings, wait_ms: float) -> float:
    """As it is felt, beside what the function takes itself."""
    return wait_ms * min(max(wait_ms / max(record.signals.run_ms, _NOTICED_MS), 1.0), settings.felt_most)


def spare(record: Record) -> int:
    """Sandboxes or isolates beyond its owner's minimum."""
    return max(0, record.held - record.wishes.warm)


def spare_mb(record: Record, settings: OptimizerSettings, sizes: Sizes, *, native: bool) -> float:
    """Memory that they hold."""
    return spare(record) * memory(record, settings, sizes, native=native)


def wanted(record: Record, patience_ms: float) -> int:
    """Isolates with which what usually runs at once waits for none, or for no longer than `patience_ms`: what is quick
    shares few, hot ones. At least its owner's minimum."""
    at_once = ceil(record.signals.overlap - _SELDOM) + 1
    took = record.signals.inside_ms or record.signals.run_ms
    patient = ceil(at_once * took / patience_ms) if patience_ms > 0 else at_once
    return max(record.wishes.warm, min(at_once, max(1, patient)))


def value_of_memory(record: Record, settings: OptimizerSettings, sizes: Sizes, now: float, *, native: bool) -> float:
    """Waiting (ms a minute) that a MB of it saves."""
    rate = max(record.signals.per_minute(now), record.signals.per_hour(now) / 60.0)
    return rate * _start(record, settings, native=native) / memory(record, settings, sizes, native=native)


def memory(record: Record, settings: OptimizerSettings, sizes: Sizes, *, native: bool) -> float:
    """MB of one that is idle: its own measure, else its language's, else what the settings take it for."""
    if native:
        return max(record.native_mb or sizes.isolate_mb(record.family, settings), 0.1)
    return max(record.ordinary_mb or sizes.sandbox_mb(record.family, settings), 0.1)


def start_costs(record: Record, settings: OptimizerSettings, sizes: Sizes, *, native: bool) -> float:
    """As it is felt, beside what the function takes itself, and the processor time: until it was seen, as long."""
    start = _start(record, settings, native=native)
    cpu_ms = sizes.start_cpu_ms(record.family, native=native)
    return _felt(record, settings, start) + (start if cpu_ms is None else cpu_ms) * settings.cpu_second_ms / 1000


def _start(record: Record, settings: OptimizerSettings, *, native: bool) -> float:
    signals = record.signals
    if native:
        return signals.native_wait_ms or settings.isolate_start_ms
    return signals.cold_wait_ms or _START_MS
