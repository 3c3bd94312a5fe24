"""The event stream of a namespace: what the bus says, kept in the namespace's ring while somebody listens.

Where nobody has listened for a while there is no ring, and an event costs a look-up. A stream sees its own namespace's
ring and no other: what is of another namespace cannot be in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from argo_provider.errors import Overloaded, Throttled
from argo_provider.events import (
    ActionChanged,
    ActivationEnded,
    BuildChanged,
    Event,
    NamespaceChanged,
    PackageChanged,
    SandboxChanged,
    TierChanged,
)
from argo_provider.insight.happenings import Happenings
from argo_provider.insight.ring import Happening, Ring
from argo_provider.placement.port import PlacementSnapshot

KINDS = ("activation", "action", "tier", "build", "sandbox", "pool", "log")
_BATCH = 200
PAUSE_SECONDS = 0.05  # seconds between two batches of one stream: a busy namespace is told in batches


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """`ring`: events of one namespace; `weight`: bytes of all rings; `linger`: seconds a ring outlives its streams."""

    ring: int = 10_000
    weight: int = 64 * 1024 * 1024
    linger: float = 300.0
    streams: int = 512
    streams_of_one: int = 64
    tick: float = 1.0


@dataclass(frozen=True, slots=True)
class Interest:
    """What a stream wants: `kinds` of KINDS; `name` "": of all functions."""

    kinds: frozenset[str]
    name: str = ""

    def includes(self, happening: Happening) -> bool:
        return happening.kind in self.kinds and (not self.name or happening.name == self.name)


@dataclass(frozen=True, slots=True)
class Batch:
    """What came. `gap`: events were lost before these; `id`: where to resume behind it; `pool`: newest figures."""

    happenings: tuple[Happening, ...] = ()
    gap: bool = False
    pool: object | None = None
    id: str = ""

    @property
    def tells(self) -> bool:
        return bool(self.happenings) or self.gap or self.pool is not None


@dataclass(slots=True, eq=False)
class _Channel:
    """One namespace's ring and who reads it."""

    ring: Ring
    streams: set[Stream] = field(default_factory=set)
    left: float = 0.0  # when the last stream went


