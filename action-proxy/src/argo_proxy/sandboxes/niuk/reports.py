"""What a NIUk's host says, parsed from frames. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from argo_proxy.records import record
from argo_proxy.sandboxes.niuk.frames import Flag, Status
from argo_proxy.sandboxes.niuk.framing import Fields, Frame, FrameError


@dataclass(frozen=True, slots=True)
class Ok:
    """Done, nothing to tell."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """Answer to HELLO."""

    version: int
    abi: int
    pid: int
    uptime_ns: int
    max_payload: int
    max_in_flight: int
    host_version: str


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to PING."""

    unix_ns: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """Answer to LOAD; `already`: it was here."""

    already: bool
    took_ns: int


@dataclass(frozen=True, slots=True)
class Ready:
    """Answer to INIT: what its first isolate took."""

    create_ns: int
    init_ns: int
    memory: int


@record
class Timing:
    """How an invocation went; nanoseconds, and bytes of heap in use afterwards."""

    flags: Flag
    start_unix_ns: int
    wait_ns: int  # for an isolate
    init_ns: int  # creation and init of an isolate made for it
    run_ns: int  # in user code
    memory: int


@record
class Result:
    """Answer to RUN; `body` is a JSON object."""

    status: Status
    timing: Timing
    body: bytes


@dataclass(frozen=True, slots=True)
class Figures:
    """Answer to STATS: a JSON object, its keys are listed in PROTOCOL.md."""

    json: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """A request failed; `body` is a JSON object with `error`."""

    status: Status
    body: bytes


@record
class Log:
    """A line that an invocation printed; `call` 0 is the run itself. The bytes are the function's own."""

    call: int
    stream: int  # 1 stdout, 2 stderr
    unix_ns: int
    line: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """A call from one function to another inside the NIUk has ended: an activation of its own."""

    call: int
    parent: int
    depth: int
    activation_id: str
    function: str
    status: Status
    timing: Timing
    result: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A function calls one that is not here; to be answered with `CallResult`."""

    run: int
    call: int
    left_ms: int
    name: str
    params: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """This host must be replaced."""

    function: str
    reason: str


@dataclass(frozen=True, slots=True)
class Begins:
    """RUNs of this function up to the frame's id may have begun; others have not."""

    function: str


@dataclass(frozen=True, slots=True)
class Error:
    """The host ends the connection."""

    words: str


Reply = Ok | Welcome | Pong | Loaded | Ready | Result | Figures | Failed
Event = Log | Record | Call | Notice | Begins | Error
Report = Reply | Event


def parse(frame: Frame) -> Report:
    """What the frame says. Raises FrameError."""
    parser = _PARSERS.get(frame.kind)
    if parser is None:
        raise FrameError(f"unknown frame type {frame.kind}")
    fields = Fields(frame.payload)
    report = parser(fields)
    fields.end()
    return report


_STATUSES = {status.value: status for status in Status}
_FLAGS = tuple(Flag(flags) for flags in range(2 * max(Flag)))  # an enumeration's own look-up is a call of Python
_RESULT = Struct("<BBQQQQQI")


def _timing(fields: Fields) -> Timing:
    flags, start, wait, init, run, memory = fields.timing()
    return Timing(_flags(flags), start, wait, init, run, memory)


def _flags(flags: int) -> Flag:
    return _FLAGS[flags] if flags < len(_FLAGS) else Flag(flags)


def _result(fields: Fields) -> Result:
    status, flags, start, wait, init, run, memory, length = fields.unpack(_RESULT)
    known = _STATUSES.get(status)
    if known is None:
        raise FrameError(f"malformed payload: {status} is no Status")
    return Result(known, Timing(_flags(flags), start, wait, init, run, memory), fields.take(length))


def _welcome(fields: Fields) -> Welcome:
    return Welcome(fields.u8(), fields.u8(), fields.u32(), fields.u64(), fields.u32(), fields.u32(), fields.text())


def _record(fields: Fields) -> Record:
    return Record(
        fields.u32(),
        fields.u32(),
        fields.u16(),
        fields.text(),
        fields.text(),
        fields.one_of(Status),
        _timing(fields),
        fields.data(),
    )


def _notice(fields: Fields) -> Notice:
    kind = fields.u8()
    if kind != 1:
        raise FrameError(f"unknown notice {kind}")
    return Notice(fields.text(), fields.text())


_PARSERS: dict[int, Callable[[Fields], Report]] = {
    128: lambda _: Ok(),
    129: _welcome,
    130: lambda fields: Pong(fields.u64()),
    131: lambda fields: Loaded(fields.u8() != 0, fields.u64()),
    134: lambda fields: Ready(fields.u64(), fields.u64(), fields.u64()),
    135: _result,
    137: lambda fields: Figures(fields.data()),
    140: lambda fields: Failed(fields.one_of(Status), fields.data()),
    192: lambda fields: Log(fields.u32(), fields.u8(), fields.u64(), fields.data()),
    193: _record,
    194: lambda fields: Call(fields.u64(), fields.u32(), fields.u32(), fields.text(), fields.data()),
    195: _notice,
    196: lambda fields: Begins(fields.text()),
    255: lambda fields: Error(fields.text()),
}
