"""What a controller asks of a NIUk's host, as frames (niuk-runtime/host/PROTOCOL.md). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from struct import Struct
from typing import Final

from argo_proxy.records import record
from argo_proxy.sandboxes.niuk.framing import HEADER, MAGIC, MAX_PAYLOAD, VERSION

CHUNK_BYTES: Final = 1024 * 1024
NO_HASH: Final = bytes(32)

_U8, _U16, _U32, _U64 = Struct("<B"), Struct("<H"), Struct("<I"), Struct("<Q")


class Status(IntEnum):
    """How an invocation or request came out; the library's words up to 8, the host's from 16."""

    OK = 0
    DEVELOPER_ERROR = 1
    MISSING = 2
    UNSUPPORTED = 3
    OUT_OF_MEMORY = 4
    CANCELLED = 5
    EXITED = 6
    BAD_REQUEST = 7
    FATAL = 8
    TIMED_OUT = 16
    OVERLOADED = 17
    UNKNOWN = 18
    TOO_LARGE = 19
    NOT_CREATED = 20
    STOPPING = 21
    CALL_LIMIT = 22
    NOT_LOADED = 23


class Flag(IntFlag):
    """Flags of a timing."""

    BEGAN = 1  # user code began
    COLD = 2  # the isolate was made for this invocation
    TRUNCATED = 4  # output beyond the limit was dropped
    STUCK = 8  # the isolate could not be stopped


class Artifact(IntEnum):
    """What LOAD brings."""

    LIBRARY = 1
    CODE = 2


# ---------------------------------------------------------------- requests


@dataclass(frozen=True, slots=True)
class Hello:
    """First on each connection. `serves_calls`: this controller answers CALL."""

    namespace: str
    serves_calls: bool = False
    lowest: int = VERSION
    highest: int = VERSION


@dataclass(frozen=True, slots=True)
class Ping:
    """Are you there?"""


@dataclass(frozen=True, slots=True)
class Load:
    """Announce a library or code by SHA-256; with an empty path `Chunk`s of the same id follow, `size` bytes in all."""

    hash: bytes
    artifact: Artifact
    verify: bool = False
    size: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed `Load`."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Unload:
    """Forget code (a library stays mapped)."""

    hash: bytes


@dataclass(frozen=True, slots=True)
class IsolatePolicy:
    """How many isolates a function has and when one is replaced; 0 in a `recycle`-like field means never."""

    spares: int = 0  # ready ones kept ahead of demand
    most: int = 64
    queue: int = 256  # invocations that may wait for one
    max_uses: int = 0
    idle_ms: int = 60_000  # until an idle one beyond the spares is torn down
    recycle_bytes: int = 0  # committed heap above which it is replaced after a run
    recycle_threads: bool = False  # replace it when a run left threads behind
    patience_ms: int = 0  # that an invocation waits before one is added for it; 0: it gets one at once


@dataclass(frozen=True, slots=True)
class Init:
    """Make a function and its first isolate. JSON objects are given as UTF-8 bytes; empty means none."""

    function: str  # what `Run` names: one revision of one action
    library: bytes
    address: str = ""  # "/namespace/[package/]name": what `argo.invoke` finds
    code: bytes = NO_HASH
    request: bytes = b"{}"  # for the library's init
    heap_limit: int = 0
    init_timeout_ms: int = 60_000
    run_timeout_ms: int = 60_000  # of calls from other functions
    log_limit: int = 10 * 1024 * 1024
    defaults: bytes = b""
    call_environment: bytes = b""
    policy: IsolatePolicy = field(default_factory=IsolatePolicy)


@record
class Run:
    """Invoke a function. `environment`: JSON object of strings, or empty; `params`: JSON object."""

    function: str
    params: bytes
    timeout_ms: int
    wait_ms: int
    environment: bytes = b""


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the run whose frame had this id."""

    run: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Ask for figures."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Let what runs finish, at most this long; then end the process."""

    grace_ms: int


