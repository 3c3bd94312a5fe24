"""Invocations that one replica has given to nodes, each until all is known of it."""

from __future__ import annotations

from asyncio import Future
from dataclasses import replace
from enum import Enum, auto

from argo_provider.cluster.nodes import Node
from argo_provider.invocation.arguments import truthy
from argo_provider.placement.port import Overloaded
from argo_proxy.pool.job import Claim, Dropped
from argo_proxy.protocol.messages import Execution, Invocation, Outcome, OutcomeKind, Phases

IDEMPOTENT = "argo.idempotent"


class Stage(Enum):
    """How far an attempt is, as far as the replica can know."""

    SENT = auto()  # user code may have begun
    HELD = auto()  # it has not: the node asks before that
    BEGUN = auto()


class Flight:
    """One invocation and its attempts. Times are monotonic seconds."""

    __slots__ = (
        "answered",
        "attempt",
        "claim",
        "finished",
        "invocation",
        "journaled",
        "node",
        "sent",
        "stage",
        "tried",
    )

    def __init__(
        self, invocation: Invocation, claim: Claim | None, answered: Future[Execution], finished: Future[Execution]
    ) -> None:
        self.invocation = invocation
        self.claim = claim
        self.journaled = claim is not None
        self.answered = answered
        self.finished = finished
        self.attempt = 0
        self.node: Node | None = None
        self.stage = Stage.SENT
        self.sent = 0.0
        self.tried: list[str] = []

    @property
    def may_rerun(self) -> bool:
        """Its author says that running it twice does no harm."""
        return truthy(self.invocation.executable.annotations.get(IDEMPOTENT, False))

    def is_of(self, node: str, attempt: int) -> bool:
        return self.node is not None and self.node.name == node and self.attempt == attempt

    def answer(self, execution: Execution) -> None:
        """The outcome is known."""
        if not self.answered.done():
            self.answered.set_result(execution)

    def finish(self, logs: tuple[str, ...]) -> None:
        """All is known; the outcome came before."""
        if not self.finished.done():
            answered = self.answered.result()
            self.finished.set_result(replace(answered, logs=logs) if logs else answered)

    def fail(self, text: str, now: float) -> None:
        """The platform failed; an outcome that was given already stands."""
        if not self.answered.done():
            outcome = Outcome(OutcomeKind.PLATFORM_ERROR, {"error": text})
            self.answer(Execution(outcome, Phases(), now, now))
        if self.answered.cancelled():
            self.answered = self.finished  # nobody listens any more
            return
        self.finish(())

    def refuse(self, refusal: Overloaded) -> None:
        """It has not begun, and there is no place for it; nobody is promised anything."""
        for future in (self.answered, self.finished):
            if not future.done():
                future.set_exception(refusal)
                future.exception()  # nobody has to listen

    def drop(self) -> None:
        """It has not begun and will not here; whoever keeps the journal tries again."""
        for future in (self.answered, self.finished):
            if not future.done():
                future.set_exception(Dropped(self.invocation.activation_id))
                future.exception()  # nobody has to listen
