"""What one namespace may have under way, so that it cannot take the machine's builds and memory from the others."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.sizes import Machine

_HOUR = 3600.0


@dataclass(slots=True)
class Budget:
    """Of one namespace."""

    settings: OptimizerSettings
    machine: Machine = field(default_factory=Machine)
    patience_ms: float = 0.0  # that an invocation may wait for its function's isolates before there are more of them
    moved: int = 0  # functions that are native, or on their way there
    sharing: Counter[str] = field(default_factory=Counter)  # functions that repay its NIUk, or would, by technology
    builds: deque[float] = field(default_factory=deque)  # when each of the last hour began

    def has_room(self) -> bool:
        return self.moved < self.settings.native_functions

    def may_build(self, at: float) -> bool:
        """Whether one more build may begin now."""
        while self.builds and self.builds[0] <= at - _HOUR:
            self.builds.popleft()
        return len(self.builds) < self.settings.builds_per_hour

    def next_build(self, at: float) -> float | None:
        """From when on one more may begin, epoch seconds; None: now."""
        return None if self.may_build(at) else self.builds[0] + _HOUR