class Stream:
    """One reader. `next` until it gives None."""

    def __init__(self, feed: Feed, channel: _Channel, namespace: str, interest: Interest, position: int | None) -> None:
        self._feed = feed
        self._channel = channel
        self.namespace = namespace
        self.interest = interest
        self._gap = position is None
        self._position = channel.ring.end if position is None else position
        self._pool: object | None = None
        self._wake = asyncio.Event()
        if self._gap or self._position < channel.ring.end:
            self._wake.set()
        self.ended = False

    @property
    def id(self) -> str:
        """Where a client that has seen all so far would resume."""
        return self._channel.ring.id_of(self._position - 1)

    def id_of(self, happening: Happening) -> str:
        return self._channel.ring.id_of(happening.position)

    async def next(self, seconds: float) -> Batch | None:
        """What came, an empty batch when nothing did for so long, None when the stream has ended."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self._wake.wait()
                    if self.ended:
                        return None
                    batch = self._take()
                    if batch.tells:
                        return batch
        except TimeoutError:
            return Batch(id=self.id)

    def _take(self) -> Batch:
        ring = self._channel.ring
        pool, self._pool = self._pool, None
        if self._gap or self._position < ring.begin:
            self._gap, self._position = False, ring.end
            self._settle()
            return Batch((), gap=True, pool=pool, id=self.id)
        found = ring.since(self._position, _BATCH)
        self._position += len(found)
        self._settle()
        return Batch(tuple(h for h in found if self.interest.includes(h)), pool=pool, id=self.id)

    def _settle(self) -> None:
        if self._position == self._channel.ring.end and not self.ended:
            self._wake.clear()

    def appended(self, happening: Happening) -> None:
        """One more is in the ring; what the stream does not want moves it on without waking it."""
        if self.interest.includes(happening):
            self._wake.set()
        elif self._position == happening.position:
            self._position += 1

    def offer_pool(self, figures: object) -> None:
        if "pool" in self.interest.kinds:
            self._pool = figures
            self._wake.set()

    def end(self) -> None:
        self.ended = True
        self._wake.set()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._feed.left(self, self._channel)


class Feed:
    """Listens to the bus, and looks at the pool once a second while somebody wants to know."""

    def __init__(
        self,
        happenings: Happenings,
        snapshot: Callable[[], PlacementSnapshot],
        pool_figures: Callable[[PlacementSnapshot], object],
        monotonic: Callable[[], float],
        limits: FeedLimits = FeedLimits(),
        look: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """`look`: called for each namespace that is listened to, before the pool is looked at."""
        self._happenings = happenings
        self._snapshot = snapshot
        self._pool_figures = pool_figures
        self._monotonic = monotonic
        self._limits = limits
        self._look = look
        self._channels: dict[str, _Channel] = {}
        self._listened = asyncio.Event()
        self._closed = False

    def open(self, namespace: str, interest: Interest, last_id: str | None = None) -> Stream:
        """A stream from now on, or from behind `last_id`. Throttled, Overloaded; use it in a `with` block."""
        if self._closed:
            raise Overloaded("The service is stopping.")
        self._drop_deserted()
        channel = self._channels.get(namespace)
        self._check_room(channel)
        if channel is None:
            channel = self._channels[namespace] = _Channel(Ring(self._limits.ring, self._limits.weight))
            self._share_weight()
        position = channel.ring.end if last_id is None else channel.ring.after(last_id)
        stream = Stream(self, channel, namespace, interest, position)
        channel.streams.add(stream)
        self._listened.set()
        return stream

    def _check_room(self, channel: _Channel | None) -> None:
        if channel is not None and len(channel.streams) >= self._limits.streams_of_one:
            most = self._limits.streams_of_one
            raise Throttled(f"This namespace has {most} event streams open, and no more are allowed: close one.")
        if sum(len(c.streams) for c in self._channels.values()) >= self._limits.streams:
            raise Overloaded("Too many event streams are open: try again later.")

    def _share_weight(self) -> None:
        for channel in self._channels.values():
            channel.ring.most_weight = self._limits.weight // len(self._channels)

    def _drop_deserted(self) -> None:
        latest = self._monotonic() - self._limits.linger
        deserted = [n for n, c in self._channels.items() if not c.streams and c.left < latest]
        for namespace in deserted:
            del self._channels[namespace]
        if deserted:
            self._share_weight()

    def left(self, stream: Stream, channel: _Channel) -> None:
        """The stream's reader is gone."""
        channel.streams.discard(stream)
        channel.left = self._monotonic()
        if not any(c.streams for c in self._channels.values()):
            self._listened.clear()

    def on_event(self, event: Event) -> None:
        """To every ring that it concerns; quick where nobody listens."""
        if not self._channels:
            return
        if isinstance(event, NamespaceChanged):
            self._namespace_changed(event.namespace)
            return
        if isinstance(event, SandboxChanged):
            self._sandbox(event)
            return
        if isinstance(event, PackageChanged):
            return
        channel = self._channels.get(_namespace_of(event))
        if channel is None:
            return
        if not channel.streams and channel.left < self._monotonic() - self._limits.linger:
            self._drop_deserted()
            return
        for happening in self._happenings.of(event):
            _append(channel, happening)

    def _namespace_changed(self, namespace: str) -> None:
        """Its keys may be others now, or it is gone: nobody goes on from what was seen with the old ones."""
        channel = self._channels.pop(namespace, None)
        for stream in channel.streams if channel is not None else ():
            stream.end()

    def _sandbox(self, event: SandboxChanged) -> None:
        """One that is bound to nobody is everybody's."""
        self._happenings.saw(event.sandbox)
        bound = event.sandbox.namespace
        for namespace, channel in self._channels.items():
            if bound in {"", namespace}:
                _append(channel, self._happenings.sandbox(namespace, event.sandbox))

    async def watch(self) -> None:
        """The figures of the pool, and what changed in it, for ever. Ended by cancelling it."""
        while True:
            await self._listened.wait()
            if self._look is not None:
                listened = [namespace for namespace, channel in self._channels.items() if channel.streams]
                await asyncio.gather(*(self._look(namespace) for namespace in listened))
            self.look()
            await asyncio.sleep(self._limits.tick)

    def look(self) -> None:
        """One look at the pool."""
        snapshot = self._snapshot()
        for sandbox in self._happenings.changed(snapshot):
            self._sandbox(SandboxChanged(sandbox))
        figures = self._pool_figures(snapshot)
        for channel in self._channels.values():
            for stream in channel.streams:
                stream.offer_pool(figures)

    def close(self) -> None:
        """End every stream, and open no more."""
        self._closed = True
        for channel in self._channels.values():
            for stream in channel.streams:
                stream.end()


def _append(channel: _Channel, happening: Happening) -> None:
    channel.ring.append(happening)
    for stream in channel.streams:
        stream.appended(happening)


def _namespace_of(event: ActivationEnded | ActionChanged | TierChanged | BuildChanged) -> str:
    if isinstance(event, ActivationEnded):
        return event.activation.namespace
    return event.name.namespace if isinstance(event, ActionChanged) else event.function.namespace