@dataclass(frozen=True, slots=True)
class CallResult:
    """The answer to a `Call`; status 0 is a result, all else an error object."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """Forget a function."""

    function: str


@dataclass(frozen=True, slots=True)
class Reseed:
    """After a restore from a snapshot: entropy, and the wall clock (0: leave it)."""

    unix_ns: int
    entropy: bytes


@dataclass(frozen=True, slots=True)
class Grow:
    """Make isolates of a function until there are so many, those that serve included."""

    function: str
    isolates: int


@record
class Chain:
    """Invoke functions one after the other. Of those behind the first, `params` is what the result of the one before is
    laid over. The frame's id is the first step's; those of the others follow it."""

    longest_result: int  # bytes; one that is longer ends it
    steps: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """Let the step of a chain whose id this is not begin, nor those behind it."""

    step: int


Request = (
    Hello
    | Ping
    | Load
    | Chunk
    | Unload
    | Init
    | Run
    | Cancel
    | Stats
    | Shutdown
    | CallResult
    | Drop
    | Reseed
    | Grow
    | Chain
    | Cut
)


def _sized(data: bytes) -> bytes:
    return _U32.pack(len(data)) + data


def _text(text: str) -> bytes:
    return _sized(text.encode())


def encode(request: Request, identity: int) -> bytes:
    """The request as a frame. Raises ValueError for what no frame can carry."""
    kind, payload = _payload(request)
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload of {len(payload)} bytes; the most is {MAX_PAYLOAD}")
    return HEADER.pack(MAGIC, VERSION, kind, len(payload), identity) + payload


def _payload(request: Request) -> tuple[int, bytes]:  # noqa: C901, PLR0911, PLR0912 - a case each type
    match request:
        case Run():
            return 7, _run(request)
        case Hello():
            versions = bytes((request.lowest, request.highest, request.serves_calls))
            return 1, versions + _text(request.namespace)
        case Ping():
            return 2, b""
        case Load():
            flags = bytes((request.artifact, request.verify))
            return 3, _hash(request.hash) + flags + _U64.pack(request.size) + _text(request.path)
        case Chunk():
            return 4, _U64.pack(request.offset) + _sized(request.data)
        case Unload():
            return 5, _hash(request.hash)
        case Init():
            return 6, _init(request)
        case Cancel():
            return 8, _U64.pack(request.run)
        case Stats():
            return 9, b""
        case Shutdown():
            return 10, _U32.pack(request.grace_ms)
        case CallResult():
            return 11, _U8.pack(request.status) + _sized(request.body)
        case Drop():
            return 12, _text(request.function)
        case Reseed():
            return 13, _U64.pack(request.unix_ns) + _sized(request.entropy)
        case Grow():
            return 14, _text(request.function) + _U16.pack(request.isolates)
        case Chain():
            head = _U32.pack(request.longest_result) + _U16.pack(len(request.steps))
            return 15, head + b"".join(_run(step) for step in request.steps)
        case Cut():
            return 16, _U64.pack(request.step)


def _run(run: Run) -> bytes:
    limits = _U32.pack(run.timeout_ms) + _U32.pack(run.wait_ms)
    return _text(run.function) + limits + _sized(run.environment) + _sized(run.params)


def _hash(value: bytes) -> bytes:
    if len(value) != 32:
        raise ValueError(f"a hash has 32 bytes, not {len(value)}")
    return value


def _init(init: Init) -> bytes:
    policy = init.policy
    return b"".join(
        (
            _text(init.function),
            _text(init.address),
            _hash(init.library),
            _hash(init.code),
            _sized(init.request),
            _U64.pack(init.heap_limit),
            _U32.pack(init.init_timeout_ms),
            _U32.pack(init.run_timeout_ms),
            _U32.pack(init.log_limit),
            _sized(init.defaults),
            _sized(init.call_environment),
            _U16.pack(policy.spares),
            _U16.pack(policy.most),
            _U16.pack(policy.queue),
            _U32.pack(policy.max_uses),
            _U32.pack(policy.idle_ms),
            _U64.pack(policy.recycle_bytes),
            _U8.pack(policy.recycle_threads),
            _U32.pack(policy.patience_ms),
        )
    )
