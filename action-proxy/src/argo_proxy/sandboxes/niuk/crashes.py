"""What a NIUk's crashes mean: when to start it again, and which functions are not to run in it any more. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

CRASHES_ALLOWED = 2  # a function that crashed it so often runs elsewhere
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0
_HEALTHY_SECONDS = 60.0


@dataclass(slots=True)
class CrashLedger:
    """Counts crashes by function and in a row. Times are monotonic seconds."""

    _blamed: Counter[str] = field(default_factory=Counter)
    _in_a_row: int = 0
    _last: float | None = None

    def crashed(self, suspects: tuple[str, ...], now: float) -> None:
        """The process ended while invocations of `suspects` were in flight: each may have done it."""
        recent = self._last is not None and now - self._last < _HEALTHY_SECONDS
        self._in_a_row = self._in_a_row + 1 if recent else 1
        self._last = now
        self._blamed.update(set(suspects))

    def is_banned(self, function: str) -> bool:
        """Whether the function is no longer to be consolidated here."""
        return self._blamed[function] >= CRASHES_ALLOWED

    def pause(self, now: float) -> float:
        """Seconds until it may be started again: none after one crash, then doubling, forgotten after a minute."""
        if self._last is None or self._in_a_row < 2 or now - self._last >= _HEALTHY_SECONDS:
            return 0.0
        wanted = min(_FIRST_PAUSE * 2.0 ** (self._in_a_row - 2), _LONGEST_PAUSE)
        return max(0.0, self._last + wanted - now)
