"""What happened, told to every replica: dashboards and live figures show the same wherever they are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus
from argo_provider.events import ActionChanged, ActivationEnded, Event, EventBus, NamespaceChanged
from argo_provider.model.activation import Activation

_GATHER_SECONDS = 0.02
_MOST_WAITING = 10_000  # the oldest are dropped: whoever only watches must not slow those who work
_LARGE = 4096  # bytes of a record above which its logs and result stay with its replica


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of another replica; exactly one of the others is set."""

    replica: str
    ended: Activation | None = None
    action: ActionChanged | None = None
    namespace: NamespaceChanged | None = None


class EventFan:
    def __init__(self, bus: Bus, replica: str, events: EventBus, alone: Callable[[], bool] = lambda: False) -> None:
        """`alone`: no other replica is there to be told."""
        self._bus = bus
        self._subject = bus.subject("events")
        self._replica = replica
        self._events = events
        self._alone = alone
        self._waiting: list[bytes] = []
        self._some = asyncio.Event()
        self._relaying = False

    async def run(self) -> None:
        """For ever: pass ours on, and publish theirs here."""
        await self._bus.listen(self._subject, self._heard)
        end = self._events.listen(self._on_event)
        try:
            while True:
                await self._some.wait()
                await asyncio.sleep(_GATHER_SECONDS)
                self._some.clear()
                self._bus.send(self._subject, messages.encode_all(self._waiting))
                self._waiting = []
        finally:
            end()

    def _on_event(self, event: Event) -> None:
        if self._relaying or self._alone() or len(self._waiting) >= _MOST_WAITING:
            return
        happened = self._happened(event)
        if happened is not None:
            self._waiting.append(messages.encode(happened))
            self._some.set()

    def _happened(self, event: Event) -> Happened | None:
        match event:
            case ActivationEnded(activation):
                return Happened(self._replica, ended=_slim(activation))
            case ActionChanged():
                return Happened(self._replica, action=event)
            case NamespaceChanged():
                return Happened(self._replica, namespace=event)
            case _:
                return None  # of nodes: those tell by themselves

    def _heard(self, content: bytes) -> None:
        for happened in messages.decode(content, list[Happened]):
            if happened.replica == self._replica:
                continue
            event = _event(happened)
            if event is not None:
                self._relaying = True
                try:
                    self._events.publish(event)
                finally:
                    self._relaying = False


def _event(happened: Happened) -> Event | None:
    if happened.ended is not None:
        return ActivationEnded(happened.ended)
    return happened.action or happened.namespace


def _slim(activation: Activation) -> Activation:
    size = (activation.response.size or 0) + sum(len(line) for line in activation.logs)
    if size <= _LARGE:
        return activation
    return replace(activation, logs=(), response=replace(activation.response, result=None))
