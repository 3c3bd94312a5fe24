"""One sandbox of the pool: its life, and on which shelf it stands. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum, auto
from functools import lru_cache

from argo_proxy.pool.job import Ways
from argo_proxy.pool.life import Life, SandboxState
from argo_proxy.pool.shape import Key, Shape
from argo_proxy.sandboxes.port import Sandbox

_STORY_LENGTH = 16


class Shelf(IntEnum):
    """What a sandbox is good for now; every sandbox is on exactly one shelf."""

    STARTING = 0  # being created
    STEM = auto()  # created, bound to no action
    WARMING = auto()  # /init under way
    IDLE = auto()  # warm, nothing in flight
    SPARE = auto()  # busy, with room for more
    FULL = auto()  # busy, without
    RETIRING = auto()  # gets no more work
    ENDING = auto()  # gone; its memory is not free yet


@lru_cache(maxsize=4096)
def shelf_of(life: Life, concurrency: int) -> Shelf:
    """Where a sandbox with this life belongs. Pure."""
    state, in_flight, ready, retiring = life
    if state is SandboxState.GONE:
        return Shelf.ENDING
    if state is SandboxState.COLD and not ready:
        return Shelf.STARTING
    if retiring:
        return Shelf.RETIRING
    if state is SandboxState.BUSY:
        return Shelf.SPARE if in_flight < concurrency else Shelf.FULL
    return _QUIET_SHELVES[state]


_QUIET_SHELVES = {
    SandboxState.COLD: Shelf.STEM,
    SandboxState.WARMING: Shelf.WARMING,
    SandboxState.WARM: Shelf.IDLE,
}


@dataclass(frozen=True, slots=True)
class SandboxFacts:
    """One sandbox as plain data: what the scheduler may know of it."""

    number: int
    shape: Shape
    life: Life
    key: Key | None
    shelved: int  # order in which sandboxes came to their shelves
    idle_since: float  # seconds, monotonic
    uses: int
    start_seconds: float
    bound_at: float  # when it was given to its action; seconds, monotonic
    requested_by: Key | None
    room: int  # activations that it may have in flight
    held_mb: int  # of the pool's memory
    asleep: bool = False
    may_sleep: bool = False


class SandboxEntry:
    """One sandbox in the table.

    Only the table writes `life`, `key`, `shelf`, `shelved`, `room`, `held_mb`, `asleep` and `story`.
    """

    __slots__ = (
        "asleep",
        "bound_at",
        "held_mb",
        "idle_since",
        "key",
        "life",
        "marks_logs",
        "may_sleep",
        "number",
        "ordinary",
        "put_out",
        "ready_at",
        "requested_by",
        "room",
        "sandbox",
        "shape",
        "shelf",
        "shelved",
        "start_seconds",
        "started_at",
        "story",
        "uses",
    )

    def __init__(self, number: int, shape: Shape, requested_by: Key | None, now: float) -> None:
        self.number = number
        self.shape = shape
        self.requested_by = requested_by  # the action whose waiting made it start; None for the stock
        self.life = Life()
        self.shelf = Shelf.STARTING
        self.shelved = 0
        self.key: Key | None = None
        self.sandbox: Sandbox | None = None
        self.ordinary: Ways | None = None  # where what it falls short of goes, once that was asked
        self.story: deque[str] = deque(("started",), maxlen=_STORY_LENGTH)
        self.started_at = self.ready_at = self.bound_at = self.idle_since = now
        self.start_seconds = 0.0  # creation and /init: what a cold start of it cost
        self.uses = 0
        self.room = shape.concurrency
        self.held_mb = shape.memory_mb  # of the pool's memory: less while it is asleep
        self.asleep = False  # hibernated: its memory is on swap
        self.may_sleep = False
        self.put_out: object = None  # what brings it back sooner, once its memory is on its way to swap
        self.marks_logs = shape.image is None  # images of users may: the first mark seen tells

    @property
    def gone(self) -> bool:
        """It ended, or is being ended."""
        return self.life.state is SandboxState.GONE

    def facts(self) -> SandboxFacts:
        """A frozen copy."""
        return SandboxFacts(
            self.number,
            self.shape,
            self.life,
            self.key,
            self.shelved,
            self.idle_since,
            self.uses,
            self.start_seconds,
            self.bound_at,
            self.requested_by,
            self.room,
            self.held_mb,
            self.asleep,
            self.may_sleep,
        )
