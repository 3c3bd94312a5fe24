"""The port `Sandbox`: what the pool needs of a technology that isolates a function.

States, kept by the pool: cold → warming → warm ⇄ busy → gone. A driver holds no policy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from argo_proxy.records import record
from argo_proxy.runtimes import Runtime


class SandboxKind(Enum):
    """The technologies; the value is what users see in annotations, settings and metrics."""

    __hash__ = object.__hash__  # as of `OutcomeKind`

    PROCESS = "process"
    CONTAINER = "container"
    MICROVM = "microvm"
    NIUK = "niuk"
    ZYGOTE = "zygote"
    FAKE = "fake"


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """What to create: a runtime (or an image of the user's) under limits."""

    runtime: Runtime | None  # None only for a blackbox image
    memory_mb: int
    grows_to_mb: int = 0  # the most that `ResizableSandbox.resize` may be told, where that is more
    image: str | None = None  # blackbox: an image in the local engine, spoken to over TCP 8080
    cpus: float = 1.0
    pids: int = 256
    tmp_mb: int = 256
    concurrency: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)  # __OW_API_HOST, …
    log_buffer_bytes: int = 10 * 1024 * 1024  # log text kept between two collections; the rest is read and dropped
    label: str = ""  # "/ns/pkg/name" or "stem:nodejs:20": for logs and engine labels, never trusted
    network: bool = True  # False: it reaches nothing but itself, not even this machine
    egress: tuple[str, ...] = ()  # networks: beside the API it reaches no others; a driver that cannot hold it refuses
    recorder: Path | None = (
        None  # Java: the agent's jar, to run beside the function; what it saw is asked by `recorded`
    )


class Shortfall(Enum):
    """What a technology lacks that the ordinary runtime has: there, the same invocation would not have failed so."""

    MISSING = "missing"  # from the closed world
    UNSUPPORTED = "unsupported"  # by the engine
    ABSENT = "absent"  # no form of the function is here (any more), or nothing that could run it
    BANNED = "banned"  # it ended its NIUk too often
    BUSY = "busy"  # no isolate, or the NIUk is going
    CRASHED = "crashed"  # its NIUk ended under it


@record
class Queued:
    """How long an invocation waited inside a sandbox for what serves it, and how long that took, in seconds.

    Such a sandbox may be sent more than it serves at once, and sees itself to what a failed invocation leaves behind.
    """

    waited: float
    took: float


@record
class Answered:
    """The runtime answered: `body` is cut at the limit given, `length` is what it really had."""

    status: int
    body: bytes
    length: int
    shortfall: Shortfall | None = None
    began: bool = True  # of a shortfall: whether user code may have begun
    queued: Queued | None = None  # of a sandbox that lets invocations wait inside


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No answer within the time given; the sandbox must be destroyed."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The runtime closed the connection or ended; the sandbox must be destroyed."""

    out_of_memory: bool = False
    exit_code: int | None = None
    sent: bool = True  # False: nothing of the request was written, so user code cannot have begun
    shortfall: Shortfall | None = None

    @property
    def began(self) -> bool:
        """Whether user code may have begun."""
        return self.sent


