"""Whether events came more often than before, or only as chance has it."""

from __future__ import annotations

from math import comb

CONFIDENCE = 0.95


def beyond_chance(seen: int, of: int, before: int, before_of: int) -> int:
    """How many of `seen` events in `of` calls are more than what `before` in `before_of` calls explain.

    If both had one rate, each of the events fell to one or the other as the calls are divided between them. What is
    over the number that this stays below with CONFIDENCE is beyond chance. 0 also where nothing can be told.
    """
    events = seen + before
    if not events or not of:
        return 0
    share = of / (of + before_of)
    below, likely = 0.0, 0
    while (below := below + comb(events, likely) * share**likely * (1 - share) ** (events - likely)) < CONFIDENCE:
        likely += 1
        if likely >= events:
            break
    return max(0, seen - likely)
