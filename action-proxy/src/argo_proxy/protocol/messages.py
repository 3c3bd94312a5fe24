"""The node agent's contract: one invocation in, one execution out.

Every type here is plain data, so that a remote node can carry it unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from argo_proxy.records import record


@dataclass(frozen=True, slots=True)
class Executable:
    """What a sandbox is made for: one revision of one action, run for one namespace.

    Two invocations may share a sandbox exactly when their `Executable.key` is equal.
    """

    namespace: str  # the invoking namespace: sandboxes are never shared between two
    path: str  # "/ns/[pkg/]name", the action's own place
    version: str
    revision: str  # changes with every update of the action
    kind: str  # "nodejs:20", "blackbox", …
    main: str
    code_digest: str | None  # blob id of the code; None where there is none (blackbox image alone)
    binary: bool  # the blob is an archive's bytes; else UTF-8 source
    image: str | None = None  # blackbox only
    memory_mb: int = 256
    timeout_ms: int = 60_000
    log_limit_bytes: int = 10 * 1024 * 1024
    concurrency: int = 1
    init_parameters: Mapping[str, Any] = field(default_factory=dict)  # name → value, environment only
    provide_api_key: bool = False
    annotations: Mapping[str, Any] = field(default_factory=dict)  # `argo.*` ones steer tier and sandbox

    @property
    def idempotent(self) -> bool:
        """Whether its owner says that running it twice is as good as once."""
        return self.annotations.get("argo.idempotent") is True

    @property
    def offline(self) -> bool:
        """Whether it runs without a network: its owner says so, or whoever runs the service does of the namespace."""
        return self.annotations.get("argo.network") == "off"

    @property
    def egress(self) -> tuple[str, ...]:
        """Networks that it may reach, as whoever runs the service says of the namespace; empty: all."""
        return tuple(self.annotations.get(EGRESS, ()))

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity of the warm sandboxes that may serve this executable."""
        return (self.namespace, self.path, self.revision)


EGRESS = "argo.egress"  # the service's own annotation: what owners write there does not come here


@record
class Invocation:
    """One accepted activation on its way to a sandbox."""

    activation_id: str
    transaction_id: str
    executable: Executable
    arguments: Mapping[str, Any] | list[Any]  # merged; init parameters not yet removed
    api_key: str | None = field(default=None, repr=False)
    accepted_at: float = 0.0  # monotonic seconds, for the queue phase


class OutcomeKind(Enum):
    """How an activation ended; the values are OpenWhisk's status codes."""

    __hash__ = object.__hash__  # members are single; the one of Enum is a call of Python at each look-up

    SUCCESS = 0
    APPLICATION_ERROR = 1
    DEVELOPER_ERROR = 2
    PLATFORM_ERROR = 3


@record
class Outcome:
    """The answer of one invocation: `result` is a JSON object or array ({"error": …} unless SUCCESS)."""

    kind: OutcomeKind
    result: Any
    size: int = 0  # bytes of the result as it came from the runtime
    timed_out: bool = False


@record
class Phases:
    """Where the time of one invocation went, in milliseconds; 0 for a phase that did not happen."""

    queue: float = 0.0  # accepted → a sandbox was chosen (or a start was decided)
    start: float = 0.0  # sandbox creation, cold only
    init: float = 0.0  # /init, cold only
    run: float = 0.0  # /run
    cold: bool = False
    place: float = 0.0  # from that choice until something was sent to the sandbox, and waiting inside of it


@record
class Execution:
    """All that is known when an invocation left its sandbox, its logs included.

    `logs` are finished lines, "<ISO-8601 ns time padded to 30> <stdout|stderr>: <text>".
    """

    outcome: Outcome
    phases: Phases
    started_at: float  # wall clock, epoch seconds, when /init (cold) or /run (warm) was sent
    ended_at: float
    logs: tuple[str, ...] = ()
    sandbox: str = ""  # the driver's name: process, container, …
    sandbox_id: str = ""
    canary: bool = False  # it took the native way on trial