Answer = Answered | TimedOut | Gone


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line a function printed: time in epoch nanoseconds, `stdout` or `stderr`, no newline."""

    time_ns: int
    stream: str
    text: str


@record
class CollectedLogs:
    """Lines since the last collection. `truncated`: the byte limit was hit; `complete`: both sentinels were seen."""

    lines: tuple[LogLine, ...]
    truncated: bool = False
    complete: bool = True


@dataclass(frozen=True, slots=True)
class SandboxStats:
    """Resources of one sandbox now; memory is what the kernel charges it with (cgroup, else PSS)."""

    memory_bytes: int
    cpu_seconds: float
    pids: int


class SandboxCreationError(Exception):
    """A sandbox could not be made. `reason` is for the activation record; `user_fault`: bad image, not our trouble."""

    def __init__(self, reason: str, *, user_fault: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.user_fault = user_fault


class Sandbox(Protocol):
    """One running sandbox. `init` and `run` never raise for what a function did: they return an `Answer`."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> SandboxKind: ...

    async def init(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        """POST /init in `timeout` seconds, answer body cut at `limit` bytes; refused connections are retried."""
        ...

    async def run(self, body: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        """POST /run; up to `spec.concurrency` may be in flight, of one that answers with `queued` any number."""
        ...

    async def collect_logs(self, *, limit: int, wait: float) -> CollectedLogs:
        """Lines since the last call, up to `limit` bytes (as the record shows them).

        Waits at most `wait` seconds for the sentinels.
        """
        ...

    async def stats(self) -> SandboxStats: ...

    async def destroy(self) -> None:
        """End it and free all it held, however it behaves; idempotent, at most a few seconds, never raises."""
        ...

    def on_exit(self, callback: Callable[[Gone], None]) -> None:
        """Called once when the sandbox ends by itself while nothing is in flight."""
        ...


@runtime_checkable
class RecordingSandbox(Protocol):
    """One that can have a recorder beside its function."""

    async def recorded(self, *, limit: int) -> bytes:
        """What the recorder has written so far: a JSON object, file name → text; at most `limit` bytes, else "{}".

        It comes out of the sandbox: whatever the function wanted it to be.
        """
        ...


@runtime_checkable
class ResizableSandbox(Protocol):
    """One that can be made before it is known how much memory its function may have."""

    def resize(self, memory_mb: int) -> None:
        """Be as if it had been created with so much. Only before `init`; takes effect with that."""
        ...


@dataclass(frozen=True, slots=True)
class Residence:
    """Whose memory is a sandbox's alone, on this machine. `group`: folder of its own memory control group."""

    processes: Sequence[int]
    group: Path


@runtime_checkable
class HibernatingSandbox(Protocol):
    """One whose memory can be put out to swap from outside while it idles."""

    async def residence(self) -> Residence | None:
        """None where it has ended, or is in no group of its own. Never raises."""
        ...


class PartsSandbox(Protocol):
    """One that takes the parts of a body of /run: the parameters, and what of the environment is of this run."""

    async def run_parts(self, params: bytes, environment: bytes, *, timeout: float, limit: int) -> Answer:  # noqa: ASYNC109
        """As `Sandbox.run`; both are JSON objects."""
        ...


@runtime_checkable
class GrowingSandbox(Protocol):
    """One of several that share what serves them."""

    async def grow(self, slots: int) -> None:
        """Have ready what `slots` of them need to serve at once; never raises for want of it."""
        ...


@record
class Link:
    """One of several functions that run one after the other, each on the result of the one before.

    `body` is that of /run; of those behind the first, its `value` is what the result of the one before is laid over.
    """

    sandbox: Sandbox
    body: bytes
    timeout: float  # seconds


@record
class Linked:
    """A link that ended. Seconds."""

    answer: Answer
    wait: float  # since the one before had ended
    seconds: float  # in the sandbox


class SandboxChain(Protocol):
    """Links under way, one at a time; `close` it whatever happens."""

    async def step(self) -> Linked | None:
        """What the next link came to; None where it did not begin, and neither do those behind it.

        It goes on by itself only after a result that `run_outcome` calls a success. After any other answer ask no more.
        """
        ...

    def cut(self) -> None:
        """Let no link begin any more; what has begun goes on."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class ChainingSandbox(Protocol):
    """One that can hand a result on to the next function by itself."""

    def joins(self, other: object) -> bool:
        """Whether one chain may hold both, now."""
        ...

    def chain(self, links: Sequence[Link], *, limit: int) -> SandboxChain:
        """Begin with the first `step`. The first link's sandbox is this one, and all the others join it.

        Answers are cut at `limit` bytes.
        """
        ...


@dataclass(frozen=True, slots=True)
class DriverReport:
    """What a probe found: is the technology usable here, and in what way less than wished."""

    kind: SandboxKind
    available: bool
    reason: str = ""  # why not, or "" when available
    degraded: tuple[str, ...] = ()  # e.g. "no writable cgroup: memory is limited by rlimit only"
    fix: str = ""  # what to type


@dataclass(frozen=True, slots=True)
class Provision:
    """Progress of making a runtime usable under a driver (an image build, a package install)."""

    kind: str
    ready: bool
    step: str = ""
    error: str = ""


@runtime_checkable
class ResizingDriver(Protocol):
    """One that can make sandboxes that are `ResizableSandbox`."""

    @property
    def resizes(self) -> bool:
        """Whether it does, on this machine."""
        ...


class SandboxDriver(Protocol):
    """A technology: probes itself, provisions runtimes, creates sandboxes, sweeps what a crash left."""

    @property
    def kind(self) -> SandboxKind: ...

    async def probe(self) -> DriverReport: ...

    async def provision(self, runtime: Runtime, progress: Callable[[Provision], Awaitable[None]]) -> Provision:
        """Make `runtime` ready (idempotent); slow work is reported through `progress`."""
        ...

    def ready(self, runtime: Runtime | None, image: str | None) -> bool:
        """Whether `create` can succeed now for this runtime (or this blackbox image)."""
        ...

    async def create(self, spec: SandboxSpec) -> Sandbox:
        """Start one; its process runs, its launcher may still be coming up. Raises SandboxCreationError."""
        ...

    async def sweep(self) -> int:
        """Destroy what an earlier run of this installation left behind; how many there were."""
        ...

    async def close(self) -> None: ...
