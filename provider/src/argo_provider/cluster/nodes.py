"""The nodes of a cluster as one replica knows them: what they said last, and when, by this replica's own clock."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import structlog

from argo_provider.cluster.messages import PROTOCOL, About, Beat, artefact_name
from argo_provider.placement.few import FewNodes
from argo_provider.placement.nodes import Wanted, choose, key_name
from argo_provider.placement.port import Overloaded
from argo_provider.storage.cache import IdentityCache
from argo_proxy.protocol.messages import Executable

log = structlog.get_logger(__name__)

HANDFUL = 16  # nodes; of more, a choice looks at few
_MEAN_EVERY = 0.1  # seconds
_EXECUTABLES = 1024


@dataclass(slots=True, eq=False)
class Node:
    """One incarnation of a node. `heard`: monotonic seconds of its last beat; `suspect`: nobody listened there."""

    about: About
    beat: Beat | None = None
    heard: float = 0.0
    suspect: bool = False
    sandbox_memory_mb: int = 0
    cores: int = 1
    images: bool = False
    full: bool = False
    ours: Counter[str] = field(default_factory=Counter)  # key → our attempts in flight there
    seen: dict[str, int] = field(default_factory=dict)  # key → places that we have seen in use at once since the beat
    kinds: frozenset[str] = frozenset()
    artefacts: frozenset[str] = frozenset()
    waiting: int = 0
    total: int = 0  # our attempts in flight there
    booked_mb: int = 0  # for new sandboxes of what we have sent there since the beat

    def take(self, about: About) -> None:
        """What it says it is."""
        self.about, self.kinds, self.artefacts = about, frozenset(about.kinds), frozenset(about.artefacts)
        self.sandbox_memory_mb, self.cores, self.images = about.sandbox_memory_mb, max(about.cores, 1), about.images

    @property
    def usable(self) -> bool:
        return self.beat is not None and not self.beat.draining and not self.suspect

    @property
    def in_flight(self) -> int:
        return self.total if self.beat is None else max(self.beat.in_flight, self.total)

    @property
    def room_mb(self) -> int | None:
        beat = self.beat
        if beat is None or beat.idle_mb is None:
            return None
        return beat.memory_mb - beat.memory_used_mb + beat.idle_mb - self.booked_mb

    def free(self, key: str) -> int:
        """Places in its warm sandboxes of that action, less what we have sent there."""
        said = 0 if self.beat is None else self.beat.slots.get(key, 0)
        return max(said, self.seen.get(key, 0)) - self.ours.get(key, 0)

    @property
    def name(self) -> str:
        return self.about.node

    @property
    def incarnation(self) -> str:
        return self.about.incarnation


NodeLost = Callable[[Node], None]


class NodeTable:
    """`lost` is called for an incarnation that has not been heard of for `lease` seconds, or that another replaced."""

    def __init__(
        self,
        lease: float,
        lost: NodeLost,
        kind_of_image: Callable[[str], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`kind_of_image`: the runtime that stands for a well-known image, None for images of users."""
        self._kind_of_image = kind_of_image
        self._lease = lease
        self._lost = lost
        self._clock = clock
        self._nodes: dict[str, Node] = {}
        self._few = FewNodes()
        self._mean = 0.0  # in flight for each core of all nodes
        self._mean_at = float("-inf")
        self._needs: IdentityCache[Executable, Wanted] = IdentityCache(_EXECUTABLES)
        self._refused: set[str] = set()  # incarnations of another version, each told of once

    def __iter__(self) -> Iterator[Node]:
        return iter(tuple(self._nodes.values()))

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, name: str) -> Node | None:
        return self._nodes.get(name)

    def told(self, about: About) -> None:
        """A node said what it is. One of another version is not understood, so nothing is given to it."""
        if about.protocol != PROTOCOL:
            self._refuse(about)
            return
        node = self._nodes.get(about.node)
        if node is not None and node.incarnation == about.incarnation:
            node.take(about)
            return
        if node is not None:
            self._drop(node, "restarted")
        node = self._nodes[about.node] = Node(about, heard=self._clock())
        node.take(about)
        self._few.join(about.node)
        log.info("node_joined", node=about.node, version=about.version, kinds=len(about.kinds))

    def heard(self, beat: Beat) -> None:
        """A node said how it is. Of one that has not said what it is yet, nothing is known."""
        node = self._nodes.get(beat.node)
        if node is None or node.incarnation != beat.incarnation:
            return
        if node.beat is not None and beat.number <= node.beat.number:
            return  # an older one, or the same again
        node.beat, node.heard, node.suspect = beat, self._clock(), False
        node.waiting = sum(beat.waiting.values())
        node.full = node.waiting >= node.about.queue_limit
        node.booked_mb = 0
        node.seen.clear()

    def silent(self, name: str) -> None:
        """Nobody listened where that node should: nothing goes there until it is heard again."""
        if (node := self._nodes.get(name)) is not None:
            node.suspect = True

    def expire(self) -> None:
        """Give up the nodes whose leases have ended."""
        now = self._clock()
        for node in self:
            if now - node.heard > self._lease:
                self._drop(node, "silent")

    def choose(self, executable: Executable, besides: Sequence[str] = ()) -> Node:
        """Where it should run; `besides`: nodes that have been tried. Raises Overloaded."""
        wanted = self._wanted(executable)
        if besides or len(self._nodes) <= HANDFUL:
            return choose([node for node in self._nodes.values() if node.name not in besides], wanted)
        try:
            node = choose(self._few.worth_a_look(wanted, self._nodes, self._mean_load()), wanted)
        except Overloaded:  # one of the others may still be able
            node = choose(self._nodes.values(), wanted)
        self._few.placed(wanted.key, node.name)
        return node

    def _mean_load(self) -> float:
        now = self._clock()
        if now - self._mean_at > _MEAN_EVERY:
            self._mean_at = now
            cores = sum(node.cores for node in self._nodes.values())
            self._mean = sum(node.in_flight for node in self._nodes.values()) / max(cores, 1)
        return self._mean

    def sent(self, node: Node, executable: Executable) -> None:
        key = self._wanted(executable).key
        if node.free(key) <= 0:
            node.booked_mb += executable.memory_mb
        node.ours[key] += 1
        node.total += 1

    def ended(self, node: Node, executable: Executable, *, warm: bool) -> None:
        """An attempt there is over; `warm`: it leaves a sandbox that may serve again, of which no beat tells yet."""
        key = self._wanted(executable).key
        if warm:
            node.seen[key] = max(node.seen.get(key, 0), node.ours[key])
        node.ours[key] -= 1
        node.total -= 1
        if node.ours[key] <= 0:
            del node.ours[key]

    def _refuse(self, about: About) -> None:
        if about.incarnation not in self._refused:
            self._refused.add(about.incarnation)
            fix = "stop it, install this replica's argofn there, and start it again"
            log.warning("node_of_another_version", node=about.node, version=about.version, fix=fix)

    def _wanted(self, executable: Executable) -> Wanted:
        """What it needs, found once for the executables of now: nearly every invocation brings one of these."""
        wanted = self._needs.get(executable)
        if wanted is None:
            wanted = self._needs_of(executable)
            self._needs.put(executable, wanted)
        return wanted

    def _needs_of(self, executable: Executable) -> Wanted:
        digest, image = executable.code_digest, executable.image
        kind = self._kind_of_image(image) if image is not None else executable.kind
        return Wanted(
            key_of(executable),
            kind or "",
            executable.memory_mb,
            image=kind is None,
            artefacts=() if digest is None else (artefact_name(digest),),
        )

    def _drop(self, node: Node, reason: str) -> None:
        del self._nodes[node.name]
        self._few.leave(node.name)
        log.warning("node_lost", node=node.name, reason=reason, in_flight=node.total)
        self._lost(node)


def key_of(executable: Executable) -> str:
    return _key_name(executable.key)


_key_name = lru_cache(65_536)(key_name)
