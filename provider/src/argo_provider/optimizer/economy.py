"""Whether a native form of a function pays: what it would save from now on against what making it costs. Pure.

All is reckoned in milliseconds of waiting: `gb_second_ms` and `cpu_second_ms` say what memory and processors are worth.
The future is as the long window is, for `repay_seconds`, or for as long as the function is called already.
"""

from __future__ import annotations

from dataclasses import dataclass

from argo_provider.optimizer import warmth
from argo_provider.optimizer.heat import COMPILED, ENGINES
from argo_provider.optimizer.model import NATIVE_TECHNOLOGY
from argo_provider.optimizer.record import Record
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Bill:
    """Of one function over `seconds`, in milliseconds of waiting. `slack`: what figures may be wrong by."""

    saves: float  # below 0: the ordinary runtime is cheaper
    base: float  # of what it saves, what its share of the NIUk (and of an engine to be built) takes away again
    costs: float
    slack: float
    seconds: float

    @property
    def would_share(self) -> bool:
        """It is worth making where others carry the NIUk."""
        return self.saves + self.base >= self.costs + self.slack

    @property
    def pays(self) -> bool:
        """It is worth making."""
        return self.saves >= self.costs + self.slack

    def still_pays(self, share: float) -> bool:
        """With hysteresis: `share` of its cost is enough for one on its way, 0 for one that is there."""
        return self.saves >= self.costs * share - self.slack


def bill(record: Record, settings: OptimizerSettings, sizes: Sizes, now: float, *, sharers: int) -> Bill:
    """`sharers`: other functions that repay the same NIUk (or zygote), or would."""
    signals = record.signals
    seconds = _seconds(record, settings, now)
    calls = signals.long.within(now) * seconds / signals.long.window
    ordinary, _ = _of_a_call(record, settings, sizes, native=False)
    natively, held = _of_a_call(record, settings, sizes, native=True)
    base_mb = sizes.base_mb(NATIVE_TECHNOLOGY.get(record.family, ""), settings) / (1 + sharers)
    base = min(seconds, calls * held) * base_mb / 1024 * (settings.gb_second_ms + settings.reserved_gb_second_ms)
    base += _engine(record, settings, sizes) / (1 + sharers)
    costs = _making(record, settings, sizes)
    return Bill(calls * (ordinary - natively) - base, base, costs, settings.repay_slack * calls * ordinary, seconds)


def _making(record: Record, settings: OptimizerSettings, sizes: Sizes) -> float:
    if record.family in COMPILED and not record.built:
        return sizes.build_ms(settings) * settings.repay_times
    return 0.0


def _engine(record: Record, settings: OptimizerSettings, sizes: Sizes) -> float:
    if record.family in ENGINES and record.family not in sizes.engines:
        return settings.engine_builds * sizes.build_ms(settings) * settings.repay_times
    return 0.0


def _seconds(record: Record, settings: OptimizerSettings, now: float) -> float:
    known = now - (record.signals.first_at or now)
    return min(max(known, settings.repay_seconds), max(settings.repay_most_seconds, settings.repay_seconds))


def _of_a_call(record: Record, settings: OptimizerSettings, sizes: Sizes, *, native: bool) -> tuple[float, float]:
    """What a call and the pauses after it cost in memory and waiting, and for how many seconds one is held for it."""
    kept = warmth.kept(record, settings, sizes, native=native)
    beside = warmth.kept_beside(record, settings, sizes, native=native)
    prices = warmth.prices(record, settings, sizes, native=native)
    return kept.ms(prices) + record.signals.overlap * beside.ms(prices), kept.whole.held_seconds
