"""Messages gathered for a moment: under load many small ones become few large ones."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus

K = TypeVar("K")
T = TypeVar("T")
Part = bytes | Callable[[], bytes]  # encoded, or encoded once it goes

_BOUNCES_KEPT = 4096
_BUSY = 4  # in flight at once lately, from which on a message may wait for others
_LATELY = 0.02  # seconds, to twice as many
_GATHER = 0.003  # that it waits at most
_LATER = 0.005  # what nobody waits for


@dataclass(slots=True, eq=False)
class _Parcel(Generic[K]):
    """What waits for its subject's next message. `due`: by the loop's clock."""

    parts: list[Part] = field(default_factory=list)
    keys: list[K] = field(default_factory=list)
    due: float = float("inf")
    timer: asyncio.Handle | None = None


class Crowd:
    """The most that was counted lately, as `most`: of now and of a while before, so that it outlasts a lull."""

    __slots__ = ("_before", "_now", "_until", "most")

    def __init__(self) -> None:
        self.most = 0
        self._before = self._now = 0
        self._until = 0.0

    def note(self, count: int, now: float) -> None:
        if now >= self._until:
            self.most = self._before = self._now if now < self._until + _LATELY else 0
            self._now, self._until = 0, now + _LATELY
        if count > self._now:
            self._now = count
            self.most = max(self._before, count)


class Outbox(Generic[K]):
    """Lists of encoded parts by subject. `bounced` is told by their keys which parts never reached anybody.

    With little to do a part goes in this turn of the event loop. A wake-up of the bus and of whoever listens costs
    the same for one part as for ten, so under load a part waits for others: until `release` says that none is about
    to come, or `_GATHER` seconds.
    """

    def __init__(
        self,
        bus: Bus,
        in_flight: Callable[[], int],
        bounces: str = "",
        bounced: Callable[[Sequence[K]], None] | None = None,
    ) -> None:
        """`in_flight`: how much is under way; `bounces`: the subject below which bounces come back."""
        self._bus = bus
        self._in_flight = in_flight
        self._bounces = bounces
        self._bounced = bounced
        self._waiting: dict[str, _Parcel[K]] = {}
        self._crowd = Crowd()
        self._in_transit: OrderedDict[str, list[K]] = OrderedDict()
        self._count = 0
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        if self._bounces:
            await self._bus.listen_bounces(f"{self._bounces}.*", self._on_bounce)

    def put(self, subject: str, part: Part, key: K | None = None, *, later: bool = False) -> None:
        """`later`: nobody waits for it; it goes with the next that somebody waits for, or soon by itself."""
        parcel = self._waiting.get(subject)
        if parcel is None:
            parcel = self._waiting[subject] = _Parcel()
        parcel.parts.append(part)
        if key is not None:
            parcel.keys.append(key)
        now = self._loop.time()
        self._crowd.note(self._in_flight(), now)
        due = now + _LATER if later else now + _GATHER if self._crowd.most >= _BUSY else 0.0
        if due < parcel.due:
            self._post(subject, parcel, due)

    def release(self) -> None:
        """No more is about to come: what waits goes in this turn of the event loop."""
        for subject, parcel in self._waiting.items():
            if parcel.due:
                self._post(subject, parcel, 0.0)

    @property
    def most_lately(self) -> int:
        """That were under way at once."""
        return self._crowd.most

    def _post(self, subject: str, parcel: _Parcel[K], due: float) -> None:
        if parcel.timer is not None:
            parcel.timer.cancel()
        parcel.due = due
        if due <= self._loop.time():
            parcel.timer = self._loop.call_soon(self._flush, subject)
        else:
            parcel.timer = self._loop.call_at(due, self._flush, subject)

    def _flush(self, subject: str) -> None:
        parcel = self._waiting.pop(subject)
        bounce = self._expect(parcel.keys) if parcel.keys else ""
        parts = [part if isinstance(part, bytes) else part() for part in parcel.parts]
        for message in in_bites(parts, self._bus.largest // 2):
            self._bus.send(subject, message, bounce=bounce)

    def _expect(self, keys: list[K]) -> str:
        self._count += 1
        bounce = f"{self._bounces}.{self._count}"
        self._in_transit[bounce] = keys
        if len(self._in_transit) > _BOUNCES_KEPT:
            self._in_transit.popitem(last=False)
        return bounce

    def _on_bounce(self, subject: str) -> None:
        keys = self._in_transit.pop(subject, None)
        if keys and self._bounced is not None:
            self._bounced(keys)


def in_bites(parts: Sequence[bytes], largest: int) -> list[bytes]:
    """Lists of the encoded `parts`, each about as large as a message may be."""
    return [messages.encode_all(bite) for bite in bites_of(parts, largest, len)]


def bites_of(items: Sequence[T], largest: int, size_of: Callable[[T], int]) -> list[list[T]]:
    """The items in their order, as many together as come to no more than `largest`; one at least."""
    bites: list[list[T]] = [[]]
    size = 0
    for item in items:
        if size + size_of(item) > largest and bites[-1]:
            bites.append([])
            size = 0
        bites[-1].append(item)
        size += size_of(item)
    return bites
