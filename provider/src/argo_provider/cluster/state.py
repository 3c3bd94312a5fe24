"""The key-value part of the bus: whose bus it is, and what nodes say of themselves.

A node's words are plain messages on the subjects of its keys: the bus keeps the last one of each for those who come
later, for as long as the bucket's time limit says, and passes it to all who listen now.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError, NoKeysError
from nats.js.kv import KeyValue

from argo_provider.cluster import messages
from argo_provider.cluster.bus import Bus
from argo_provider.cluster.errors import ClusterError
from argo_provider.cluster.messages import PROTOCOL, About, Beat, ClusterRecord
from argo_provider.cluster.queues import no_jetstream

MOST_SKEW_MS = 10_000
_RECORD = "cluster"
_LEAST_KEPT_SECONDS = 10.0


class StateBuckets:
    """`nodes`: beats and descriptions, forgotten when they are old; `record`: whose bus this is, kept."""

    def __init__(self, bus: Bus, nodes: KeyValue, record: KeyValue) -> None:
        self._bus = bus
        self._nodes = nodes
        self._record = record
        self._nodes_name = nodes_bucket(bus)

    @classmethod
    async def open(cls, bus: Bus, lease: float) -> StateBuckets:
        """Make the buckets if they are missing. ClusterError."""
        try:
            nodes = await _bucket(bus, nodes_bucket(bus), max(_LEAST_KEPT_SECONDS, 5 * lease))
            record = await _bucket(bus, f"argo_{bus.cluster}", None)
        except (NatsError, TimeoutError) as error:
            raise no_jetstream(error) from error
        return cls(bus, nodes, record)

    # Whose bus

    async def found(self, record: ClusterRecord) -> ClusterRecord:
        """Put `record` where there is none yet; the one that is there now."""
        subject = f"$KV.argo_{self._bus.cluster}.{_RECORD}"
        try:
            await self._record.create(_RECORD, self._bus.seal(subject, messages.encode(record)))
        except KeyWrongLastSequenceError:
            there = await self.record()
            return record if there is None else there
        return record

    async def say_record(self, record: ClusterRecord) -> None:
        """Put `record` in the place of what is there."""
        subject = f"$KV.argo_{self._bus.cluster}.{_RECORD}"
        await self._record.put(_RECORD, self._bus.seal(subject, messages.encode(record)))

    async def record(self) -> ClusterRecord | None:
        """None: no replica has ever used this bus by that name. ClusterError if it is sealed by another key."""
        try:
            value = (await self._record.get(_RECORD)).value or b""
        except KeyNotFoundError:
            return None
        content = self._bus.open(f"$KV.argo_{self._bus.cluster}.{_RECORD}", value, fresh=False)
        if content is None:
            raise ClusterError(
                f"the cluster '{self._bus.cluster}' on this bus has another key than the one given here",
                "give every member the same ARGO_CLUSTER_KEY_FILE; a second cluster takes another cluster.name",
            )
        return messages.decode(content, ClusterRecord)

    # Nodes

    def say_beat(self, beat: Beat) -> None:
        self._bus.send(self._subject("beat", beat.node), messages.encode(beat))

    def say_about(self, about: About) -> None:
        self._bus.send(self._subject("about", about.node), messages.encode(about))

    async def listen(self, told: Callable[[About], None], heard: Callable[[Beat], None]) -> None:
        """What nodes say from now on, and what they said last."""

        def received(subject: str, data: bytes) -> None:
            content = self._bus.open(subject, data)
            if content is None:
                return
            if subject.startswith(self._subject("about", "")):
                told(messages.decode(content, About))
            else:
                heard(messages.decode(content, Beat))

        await self._bus.listen_raw(f"$KV.{self._nodes_name}.*.*", received)
        for about, beat in await self.nodes():
            told(about)
            if beat is not None:
                heard(beat)

    async def nodes(self) -> list[tuple[About, Beat | None]]:
        """All nodes of which the bus still keeps something."""
        try:
            keys = await self._nodes.keys()
        except NoKeysError:
            return []
        names = sorted(key.partition(".")[2] for key in keys if key.startswith("about."))
        found = []
        for name in names:
            about = await self._read("about", name)
            beat = await self._read("beat", name)
            if about is not None:
                found.append((messages.decode(about, About), None if beat is None else messages.decode(beat, Beat)))
        return found

    async def beat_of(self, node: str) -> Beat | None:
        content = await self._read("beat", node)
        return None if content is None else messages.decode(content, Beat)

    async def _read(self, part: str, node: str) -> bytes | None:
        try:
            entry = await self._nodes.get(f"{part}.{node}")
        except KeyNotFoundError:
            return None
        return self._bus.open(self._subject(part, node), entry.value or b"")

    def _subject(self, part: str, node: str) -> str:
        return f"$KV.{self._nodes_name}.{part}.{node}"

    # Time

    async def clock_ahead_ms(self, member: str) -> int:
        """By how much this machine's clock is ahead of the bus server's."""
        before = time.time()
        sequence = await self._record.put(f"clock.{member}", b"")
        after = time.time()
        message = await self._bus.js.get_msg(f"KV_argo_{self._bus.cluster}", seq=sequence)
        assert message.time is not None  # noqa: S101  # the server always says it
        return round(((before + after) / 2 - message.time.timestamp()) * 1000)


def nodes_bucket(bus: Bus) -> str:
    return f"argo_{bus.cluster}_nodes"


async def _bucket(bus: Bus, name: str, ttl: float | None) -> KeyValue:
    try:
        return await bus.js.key_value(name)
    except BucketNotFoundError:
        storage = StorageType.FILE if ttl is None else StorageType.MEMORY
        return await bus.js.create_key_value(KeyValueConfig(bucket=name, ttl=ttl, history=1, storage=storage))


def check_clock(ahead_ms: int) -> None:
    """ClusterError where it is so far off that records would be of another time."""
    if abs(ahead_ms) > MOST_SKEW_MS:
        way = "ahead of" if ahead_ms > 0 else "behind"
        raise ClusterError(
            f"the clock of this machine is {abs(ahead_ms) / 1000:.0f} s {way} the bus's",
            "set both by the network: timedatectl set-ntp true",
        )


def check_protocol(record: ClusterRecord, version: str) -> None:
    """ClusterError for a member of another version than the cluster's."""
    if record.protocol != PROTOCOL:
        raise ClusterError(
            f"this is argofn {version} (protocol {PROTOCOL}); the cluster runs {record.version}"
            f" (protocol {record.protocol})",
            f"install argofn {record.version} here, or upgrade the replicas first",
        )


async def join_as_node(state: StateBuckets, node: str, version: str, *, wait: Callable[[], None]) -> ClusterRecord:
    """Wait for a cluster on this bus; `wait` is called once if there is none yet. ClusterError."""
    told = False
    while (record := await state.record()) is None:
        if not told:
            wait()
            told = True
        await asyncio.sleep(0.2)
    check_protocol(record, version)
    check_clock(await state.clock_ahead_ms(node))
    return record


async def refuse_twin(state: StateBuckets, node: str, lease: float) -> None:
    """Two machines must not be one node. ClusterError if another by that name goes on beating."""
    before = await state.beat_of(node)
    if before is None:
        return
    await asyncio.sleep(lease)  # an earlier life of this machine is silent by then
    after = await state.beat_of(node)
    if after is not None and (after.incarnation, after.number) != (before.incarnation, before.number):
        raise ClusterError(f"another node '{node}' is up on this bus", "give this one a name of its own: --name NAME")
