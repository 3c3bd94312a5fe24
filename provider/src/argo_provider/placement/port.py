"""The port `Placement`: an accepted invocation goes in, its outcome and then its whole execution come out.

Adapters: `placement.local` (this machine), `placement.fake` (scripted, for tests). A remote node fits behind the
same port: what crosses it is plain data, but for `claim`, which stays on the side of whoever keeps the journal.
"""

from __future__ import annotations

from asyncio import Future
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, runtime_checkable

from argo_provider.model.stay import Stay
from argo_provider.optimizer.model import Route
from argo_proxy.pool.chain import Cutting
from argo_proxy.pool.job import Claim, Dropped
from argo_proxy.protocol.messages import Executable, Execution, Invocation

__all__ = [
    "ORDINARY",
    "ChainingPlacement",
    "Claim",
    "Compared",
    "Cutting",
    "Dropped",
    "OrdinaryRouter",
    "OverloadReason",
    "Overloaded",
    "Placement",
    "PlacementSnapshot",
    "Router",
    "SandboxSummary",
    "Ticket",
]


class OverloadReason(Enum):
    """Why an invocation was not accepted; the value is the label of its metric."""

    DRAINING = "draining"  # the service is stopping
    QUEUE_FULL = "queue_full"  # too many invocations wait
    NAMESPACE_QUEUE_FULL = "namespace_queue_full"  # too many of this namespace wait
    TOO_LARGE = "too_large"  # it needs more memory than the whole pool has
    UNPREPARED = "unprepared"  # no sandbox technology is ready for its kind (yet)


class Overloaded(Exception):
    """Raised at once by `submit`: nothing was kept, nothing will run; `str()` is a sentence for the user."""

    def __init__(self, reason: OverloadReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """An accepted invocation. Both futures resolve with the same `Execution`, but for its logs, or raise `Dropped`.

    They raise `Overloaded` where a node that had a place is gone before user code began, and no other has one.
    Neither needs to be awaited. A failure of a function or of the platform is an `Outcome`, never an exception.
    Cancelling a future only stops the listening: wrap it in `asyncio.shield` when waiting with a time limit.
    """

    outcome: Future[Execution]  # as soon as the runtime has answered; `logs` is empty
    execution: Future[Execution]  # when the logs are in as well


HIBERNATED = "hibernated"  # the state of a warm sandbox whose memory is on swap


@dataclass(frozen=True, slots=True)
class SandboxSummary:
    """One sandbox of the pool, as metrics, doctor and dashboard show it."""

    id: str
    technology: str  # process, container, …
    state: str  # cold, warming, warm, hibernated, busy, gone
    kind: str  # the runtime's: nodejs:20, …, or the image of a blackbox action
    memory_mb: int
    namespace: str = ""  # "" while no action is bound to it
    path: str = ""
    in_flight: int = 0
    idle_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PlacementSnapshot:
    """The pool and its queues at one moment."""

    memory_limit_mb: int
    memory_used_mb: int = 0  # of every sandbox not yet freed, whatever its state
    starting: int = 0  # sandboxes being created
    waiting: Mapping[str, int] = field(default_factory=dict)  # namespace → invocations without a sandbox
    sandboxes: tuple[SandboxSummary, ...] = ()
    draining: bool = False
    counted: Mapping[str, int] | None = None  # by state, where not all sandboxes are listed

    @property
    def idle_mb(self) -> int:
        """Of the sandboxes listed, what those hold that serve nobody, or are being ended: it can be had at once."""
        return sum(sandbox.memory_mb for sandbox in self.sandboxes if sandbox.idle_seconds > 0)

    @property
    def by_state(self) -> Mapping[str, int]:
        """How many sandboxes are in each state."""
        if self.counted is not None:
            return self.counted
        return Counter(sandbox.state for sandbox in self.sandboxes)


class Router(Protocol):
    """Says, once for every invocation, which way it goes. Called in its path: constant time, and never raises."""

    def route(self, executable: Executable) -> Route: ...

    def keep_alive(self, namespace: str, path: str) -> tuple[Stay, Stay] | None:
        """How an ordinary sandbox is kept while it idles: the one used last, and those that ran beside it.

        None: as the pool's settings say.
        """
        ...


class Compared(Protocol):
    """Told when an invocation that was tried natively has also been run on the ordinary runtime."""

    def compared(self, executable: Executable, native: Execution, ordinary: Execution) -> None: ...


class OrdinaryRouter:
    """Everything on the ordinary runtime."""

    def route(self, executable: Executable) -> Route:
        del executable
        return ORDINARY

    def keep_alive(self, namespace: str, path: str) -> tuple[Stay, Stay] | None:
        del namespace, path
        return None


ORDINARY = Route()


@runtime_checkable
class ChainingPlacement(Protocol):
    """A placement that can have invocations run one after the other without coming back to whoever asks."""

    def may_chain(self, executable: Executable) -> bool:
        """Whether it could be part of a chain now; constant time."""
        ...

    def chain(self, invocations: Sequence[Invocation], cutting: Cutting) -> list[Ticket]:
        """Run as many of the first of these as can be, one after the other, each on the result of the one before.

        The `arguments` of those behind the first are what that result is laid over. One ticket each; none at all where
        it would be fewer than two. A ticket raises `Dropped` where its invocation did not begin: because the one before
        was no success, or `cutting` came first, or what the result means is better left to the service.
        """
        ...


class Placement(Protocol):
    """Finds a sandbox for every invocation and has it run there."""

    def submit(self, invocation: Invocation, *, claim: Claim | None = None) -> Ticket:
        """Accept an invocation; never blocks. Raises `Overloaded` when it cannot be kept."""
        ...

    def snapshot(self) -> PlacementSnapshot: ...

    def forget(self, path: str, *, keep_revision: str | None = None) -> None:
        """The action at `path` ("/ns/[pkg/]name") changed or went: its idle sandboxes go now, busy ones once done.

        Those of all invoking namespaces; sandboxes of `keep_revision` stay.
        """
        ...

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109
        """Stop intake and wait for what was accepted, at most `timeout` seconds; whether all of it finished."""
        ...
