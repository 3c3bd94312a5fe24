"""How an idle sandbox is kept, as the optimiser tells it the pool."""

from __future__ import annotations

from argo_provider.model.record import record


@record
class Stay:
    """Seconds after its last use: until it ends, and until it hibernates, where it can."""

    kept: float
    awake: float = float("inf")
