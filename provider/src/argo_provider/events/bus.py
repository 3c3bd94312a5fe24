"""An event bus inside one process: synchronous listeners, and bounded subscriptions that never slow the publisher."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from argo_provider.model.activation import Activation
from argo_provider.model.names import FullName
from argo_provider.model.record import record
from argo_provider.optimizer.model import FunctionId
from argo_provider.placement.port import SandboxSummary


@dataclass(frozen=True, slots=True)
class ActionChanged:
    """An action was created, updated or deleted; `version` is the one that it has now, or had last."""

    name: FullName
    deleted: bool
    version: str = ""


@record
class ActivationEnded:
    """A record was closed; its logs are in."""

    activation: Activation


@dataclass(frozen=True, slots=True)
class NamespaceChanged:
    """Keys or limits of a namespace changed, or it was deleted."""

    namespace: str


@dataclass(frozen=True, slots=True)
class PackageChanged:
    """A package or binding was created, updated or deleted: actions reached through it may have other parameters."""

    name: FullName


@dataclass(frozen=True, slots=True)
class TierChanged:
    """The optimiser moved a function, or knows more of it; published after `insight.port.Tiers` shows it."""

    function: FunctionId


@dataclass(frozen=True, slots=True)
class BuildChanged:
    """A build was queued, went a step further or ended; published after `insight.port.Builds` shows it."""

    function: FunctionId
    build_id: str


@dataclass(frozen=True, slots=True)
class SandboxChanged:
    """A sandbox changed its state; `sandbox.namespace` is "" while it is bound to none."""

    sandbox: SandboxSummary


Event = (
    ActionChanged | ActivationEnded | NamespaceChanged | PackageChanged | TierChanged | BuildChanged | SandboxChanged
)

Listener = Callable[[Event], None]


class EventBus:
    """`publish` calls listeners in order of subscription; a listener must be quick and must not raise."""

    def __init__(self) -> None:
        self._listeners: list[tuple[Listener, tuple[type[Event], ...]]] = []
        self._by_kind: dict[type[Event], tuple[Listener, ...]] = {}  # worked out at the first event of a kind

    def listen(self, listener: Listener, *kinds: type[Event]) -> Callable[[], None]:
        """Call `listener` for each event of these kinds (none: of all) from now on; what is returned ends that."""
        entry = (listener, kinds)
        self._listeners.append(entry)
        self._by_kind.clear()

        def end() -> None:
            self._listeners.remove(entry)
            self._by_kind.clear()

        return end

    def publish(self, event: Event) -> None:
        listeners = self._by_kind.get(type(event))
        if listeners is None:
            listeners = self._concerned(type(event))
        for listener in listeners:
            listener(event)

    def _concerned(self, kind: type[Event]) -> tuple[Listener, ...]:
        found = tuple(listener for listener, kinds in self._listeners if not kinds or kind in kinds)
        self._by_kind[kind] = found
        return found

    def subscribe(self, size: int = 1024) -> Subscription:
        """A stream of events; when the reader lags by more than `size`, the oldest are dropped and counted."""
        return Subscription(self, size)


class Subscription:
    """Events as an async iterator inside a `with` block; `dropped` counts what a slow reader lost."""

    def __init__(self, bus: EventBus, size: int) -> None:
        self._bus = bus
        self._events: deque[Event] = deque(maxlen=size)
        self._arrived = asyncio.Event()
        self._end: Callable[[], None] | None = None
        self.dropped = 0

    def __enter__(self) -> Self:
        self._end = self._bus.listen(self._put)
        return self

    def __exit__(self, *_: object) -> None:
        if self._end is not None:
            self._end()

    def _put(self, event: Event) -> None:
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)
        self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()
