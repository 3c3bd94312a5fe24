"""One request to run something, and what running it gives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import Any, Protocol

from argo_provider.entities.access import ResolvedAction
from argo_provider.model.activation import Activation
from argo_provider.model.identity import Identity
from argo_provider.model.record import record
from argo_provider.placement.port import Claim

Payload = Mapping[str, Any] | list[Any]


@record
class Call:
    """A resolved action about to run.

    `identity`: whom it runs as, and whose record it is. `activation_id` is given where a 202 has already named it.
    `budget`: atomic actions that a sequence or composition may still start; shared down the whole tree.
    """

    identity: Identity
    target: ResolvedAction
    payload: Payload
    transaction_id: str
    api_key: str | None = field(default=None, repr=False)
    cause: str | None = None  # the activation that led to this one
    is_step: bool = False  # of a sequence or composition
    activation_id: str | None = None
    claim: Claim | None = None
    budget: Budget | None = None
    extra_arguments: Mapping[str, Any] = field(default_factory=dict)  # never checked against `final`
    deferred: bool = False  # nobody waits: the record is all there will be


class Budget:
    """How many more actions a composition may start."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self) -> bool:
        """Whether there was one left."""
        self._left -= 1
        return self._left >= 0

    def put_back(self) -> None:
        """One that was taken was not started after all."""
        self._left += 1


@record
class Started:
    """An activation under way. `done` has its record (logs may still be missing).

    Where it never began `done` is cancelled, and the journal brings it back; or it raises Overloaded: nobody has it.
    """

    activation_id: str
    done: asyncio.Future[Activation]


Prepare = Callable[[str], Awaitable[None]]
"""Waits, within reason, until functions of a kind can run here: a fresh machine is still making them usable."""


class Starter(Protocol):
    """Starts any action: atomic, sequence, composition or builtin. Raises user errors and Overloaded at once."""

    def __call__(self, call: Call) -> Started: ...
