"""What the pipeline needs of others: native technologies, the placement's ways, and whoever is told of changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from argo_provider.model.stay import Stay
from argo_provider.optimizer.changes import Changed
from argo_provider.optimizer.events import Event
from argo_provider.optimizer.instructions import Instruction
from argo_provider.optimizer.model import Explanation, FailureKind, FunctionId, Route
from argo_proxy.protocol.messages import Executable, Execution


@dataclass(frozen=True, slots=True)
class Subject:
    """A function as its namespace runs it now. `fingerprint` changes exactly when a native form of it is void."""

    function: FunctionId
    fingerprint: str
    executable: Executable

    @property
    def family(self) -> str:
        """ "java", "nodejs", …"""
        return self.executable.kind.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Artefact:
    """A native form that was made: a library on this machine, named by its SHA-256 in hex.

    `cpu_seconds`: what making it took just now; None where it was there, or was not measured. Not kept.
    """

    fingerprint: str
    library: Path
    digest: str
    size: int  # bytes
    round: int = 1
    cpu_seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint,
            "library": str(self.library),
            "digest": self.digest,
            "bytes": self.size,
            "round": self.round,
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Artefact:
        """Raises KeyError, ValueError."""
        return cls(value["fingerprint"], Path(value["library"]), value["digest"], value["bytes"], value["round"])


class BuildFailed(Exception):
    """No native form came of it; the text is for the function's owner."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class Weight(NamedTuple):
    """What an idle sandbox of a function was seen to hold. `variant`: its way, "" for the ordinary one."""

    function: FunctionId
    variant: str
    mb: float
    start_cpu_ms: float | None = None  # processor time that it took to start and to serve once; None: not known


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a build does its paperwork."""

    log: Path
    say: Callable[[str], None]  # the step that begins now


class NativeTechnology(Protocol):
    """How the functions of some language families become native, and what they then run in."""

    @property
    def name(self) -> str:
        """The technology that a route names: "niuk", …"""
        ...

    @property
    def records(self) -> bool:
        """Whether the ordinary runtime must be watched with a recorder before a build."""
        ...

    async def ready_to_record(self) -> None:
        """Make what recording takes. Raises BuildFailed."""
        ...

    async def read(self, subject: Subject) -> tuple[str, ...]:
        """What the code needs and the technology lacks, one text each: "fs (index.js:3)"."""
        ...

    async def learn(self, subject: Subject, recordings: list[bytes]) -> None:
        """Keep what recorders have seen; it comes out of sandboxes, so it is anything at all."""
        ...

    async def missed(self, subject: Subject, reply: str) -> str:
        """Keep what a native invocation lacked, by its own words; the same in short, for people."""
        ...

    async def build(self, subject: Subject, desk: Desk) -> Artefact:
        """Gives way to callers; cancelling ends it and all it started. Raises BuildFailed."""
        ...

    def adopt(self, subject: Subject, artefact: Artefact) -> bool:
        """From now on the function can run from this; False where it is not there (any more)."""
        ...

    def disown(self, function: FunctionId) -> None:
        """The function is not to run natively any more; also where it never was."""
        ...

    async def forget(self, function: FunctionId) -> None:
        """The function is gone: what was learnt of it may go."""
        ...


class Ways(Protocol):
    """What the pipeline asks of the placement."""

    async def prepare(self, executable: Executable, route: Route, *, slots: int = 1) -> Execution:
        """Make sandboxes ready for this way before any invocation takes it. Raises `placement.port.Overloaded`."""
        ...

    async def recorded(self, path: str) -> list[bytes]: ...

    async def weigh(self, most: int) -> list[Weight]:
        """Of at most so many idle sandboxes that were not weighed yet, or have been used much since."""
        ...

    def load(self, executable: Executable) -> int:
        """Sandboxes at work for this revision, and invocations that wait."""
        ...

    def warm(self, executable: Executable, variant: str = "") -> int: ...

    def close_way(self, namespace: str, path: str, variant: str, *, keep: int = 0) -> None: ...


class Decides(Protocol):
    """The policy."""

    def handle(self, event: Event) -> list[Instruction]: ...

    def route(self, function: FunctionId, fingerprint: str) -> Route: ...

    def stays(self, function: FunctionId) -> tuple[Stay, Stay] | None: ...

    def explain(self, function: FunctionId) -> Explanation | None: ...

    def take_changes(self, *, everything: bool = False) -> Changed: ...

    def put_back(self, changed: Changed) -> None: ...
