"""How long a build gives way: until it was kept from a quarter of the machine for too long.

What gives way to all else gets nothing where all processors are always taken, and would run into its time limit, while
the native form is what would relieve that machine. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

_FLOOR = 0.25  # of all processors
_PATIENCE = 5.0  # processor seconds


@dataclass(frozen=True, slots=True)
class Pace:
    """`owed`: processor seconds that it wanted, was not given, and gets back before it gives way again."""

    owed: float = 0.0
    takes_part: bool = False

    def after(self, seconds: float, *, used: float, waited: float, processors: int) -> Pace:
        """`used` and `waited` (ready to run, for a processor) of all its threads together in these `seconds`."""
        kept_from = _FLOOR * processors * seconds - used
        change = min(kept_from, waited) if kept_from > 0 else kept_from
        owed = min(_PATIENCE, max(0.0, self.owed + change))
        return Pace(owed, owed > 0 if self.takes_part else owed >= _PATIENCE)
