"""Time and ids come in through here, so that tests can hold them still."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from argo_provider.model.names import new_activation_id


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """`now_ms`: wall clock, epoch milliseconds; `monotonic`: seconds; `now`: wall clock, epoch seconds."""

    now_ms: Callable[[], int] = _wall_ms
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    new_id: Callable[[], str] = new_activation_id
