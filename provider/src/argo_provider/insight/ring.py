"""The last events of one namespace, bounded in number and in weight: what a stream that was cut off resumes from. Pure.

A reader has no buffer of its own: it holds a position in the ring, and what has fallen out of the ring before it was
read is a gap.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from itertools import islice


@dataclass(slots=True, eq=False)
class Happening:
    """One event. `kind`: action, activation, …; `name`: of the function, "" for none.

    `wire` is for the API: what it once rendered is not rendered for each reader.
    """

    kind: str
    name: str
    body: object
    weight: int = 256  # bytes, about
    position: int = 0
    wire: bytes | None = None


class Ring:
    """Positions count up from 0; `epoch` tells them from those of another ring of the same namespace."""

    def __init__(self, most: int, most_weight: int, epoch: str | None = None) -> None:
        self._most = most
        self.most_weight = most_weight
        self._kept: deque[Happening] = deque()
        self.epoch = epoch or secrets.token_hex(8)
        self.weight = 0
        self.end = 0  # the position of the next event

    @property
    def begin(self) -> int:
        """The oldest position that is kept; `end` when nothing is."""
        return self.end - len(self._kept)

    def append(self, happening: Happening) -> None:
        happening.position = self.end
        self._kept.append(happening)
        self.end += 1
        self.weight += happening.weight
        while self._kept and (len(self._kept) > self._most or self.weight > self.most_weight):
            self.weight -= self._kept.popleft().weight

    def since(self, position: int, most: int) -> list[Happening]:
        """At most `most` events from `position` on; from the oldest where that is gone."""
        behind = max(0, min(self.end - position, len(self._kept)))
        newest_first = list(islice(reversed(self._kept), behind))
        newest_first.reverse()
        return newest_first[:most]

    def id_of(self, position: int) -> str:
        """What a client sends back to go on behind the event at `position`."""
        return f"{self.epoch}.{position}"

    def after(self, last_id: str) -> int | None:
        """The position behind the event of that id; None: it is none of ours, or what came next is gone."""
        epoch, _, number = last_id.partition(".")
        if epoch != self.epoch or not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        position = int(number) + 1
        return position if self.begin <= position <= self.end else None
