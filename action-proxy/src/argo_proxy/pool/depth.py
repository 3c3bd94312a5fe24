"""How many invocations a sandbox that lets them wait inside is sent at once."""

from __future__ import annotations

from argo_proxy.pool.entry import SandboxEntry
from argo_proxy.pool.serving import queued_in
from argo_proxy.pool.shape import Key
from argo_proxy.pool.table import SandboxTable
from argo_proxy.sandboxes.port import Answer

MOST_INSIDE = 32  # that may be lost with one process, however quick they are


def room_for(pace: float, patience: float) -> int:
    """So many that the last of them waits for no longer than `patience`, where each takes `pace` seconds; one at least.

    What is quick is sent ahead and waits beside what serves it, which so need not wait for this process; what is slow
    gets something of its own for each, as in any other sandbox.
    """
    return max(1, min(MOST_INSIDE, int(patience / pace))) if pace > 0.0 else MOST_INSIDE


def observe(
    table: SandboxTable, entry: SandboxEntry, key: Key, answer: Answer | None, seconds: float, *, patience: float
) -> None:
    """An invocation took a slot of `entry` for `seconds`. Where invocations wait inside, what counts is how long it was
    served: everything else is this process's own delay, and no reason for more of what serves."""
    queued = queued_in(answer)
    if queued is None:
        table.observe(key, seconds)
        return
    late = queued.waited if queued.waited > patience else 0.0  # behind something slow: as good as slow itself
    table.observe(key, queued.took + late)
    pace = table.pace(key)
    if pace is not None:
        table.resize(entry, room_for(pace, patience))
