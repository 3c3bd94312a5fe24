"""What things cost on this machine, as far as it was measured: sandboxes, isolates, NIUks, builds. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.model import FunctionId
from argo_provider.optimizer.settings import OptimizerSettings

_WEIGHT = 0.2  # of the newest measure
_FRESH_SECONDS = 86_400.0  # an older measure is of another engine, perhaps: one function finds out
_TOLD = 0.1  # a change of this share is worth keeping


@dataclass(slots=True)
class Measure:
    """A smoothed figure, when it was measured last, and what of it was kept over restarts."""

    value: float = 0.0
    at: float = 0.0
    kept: float = 0.0

    def add(self, value: float, at: float) -> bool:
        """Whether it is worth keeping anew."""
        self.value += (_WEIGHT if self.value else 1.0) * (value - self.value)
        self.at = max(self.at, at)
        if abs(self.value - self.kept) <= _TOLD * self.kept:
            return False
        self.kept = self.value
        return True


@dataclass(slots=True)
class Sizes:
    """By family of languages; MB of one that is idle. `niuk_mb`: the least that a whole NIUk was seen to hold."""

    ordinary: dict[str, Measure] = field(default_factory=dict)
    native: dict[str, Measure] = field(default_factory=dict)
    niuk_mb: float = 0.0
    engines: list[str] = field(default_factory=list)  # families whose engine was made, or found in the cache
    ordinary_start_cpu_ms: dict[str, Measure] = field(default_factory=dict)
    native_start_cpu_ms: dict[str, Measure] = field(default_factory=dict)
    build_cpu_seconds: Measure = field(default_factory=Measure)
    build_seconds: Measure = field(default_factory=Measure)

    def sandbox_mb(self, family: str, settings: OptimizerSettings) -> float:
        known = self.ordinary.get(family)
        return known.value if known else settings.sandbox_mb

    def isolate_mb(self, family: str, settings: OptimizerSettings) -> float:
        known = self.native.get(family)
        return known.value if known else settings.isolate_mb

    def start_cpu_ms(self, family: str, *, native: bool) -> float | None:
        """Processor time of a start: more than the wait for it where a sandbox of the stock was taken."""
        known = (self.native_start_cpu_ms if native else self.ordinary_start_cpu_ms).get(family)
        return known.value if known else None

    def base_mb(self, technology: str, settings: OptimizerSettings) -> float:
        if technology == "zygote":
            return settings.zygote_mb
        return min(settings.niuk_mb, self.niuk_mb) if self.niuk_mb else settings.niuk_mb

    def knows_isolates(self, family: str, now: float) -> bool:
        known = self.native.get(family)
        return known is not None and now - known.at < _FRESH_SECONDS

    def build_ms(self, settings: OptimizerSettings) -> float:
        """What a build costs, in milliseconds of waiting."""
        cpu = self.build_cpu_seconds.value or settings.build_cpu_seconds
        seconds = self.build_seconds.value or cpu
        return cpu * settings.spare_cpu_second_ms + seconds * settings.build_held_mb / 1024 * settings.gb_second_ms

    def weighed(self, family: str, event: ev.Weighed) -> bool:
        """Whether what is kept over restarts changed."""
        known = self.native if event.native else self.ordinary
        changed = known.setdefault(family, Measure()).add(event.mb, event.at)
        if event.start_cpu_ms is not None:
            starts = self.native_start_cpu_ms if event.native else self.ordinary_start_cpu_ms
            changed |= starts.setdefault(family, Measure()).add(event.start_cpu_ms, event.at)
        return changed

    def saw_engine(self, family: str) -> bool:
        """Whether what is kept over restarts changed."""
        if family in self.engines:
            return False
        self.engines.append(family)
        return True

    def built(self, seconds: float, cpu_seconds: float | None, at: float) -> bool:
        """The same."""
        changed = self.build_seconds.add(seconds, at)
        return (cpu_seconds is not None and self.build_cpu_seconds.add(cpu_seconds, at)) or changed


@dataclass(slots=True)
class Machine:
    """`trying`: by family, the one function that finds out what an isolate of its language holds here."""

    sizes: Sizes = field(default_factory=Sizes)
    trying: dict[str, FunctionId] = field(default_factory=dict)

    def may_try(self, family: str, function: FunctionId, now: float) -> bool:
        """Whether it may move: while nobody knows what that comes to, one at a time."""
        if self.sizes.knows_isolates(family, now):
            self.trying.pop(family, None)
            return True
        return self.trying.setdefault(family, function) == function

    def give_up(self, family: str, function: FunctionId) -> None:
        """It is not on its way any more: another one may find out."""
        if self.trying.get(family) == function:
            del self.trying[family]


def shares(event: ev.NiukWeighed, base_mb: float) -> Mapping[str, float]:
    """MB of one isolate of each function, by path: of all but the base, by the heaps that they have taken.

    What engines map for each of their isolates is in no heap, so that heaps alone tell the proportion.
    """
    tenants = [tenant for tenant in event.tenants if tenant.isolates]
    heaps = sum(tenant.mb for tenant in tenants)
    if not tenants or heaps <= 0:
        return {}
    rest = max(event.mb - base_mb, heaps)
    return {tenant.path: rest * tenant.mb / heaps / tenant.isolates for tenant in tenants}
