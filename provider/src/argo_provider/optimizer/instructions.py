"""What the policy asks for; the pipeline carries it out and answers with events."""

from __future__ import annotations

from dataclasses import dataclass

from argo_provider.optimizer.model import FunctionId


@dataclass(frozen=True, slots=True)
class Observe:
    """Record what the closed world must know (Java: agent; JavaScript: checker); ends in `Recorded`."""

    function: FunctionId
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Build:
    """Make the native form in the background; ends in `BuildEnded`. `round`: one more a closed-world failure."""

    function: FunctionId
    fingerprint: str
    round: int


@dataclass(frozen=True, slots=True)
class CancelBuild:
    """What it would make is of no use any more."""

    function: FunctionId
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Canary:
    """Route this share (0 to 1) of invocations natively, and compare; ends in `CanaryEnded`."""

    function: FunctionId
    fingerprint: str
    share: float
    invocations: int  # compared before it ends
    warm: int = 1  # isolates that must be there before the first of them


@dataclass(frozen=True, slots=True)
class Promote:
    """All invocations run natively from now on; the ordinary sandboxes finish what they have."""

    function: FunctionId
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Demote:
    """All invocations run on the ordinary runtime from now on."""

    function: FunctionId


@dataclass(frozen=True, slots=True)
class Scale:
    """Keep so many isolates (sandboxes) warm; 0: scaled to zero."""

    function: FunctionId
    warm: int


@dataclass(frozen=True, slots=True)
class Retire:
    """Artefacts of this fingerprint are of no use to this function any more."""

    function: FunctionId
    fingerprint: str


Instruction = Observe | Build | CancelBuild | Canary | Promote | Demote | Scale | Retire
