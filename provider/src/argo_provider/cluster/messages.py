"""What members say to each other: JSON of these types, sealed. `PROTOCOL` grows with every change others notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from argo_provider.insight.port import BuildView, NiukView, TierView
from argo_provider.model.record import record
from argo_provider.optimizer.model import FunctionId
from argo_provider.placement.port import SandboxSummary
from argo_provider.placement.provisioning import RuntimeState
from argo_proxy.protocol.messages import Execution, Invocation
from argo_proxy.sandboxes.port import DriverReport

T = TypeVar("T")

PROTOCOL = 3


@record
class Work:
    """An invocation on its way to a node. `attempt` is another each time that a replica gives it to one.

    `journaled`: it must be claimed before user code begins, however soon that is.
    """

    invocation: Invocation
    attempt: int
    replica: str
    journaled: bool = False


@record
class Report:
    """What a node says of one attempt; one of the fields after `attempt` says what, or `outcome` and `logs` do.

    `outcome`: the runtime has answered (its logs follow). `logs`: all is known. `refused`: a reason and a sentence, it
    was not taken. `held`: it waits, and asks before user code begins. `dropped`: it will not run, and has not begun.
    """

    attempt: int
    outcome: Execution | None = None
    logs: Sequence[str] | None = None
    refused: tuple[str, str] | None = None
    held: bool = False
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class ClaimAsked:
    """May user code of this attempt begin now, on this node? Answered with `Claimed`."""

    attempt: int
    node: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whether it may."""

    attempt: int
    replica: str
    granted: bool


@dataclass(frozen=True, slots=True)
class Forget:
    """An action changed or went: its warm sandboxes are of no use."""

    path: str
    keep_revision: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of these attempts does the node not have? Answered with those it `never` got, or that are `over`."""

    replica: str
    attempts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Unknown:
    never: Sequence[int] = ()
    over: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What does the node have of this namespace? Answered with `Shown`."""

    namespace: str


@dataclass(frozen=True, slots=True)
class Shown:
    """`sandboxes`: also those that are bound to nobody yet."""

    sandboxes: Sequence[SandboxSummary] = ()
    niuks: Sequence[NiukView] = ()
    tiers: Sequence[TierView] = ()
    builds: Sequence[BuildView] = ()


@dataclass(frozen=True, slots=True)
class LogAsked:
    """Answered with a `LogPage`; its `next_offset` is negative where the node has no such build."""

    namespace: str
    build: str
    offset: int
    most: int


@dataclass(frozen=True, slots=True)
class Wished:
    """What a function's owner asks of the node's optimiser. Answered with `WishTaken`."""

    function: FunctionId
    wish: str


@dataclass(frozen=True, slots=True)
class WishTaken:
    """`known`: whether the node has heard of the function; `refused`: why it will not."""

    known: bool
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Beat:
    """How a node is now; said every quarter of its lease. `slots`: by key, places in warm sandboxes, busy ones too.

    `idle_mb`: of the memory used, what evicting idle sandboxes frees. None: an older node, which does not say.
    """

    node: str
    incarnation: str
    number: int
    memory_mb: int
    memory_used_mb: int = 0
    idle_mb: int | None = None
    starting: int = 0
    in_flight: int = 0
    draining: bool = False
    waiting: Mapping[str, int] = field(default_factory=dict)
    by_state: Mapping[str, int] = field(default_factory=dict)
    slots: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class About:
    """What of a node changes seldom. `kinds`: ready ones; `coming`: those that are still being prepared."""

    node: str
    incarnation: str
    version: str
    protocol: int
    cores: int
    queue_limit: int
    sandbox_memory_mb: int
    since_ms: int = 0  # when it began, by its own clock
    clock_ahead_ms: int = 0  # of the bus's own
    kinds: Sequence[str] = ()
    coming: Sequence[str] = ()
    images: bool = False  # whether it runs images of the user's
    artefacts: Sequence[str] = ()  # code that it need not fetch: `artefact_name` of each, of the most recent ones
    reports: Sequence[DriverReport] = ()
    runtimes: Sequence[RuntimeState] = ()


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """Whose bus this is: kept in its key-value part by the first replica."""

    id: str
    protocol: int
    version: str
    since: int  # epoch milliseconds
    api_host: str = ""  # where functions reach the API


def artefact_name(digest: str) -> str:
    """Short, because a node lists many. Two of the same name would only have one be thought to be where it is not."""
    return digest.rpartition(":")[2][:16]


_encoder = msgspec.json.Encoder()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def encode(message: Any) -> bytes:
    return _encoder.encode(message)


def encode_all(parts: Sequence[bytes]) -> bytes:
    """A list of what is encoded already."""
    return b"[" + b",".join(parts) + b"]"


def decode(content: bytes, as_type: type[T]) -> T:
    """ValueError for what is no such message."""
    decoder = _decoders.get(as_type)
    if decoder is None:
        decoder = _decoders[as_type] = msgspec.json.Decoder(as_type)
    message: T = decoder.decode(content)
    return message
