"""For how long one function's sandboxes and isolates are kept, as the policy and the pool ask it."""

from __future__ import annotations

from argo_provider.model.stay import Stay
from argo_provider.optimizer import warmth
from argo_provider.optimizer.record import Record
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.sizes import Machine


class Keeping:
    """Answers are kept until the function is called again: figures hardly change without that."""

    __slots__ = ("_cools", "_machine", "_ordinary", "_record", "_settings")

    def __init__(self, record: Record, settings: OptimizerSettings, machine: Machine) -> None:
        self._record = record
        self._settings = settings
        self._machine = machine
        self._cools: tuple[tuple[int, bool], float] | None = None
        self._ordinary: tuple[int, tuple[Stay, Stay]] | None = None

    def seconds(self, *, native: bool) -> float:
        """After its last use."""
        return warmth.kept(self._record, self._settings, self._machine.sizes, native=native).whole.seconds

    def ordinary(self) -> tuple[Stay, Stay]:
        """Of its ordinary sandboxes: of the one used last, and of those that ran beside it."""
        seen = self._record.signals.seen
        if self._ordinary is None or self._ordinary[0] != seen:
            record, settings, sizes = self._record, self._settings, self._machine.sizes
            last = warmth.kept(record, settings, sizes, native=False)
            beside = warmth.kept_beside(record, settings, sizes, native=False)
            self._ordinary = (seen, (last.stay, beside.stay))
        return self._ordinary[1]

    def cools_at(self, *, native: bool) -> float:
        """When it has been idle for so long, epoch seconds."""
        signals = self._record.signals
        if self._cools is None or self._cools[0] != (signals.seen, native):
            self._cools = ((signals.seen, native), self.seconds(native=native))
        return (signals.last_at or self._record.since) + self._cools[1]

    def spare_mb(self, *, native: bool) -> float:
        """Memory of what is held beyond its owner's minimum."""
        return warmth.spare_mb(self._record, self._settings, self._machine.sizes, native=native)

    def value_of_memory(self, now: float, *, native: bool) -> float:
        """What a MB of it saves."""
        return warmth.value_of_memory(self._record, self._settings, self._machine.sizes, now, native=native)
