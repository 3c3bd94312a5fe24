"""What the API asks of the optimiser and the NIUks. All of it answers at once, from memory; times are epoch seconds.

Adapters: the optimiser's pipeline; `insight.unwired` where none runs; `insight.fake` for tests. Each question names
the namespace that asks, and an adapter shows nothing of any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from argo_provider.optimizer.model import FunctionId, State, Step, Wishes


@dataclass(frozen=True, slots=True)
class Signals:
    """What the policy sees of a function now."""

    rate_per_minute: float = 0.0
    rate_per_hour: float = 0.0
    overlap: float = 0.0
    cold_share: float = 0.0  # 0 to 1
    run_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class BuildView:
    """One build. `state`: queued, running, succeeded, failed or cancelled; `progress` is an estimate, 0 to 1."""

    id: str
    function: FunctionId
    fingerprint: str
    state: str
    started: float  # when it was queued
    ended: float | None = None
    seconds: float = 0.0  # that it has run
    round: int = 1
    step: str = ""  # what it does now
    progress: float = 0.0
    failure: str | None = None  # a FailureKind
    detail: str = ""
    artefact_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class TierView:
    """Where a function is, why, and what would change it; `reason` and `next` are sentences for its owner."""

    function: FunctionId
    state: State
    since: float
    reason: str
    next: str
    wishes: Wishes = Wishes()
    signals: Signals = Signals()
    build: BuildView | None = None  # the one under way, else the last
    rounds: int = 0
    fingerprint: str = ""
    history: tuple[Step, ...] = ()  # newest last


@dataclass(frozen=True, slots=True)
class IsolateGroup:
    """One function's isolates in a NIUk; `path` is "/ns/[pkg/]name".

    `shared`: those of them that other functions live in, too. Of their memory this has the function's even part.
    """

    path: str
    spare: int
    busy: int
    memory_bytes: int = 0
    invocations: int = 0
    shared: int = 0


@dataclass(frozen=True, slots=True)
class NiukView:
    """One NIUk of one namespace. `sandbox`: process or microvm; `isolates`: each once, whoever lives in it."""

    id: str
    namespace: str
    sandbox: str
    pid: int | None
    started: float
    memory_bytes: int
    memory_limit_bytes: int
    restarts: int = 0
    functions: tuple[IsolateGroup, ...] = ()
    isolates: int = 0


@dataclass(frozen=True, slots=True)
class LogPage:
    """A piece of a build's log; `next_offset` is where the following piece begins, in bytes."""

    data: bytes
    next_offset: int


class WishRefused(Exception):
    """What the owner asked for cannot be done; the message is a sentence that says why."""


class Tiers(Protocol):
    """The optimiser's view of functions."""

    def of(self, function: FunctionId) -> TierView | None:
        """None: it has not heard of the function yet."""
        ...

    def states(self, namespace: str) -> Mapping[str, State]:
        """By path, of all functions that are known."""
        ...

    async def wish(self, function: FunctionId, wish: str) -> None:
        """`wish`: optimise, demote, pin or unpin. On return `of` shows what became of it; WishRefused."""
        ...


class Builds(Protocol):
    """Builds under way, and the last ones."""

    def list(self, namespace: str, path: str | None, limit: int) -> Sequence[BuildView]:
        """Newest first; `path` restricts them to one function."""
        ...

    def get(self, namespace: str, build_id: str) -> BuildView | None: ...

    async def log(self, namespace: str, build_id: str, offset: int, most: int) -> LogPage | None:
        """At most `most` bytes from `offset`; no bytes at the end of what there is so far. None: no such build."""
        ...


class Niuks(Protocol):
    """NIUks and the isolates in them."""

    def of(self, namespace: str) -> Sequence[NiukView]: ...


WISHES = ("optimise", "demote", "pin", "unpin")
