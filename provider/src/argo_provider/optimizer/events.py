"""What the policy hears. Every event has its time, and but for `Tick`, `NiukWeighed` and `MemoryPressure` its function.

`fingerprint`: what a native form is made from (code, kind, main): a hash that changes exactly when a build is void.
`at`: epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from argo_provider.model.record import record
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


@record
class Invoked:
    """An invocation ended."""

    function: FunctionId
    at: float
    fingerprint: str
    native: bool
    canary: bool
    cold: bool
    overlap: int  # others of the same function in flight when it was accepted
    wait_ms: float  # for a start and /init: the queue of a busy machine is no function's doing
    run_ms: float
    succeeded: bool
    inside_ms: float = 0.0  # in user code, by the clock of what ran it; 0: it does not tell


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recorder (or the checker) has learnt what it can. `unmet`: needs of the code, "fs (index.js:3)"."""

    function: FunctionId
    at: float
    fingerprint: str
    unmet: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildEnded:
    """`failure` None: a native form is there. `cpu_seconds`: what it used; None: not measured, or nothing was built."""

    function: FunctionId
    at: float
    fingerprint: str
    seconds: float
    failure: FailureKind | None = None
    detail: str = ""
    cpu_seconds: float | None = None


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
class Weighed:
    """What one idle sandbox of a function was seen to hold. `native`: a child of its zygote, else an ordinary one."""

    function: FunctionId
    at: float
    native: bool
    mb: float
    start_cpu_ms: float | None = None  # processor time of its start and its first run, where that was seen


@dataclass(frozen=True, slots=True)
class Tenant:
    """A function in a NIUk. `mb`: heap that its isolates have taken, all together; of shared ones, its even part."""

    path: str
    isolates: int
    mb: float


@dataclass(frozen=True, slots=True)
class NiukWeighed:
    """What a NIUk was seen to hold, host process, engines' pages and isolates together."""

    at: float
    namespace: str
    mb: float
    tenants: tuple[Tenant, ...]


@dataclass(frozen=True, slots=True)
class MemoryPressure:
    """A namespace's NIUk, or the machine, nears its memory limit.

    `paths`: of the functions in the NIUk that is short, where a namespace has several; None: any of the namespace's.
    """

    at: float
    namespace: str | None
    free_mb: int
    paths: frozenset[str] | None = None


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
    | Weighed
    | NiukWeighed
    | MemoryPressure
    | Tick
)
