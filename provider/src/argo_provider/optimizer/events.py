"""What the policy hears. Every event names its function (but for `Tick` and `MemoryPressure`) and its time.

`fingerprint`: what a native form is made from (code, kind, main): a hash that changes exactly when a build is void.
`at`: epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from argo_provider.optimizer.model import FailureKind, FunctionId, Wishes


@dataclass(frozen=True, slots=True)
class Deployed:
    """An action was created or updated, or was met for the first time since the start."""

    function: FunctionId
    at: float
    fingerprint: str
    family: str  # java, nodejs, python, …
    wishes: Wishes
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Removed:
    """The action, or its namespace, was deleted."""

    function: FunctionId
    at: float


@dataclass(frozen=True, slots=True)
class Invoked:
    """An invocation ended."""

    function: FunctionId
    at: float
    fingerprint: str
    native: bool
    canary: bool
    cold: bool
    overlap: int  # others of the same function in flight when it was accepted
    wait_ms: float  # queue and start
    run_ms: float
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recorder (or the checker) has learnt what it can. `unmet`: needs of the code, "fs (index.js:3)"."""

    function: FunctionId
    at: float
    fingerprint: str
    unmet: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildEnded:
    """`failure` None: a native form is there."""

    function: FunctionId
    at: float
    fingerprint: str
    seconds: float
    failure: FailureKind | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CanaryEnded:
    """Enough canary invocations were compared. `failure` None: as the ordinary runtime, or better."""

    function: FunctionId
    at: float
    fingerprint: str
    failure: FailureKind | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NativeFailed:
    """A native invocation failed in a way that the ordinary runtime would not have."""

    function: FunctionId
    at: float
    fingerprint: str
    kind: FailureKind
    detail: str


@dataclass(frozen=True, slots=True)
class ArtefactGone:
    """The native form is no longer there: swept from the cache, or damaged."""

    function: FunctionId
    at: float
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The owner asked through API or command line: optimise, demote, pin, unpin."""

    function: FunctionId
    at: float
    wish: str


@dataclass(frozen=True, slots=True)
class MemoryPressure:
    """A namespace's NIUk, or the machine, nears its memory limit."""

    at: float
    namespace: str | None
    free_mb: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed: cool-downs end, idle functions go."""

    at: float


Event = (
    Deployed
    | Removed
    | Invoked
    | Recorded
    | BuildEnded
    | CanaryEnded
    | NativeFailed
    | ArtefactGone
    | Asked
    | MemoryPressure
    | Tick
)
