"""Which NIUk of a namespace a slot goes to. Pure: one process for as much as fits, a second when it is full."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

_NEAR = 0.85  # of its limit: nothing is added
_SLOT_MB = 16.0  # that one more slot is taken to hold until it is seen


class NiukLoad(Protocol):
    """What a NIUk holds."""

    @property
    def functions(self) -> Collection[str]: ...
    @property
    def held_mb(self) -> float:
        """When it was looked at last."""
        ...

    @property
    def added(self) -> int:
        """Slots since then."""
        ...


@dataclass(frozen=True, slots=True)
class Room:
    """Of every NIUk of a machine: its memory limit, and how many there may be of one namespace. 0 MB: no limit."""

    limit_mb: float = 0.0
    most: int = 1


def choose(niuks: Sequence[NiukLoad], function: str, room: Room) -> int | None:
    """The place in `niuks` where a slot of `function` goes; None: into a new one.

    With its own function first, whose isolates it shares; else the fullest that takes it, so that the emptiest can go.
    Where all are full and no more may be, the emptiest takes it: its owner's isolates are given up for it.
    """
    if not niuks:
        return None
    open_ = [number for number, niuk in enumerate(niuks) if not is_full(niuk, room)]
    if open_:
        return max(open_, key=lambda number: (function in niuks[number].functions, expected_mb(niuks[number]), -number))
    if len(niuks) < room.most:
        return None
    return min(range(len(niuks)), key=lambda number: expected_mb(niuks[number]))


def is_full(niuk: NiukLoad, room: Room) -> bool:
    return 0.0 < room.limit_mb * _NEAR < expected_mb(niuk) + _SLOT_MB


def expected_mb(niuk: NiukLoad) -> float:
    """What was seen, and what was added since."""
    return niuk.held_mb + niuk.added * _SLOT_MB
