"""Messages gathered for one turn of the event loop: under load many small ones become few large ones."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus

_BOUNCES_KEPT = 4096


class Outbox:
    """Lists of encoded parts by subject. `bounced` is told which attempts never reached anybody."""

    def __init__(self, bus: Bus, bounces: str = "", bounced: Callable[[Sequence[int]], None] | None = None) -> None:
        """`bounces`: the subject below which bounces come back."""
        self._bus = bus
        self._bounces = bounces
        self._bounced = bounced
        self._waiting: dict[str, tuple[list[bytes], list[int]]] = {}
        self._in_transit: OrderedDict[str, list[int]] = OrderedDict()
        self._count = 0
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        if self._bounces:
            await self._bus.listen_bounces(f"{self._bounces}.*", self._on_bounce)

    def put(self, subject: str, part: bytes, attempt: int | None = None) -> None:
        waiting = self._waiting.get(subject)
        if waiting is None:
            waiting = self._waiting[subject] = ([], [])
            self._loop.call_soon(self._flush, subject)
        waiting[0].append(part)
        if attempt is not None:
            waiting[1].append(attempt)

    def _flush(self, subject: str) -> None:
        parts, attempts = self._waiting.pop(subject)
        bounce = self._expect(attempts) if attempts else ""
        for message in in_bites(parts, self._bus.largest // 2):
            self._bus.send(subject, message, bounce=bounce)

    def _expect(self, attempts: list[int]) -> str:
        self._count += 1
        bounce = f"{self._bounces}.{self._count}"
        self._in_transit[bounce] = attempts
        if len(self._in_transit) > _BOUNCES_KEPT:
            self._in_transit.popitem(last=False)
        return bounce

    def _on_bounce(self, subject: str) -> None:
        attempts = self._in_transit.pop(subject, None)
        if attempts and self._bounced is not None:
            self._bounced(attempts)


def in_bites(parts: Sequence[bytes], largest: int) -> list[bytes]:
    """Lists of the encoded `parts`, each about as large as a message may be."""
    bites: list[list[bytes]] = [[]]
    size = 0
    for part in parts:
        if size + len(part) > largest and bites[-1]:
            bites.append([])
            size = 0
        bites[-1].append(part)
        size += len(part)
    return [messages.encode_all(bite) for bite in bites]
