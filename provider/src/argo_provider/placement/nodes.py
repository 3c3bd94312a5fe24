"""Which node an invocation goes to. Pure: a view of the nodes in, one of them or a reason out.

Warm first: a node with a free place in a warm sandbox of this very action. Room next: one with memory for a new
sandbox, free or held by idle ones; elsewhere it would queue. Then the artefact: one that has the action's code, unless
it has more to do than it has processors, for fetching is quicker than waiting. Load last: the one that has the least to
do for its size. Among equals the action's own order decides, which every replica computes alike (rendezvous hashing),
so that an action comes back to where it was.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol, TypeVar

from argo_provider.placement.port import Overloaded, OverloadReason

_BUSY = 1.0  # in flight per core, at which a node's load begins to count
_STEP = 0.25  # loads within a step of each other are equal: the action's own order decides


class NodeView(Protocol):
    """A node as one replica sees it now, with what it has itself sent there since the node last spoke."""

    @property
    def name(self) -> str: ...
    @property
    def cores(self) -> int: ...
    @property
    def sandbox_memory_mb(self) -> int:
        """Of all its sandboxes together."""
        ...

    @property
    def room_mb(self) -> int | None:
        """Memory for new sandboxes: what is free, and what evicting idle ones frees. None: unknown, so never short."""
        ...

    @property
    def kinds(self) -> Collection[str]: ...
    @property
    def images(self) -> bool:
        """Whether it runs images of users."""
        ...

    @property
    def usable(self) -> bool:
        """Alive and not draining."""
        ...

    @property
    def full(self) -> bool:
        """Its queue is."""
        ...

    @property
    def in_flight(self) -> int: ...
    @property
    def artefacts(self) -> Collection[str]: ...

    def free(self, key: str) -> int:
        """Places in its warm sandboxes of that action."""
        ...


N = TypeVar("N", bound=NodeView)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an invocation needs. `key`: of its action's sandboxes; `artefacts`: any of these spares work."""

    key: str
    kind: str
    memory_mb: int
    image: bool = False
    artefacts: tuple[str, ...] = ()


def choose(nodes: Collection[N], wanted: Wanted) -> N:
    """Raises Overloaded with the reason that the most capable node has."""
    able = [
        node
        for node in nodes
        if node.usable and not node.full and _runs(node, wanted) and node.sandbox_memory_mb >= wanted.memory_mb
    ]
    if not able:
        raise _refusal(nodes, wanted)
    return able[0] if len(able) == 1 else max(able, key=lambda node: _worth(node, wanted))


def fits(node: NodeView, wanted: Wanted) -> bool:
    """Whether it could begin there without waiting for the memory of what is busy."""
    return node.room_mb is None or node.room_mb >= wanted.memory_mb or node.free(wanted.key) > 0


def _refusal(nodes: Collection[NodeView], wanted: Wanted) -> Overloaded:
    usable = [node for node in nodes if node.usable]
    if not usable:
        return Overloaded(OverloadReason.UNPREPARED, "No node is up that takes work: argofn nodes shows them.")
    able = [node for node in usable if _runs(node, wanted)]
    if not able:
        what = "images of users" if wanted.image else f"'{wanted.kind}'"
        return Overloaded(OverloadReason.UNPREPARED, f"No node is ready for {what} (yet): argofn nodes shows why.")
    most = max(node.sandbox_memory_mb for node in able)
    if most < wanted.memory_mb:
        text = f"The action needs {wanted.memory_mb} MB, and the largest node gives all of them {most}."
        return Overloaded(OverloadReason.TOO_LARGE, text)
    return Overloaded(OverloadReason.QUEUE_FULL, "Too many invocations are waiting: try again later.")


def _runs(node: NodeView, wanted: Wanted) -> bool:
    return node.images if wanted.image else wanted.kind in node.kinds


def _worth(node: NodeView, wanted: Wanted) -> tuple[bool, bool, bool, float, int]:
    load = node.in_flight / node.cores - _BUSY
    has = load <= 0 and any(artefact in node.artefacts for artefact in wanted.artefacts)
    spread = -(load // _STEP) if load > 0 else 0.0
    return node.free(wanted.key) > 0, fits(node, wanted), has, spread, _order(node.name, wanted.key)


@lru_cache(65_536)
def _order(node: str, key: str) -> int:
    """The same on every replica, and different for every action."""
    return int.from_bytes(blake2b(f"{node}\0{key}".encode(), digest_size=8).digest())


def key_name(key: tuple[str, str, str]) -> str:
    """`Executable.key` as members name it to each other: short, because every beat lists many."""
    return blake2b("\0".join(key).encode(), digest_size=8).hexdigest()
