"""The life of a sandbox as a pure state machine: cold → warming → warm ⇄ busy → gone, driven by typed events.

An impossible transition is a bug of ours: it raises, and the table adds the sandbox's story.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from argo_proxy.pool.shape import Key


class SandboxState(Enum):
    """The value is what users see."""

    __hash__ = object.__hash__  # as of `OutcomeKind`

    COLD = "cold"  # being created, or created and bound to no action
    WARMING = "warming"  # bound to an action: its code is loaded, /init is under way
    WARM = "warm"  # initialised and idle
    BUSY = "busy"  # at least one activation in flight, its log collection included
    GONE = "gone"  # ended, or being ended


class Life(NamedTuple):
    """Where a sandbox is in its life. `ready`: its process runs; `retiring`: no more work, it ends when idle."""

    state: SandboxState = SandboxState.COLD
    in_flight: int = 0
    ready: bool = False
    retiring: bool = False


_few = lru_cache(maxsize=1024)  # lives are few, and two are looked up for every activation


@dataclass(frozen=True, slots=True)
class Created:
    """The driver has started it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """It belongs to this action from now on; the first activation is in flight."""

    key: Key


@dataclass(frozen=True, slots=True)
class Unbound:
    """The activation was given up before anything was sent: it is a stem cell again."""


@dataclass(frozen=True, slots=True)
class Initialised:
    """/init succeeded; the first activation goes on to /run."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """One more activation."""


@dataclass(frozen=True, slots=True)
class Released:
    """One activation left, logs and all."""


@dataclass(frozen=True, slots=True)
class Retired:
    """It is not wanted any more."""


@dataclass(frozen=True, slots=True)
class Ended:
    """It died, or is being destroyed."""


Event = Created | Bound | Unbound | Initialised | Assigned | Released | Retired | Ended

CREATED, UNBOUND, INITIALISED = Created(), Unbound(), Initialised()
ASSIGNED, RELEASED, RETIRED, ENDED = Assigned(), Released(), Retired(), Ended()


class ImpossibleTransition(Exception):
    """This event cannot happen in this state."""

    def __init__(self, life: Life, event: Event, story: str = "") -> None:
        super().__init__(f"{type(event).__name__} cannot happen to a sandbox that is {life}{story and ': '}{story}")
        self.life = life
        self.event = event


def advance(life: Life, event: Event, concurrency: int) -> Life:
    """The life after `event`, for a sandbox that takes up to `concurrency` activations. Raises ImpossibleTransition."""
    after = _RULES[type(event)](life, concurrency)
    if after is None:
        raise ImpossibleTransition(life, event)
    return after


def _created(life: Life, _: int) -> Life | None:
    if life.state is not SandboxState.COLD or life.ready:
        return None
    return life._replace(ready=True)


def _bound(life: Life, _: int) -> Life | None:
    if life.state is not SandboxState.COLD or not life.ready or life.retiring:
        return None
    return Life(SandboxState.WARMING, 1, True)


def _unbound(life: Life, _: int) -> Life | None:
    return Life(SandboxState.COLD, 0, True, life.retiring) if life.state is SandboxState.WARMING else None


def _initialised(life: Life, _: int) -> Life | None:
    return Life(SandboxState.BUSY, 1, True, life.retiring) if life.state is SandboxState.WARMING else None


@_few
def _assigned(life: Life, concurrency: int) -> Life | None:
    state, in_flight, _, retiring = life
    if retiring or in_flight >= concurrency or (state is not SandboxState.WARM and state is not SandboxState.BUSY):
        return None
    return Life(SandboxState.BUSY, in_flight + 1, True)


@_few
def _released(life: Life, _: int) -> Life | None:
    state, in_flight, _ready, retiring = life
    if state is SandboxState.BUSY:
        left = in_flight - 1
        return Life(SandboxState.BUSY if left else SandboxState.WARM, left, True, retiring)
    if state is SandboxState.WARMING and retiring:  # /init failed
        return Life(SandboxState.COLD, 0, True, True)
    return life._replace(in_flight=in_flight - 1) if state is SandboxState.GONE and in_flight else None


def _retired(life: Life, _: int) -> Life | None:
    return None if life.state is SandboxState.GONE else life._replace(retiring=True)


def _ended(life: Life, _: int) -> Life | None:
    return None if life.state is SandboxState.GONE else life._replace(state=SandboxState.GONE)


_RULES: dict[type[Event], Callable[[Life, int], Life | None]] = {
    Created: _created,
    Bound: _bound,
    Unbound: _unbound,
    Initialised: _initialised,
    Assigned: _assigned,
    Released: _released,
    Retired: _retired,
    Ended: _ended,
}
