"""All that is remembered of one function: plain data, as it is kept over restarts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from argo_provider.optimizer.keepalive import Beside, Pauses
from argo_provider.optimizer.model import FailureKind, FunctionId, ImpossibleTransition, State, Step, Wishes
from argo_provider.optimizer.signals import Signals

HISTORY = 50  # steps kept
ABANDONED = 64  # answers that may still come for what is no longer wanted

MOVES: dict[State, frozenset[State]] = {
    State.ORDINARY: frozenset({State.OBSERVED, State.BUILDING, State.PINNED}),
    State.OBSERVED: frozenset({State.ORDINARY, State.BUILDING, State.PINNED}),
    State.BUILDING: frozenset({State.ORDINARY, State.OBSERVED, State.CANARY, State.PINNED}),
    State.CANARY: frozenset({State.ORDINARY, State.OBSERVED, State.NATIVE, State.PINNED}),
    State.NATIVE: frozenset({State.ORDINARY, State.OBSERVED, State.PINNED}),
    State.PINNED: frozenset({State.ORDINARY, State.NATIVE}),
}


class Awaited(StrEnum):
    """What the pipeline was asked for and has not answered yet."""

    NOTHING = ""
    RECORD = "record"
    TURN = "turn"  # the build waits in the policy's own queue
    BUILD = "build"
    CANARY = "canary"


@dataclass(slots=True)
class Record:
    """One function. Times are epoch seconds."""

    function: FunctionId
    fingerprint: str
    family: str
    wishes: Wishes
    memory_mb: int
    signals: Signals
    since: float
    reason: str
    state: State = State.ORDINARY
    pauses: Pauses = field(default_factory=Pauses)
    beside: Beside = field(default_factory=Beside)
    ordinary_mb: float = 0.0  # of one idle sandbox, as it was weighed; 0: never
    native_mb: float = 0.0  # of one isolate
    built: bool = False  # a build of this code is in the cache: another one costs nothing
    history: list[Step] = field(default_factory=list)
    awaited: Awaited = Awaited.NOTHING
    awaited_since: float = 0.0
    abandoned: list[tuple[Awaited, str]] = field(default_factory=list)  # with the fingerprint
    rounds: int = 0
    failures: dict[FailureKind, int] = field(default_factory=dict)  # of this code
    setbacks: int = 0  # in a row: the cool-down doubles with each
    cool_until: float = 0.0
    urgent: bool = False  # its owner asked for it
    asked: bool = False  # its owner asked for it once, and has not taken that back: no bill sends it back
    owner_pinned: bool = False
    runs_natively: bool = False  # pinned while native
    trial_share: float = 0.0  # of the invocations that are recorded, or run natively on trial
    warm: int = 0  # what the last `Scale` asked for
    held: int = 0  # what must be warm by now: asked for, or started by its invocations

    def move(self, after: State, at: float, reason: str) -> None:
        """Raises ImpossibleTransition."""
        if after not in MOVES[self.state]:
            raise ImpossibleTransition(self.function, f"{self.state} cannot become {after} ({reason})", self.history)
        self.note(at, reason, after)
        self.state = after
        self.since = at

    def note(self, at: float, reason: str, after: State | None = None) -> None:
        """A step of its history, that moves it or only says why it stays."""
        self.reason = reason
        self.history.append(Step(at, self.state, after or self.state, reason))
        del self.history[:-HISTORY]

    def await_(self, what: Awaited, at: float) -> None:
        """From now on an answer of this kind is expected, and none of another."""
        self.abandon()
        self.awaited, self.awaited_since = what, at

    def abandon(self) -> None:
        """The answer that is awaited will be of no use."""
        if self.awaited not in {Awaited.NOTHING, Awaited.TURN}:
            self.abandoned.append((self.awaited, self.fingerprint))
            del self.abandoned[:-ABANDONED]
        self.awaited = Awaited.NOTHING

    def answered(self, what: Awaited, fingerprint: str) -> bool:
        """Whether an answer is the awaited one. Raises ImpossibleTransition if it was never asked for."""
        if self.awaited is what and fingerprint == self.fingerprint:
            self.awaited = Awaited.NOTHING
            return True
        if (what, fingerprint) in self.abandoned:
            self.abandoned.remove((what, fingerprint))
        elif fingerprint == self.fingerprint:
            raise ImpossibleTransition(self.function, f"a {what} ended that nobody asked for", self.history)
        return False

    def reset(self) -> None:
        """Failures of the past count no more: the code is new, or its owner says so."""
        self.rounds = self.setbacks = 0
        self.failures.clear()
        self.cool_until = 0.0
