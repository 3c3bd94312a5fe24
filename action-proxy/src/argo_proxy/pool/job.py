"""One invocation from its acceptance to its last log line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from asyncio import Future
from collections.abc import Awaitable, Callable

from argo_proxy.pool.shape import Key, Shape
from argo_proxy.protocol.messages import Execution, Invocation

Claim = Callable[[], Awaitable[bool]]
"""Whether user code may begin now."""
Ways = tuple[tuple[Key, Shape], ...]


class ReadyClaim(ABC):
    """A `Claim` that is mostly granted without being asked."""

    __slots__ = ()

    @abstractmethod
    def at_once(self) -> bool:
        """Whether user code may begin now; it does then. If not, ask."""

    @abstractmethod
    async def __call__(self) -> bool: ...


class Dropped(Exception):
    """The invocation was given up before user code began: its claim was refused, or the service stopped first.

    There is no activation to record here; journaled work stays in the journal.
    """


class Job:
    """An invocation with the two futures that its submitter holds. Times are monotonic seconds.

    `began`: user code may have begun, so it must not be run again. `ordinary`: where it goes, one after the other, when
    the way that it was given falls short of the ordinary runtime. `only_init`: make a sandbox ready for the function,
    and run nothing.
    """

    __slots__ = (
        "accepted_at",
        "answered",
        "began",
        "canary",
        "claim",
        "finished",
        "invocation",
        "key",
        "only_init",
        "ordinary",
        "placed_at",
        "retried",
        "shape",
    )

    def __init__(
        self,
        invocation: Invocation,
        shape: Shape,
        *,
        claim: Claim | None,
        answered: Future[Execution],
        finished: Future[Execution],
        now: float,
        key: Key | None = None,
        ordinary: Ways = (),
        only_init: bool = False,
        canary: bool = False,
    ) -> None:
        self.invocation = invocation
        self.key: Key = key or invocation.executable.key
        self.ordinary = ordinary
        self.only_init = only_init
        self.canary = canary
        self.shape = shape
        self.claim = claim
        self.answered = answered
        self.finished = finished
        self.accepted_at = invocation.accepted_at or now
        self.placed_at = now  # when a sandbox was chosen for it; later, if it has to wait for one
        self.began = False
        self.retried = False

    def answer(self, execution: Execution) -> None:
        """The outcome is known."""
        if not self.answered.done():
            self.answered.set_result(execution)

    def finish(self, execution: Execution) -> None:
        """All is known."""
        self.answer(execution)
        if not self.finished.done():
            self.finished.set_result(execution)

    def take_ordinary_way(self) -> bool:
        """From now on it is for the ordinary runtime; False if there is no other way to it."""
        if not self.ordinary:
            return False
        (self.key, self.shape), *further = self.ordinary
        self.ordinary = tuple(further)
        self.began = self.canary = False
        return True

    def fail(self, execution: Execution) -> None:
        """The platform failed; an outcome that was given already stands."""
        answered = self.answered
        known = answered.done() and not answered.cancelled()
        self.finish(answered.result() if known else execution)

    def drop(self, reason: str) -> None:
        """It will not run here."""
        for future in (self.answered, self.finished):
            if not future.done():
                future.set_exception(Dropped(reason))
                future.exception()  # nobody has to listen
