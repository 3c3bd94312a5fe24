"""Every setting with its default, its unit and what it means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, get_type_hints

from argo_provider.model.documented import setting
from argo_provider.model.limits import Range, SystemLimits
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.scheduling.settings import PoolSettings

MB = 1024 * 1024


class Secret:
    """A value that is never printed: `str` and `repr` are masked, `reveal` gives it.

    No dataclass: JSON encoders write the fields of those.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __str__(self) -> str:
        return "******"

    __repr__ = __str__


class SandboxChoice(StrEnum):
    """Which isolation to use. `auto`: containers where an engine answers, else processes."""

    AUTO = "auto"
    PROCESS = "process"
    CONTAINER = "container"


class LogFormat(StrEnum):
    """`auto`: for reading on a terminal, JSON lines otherwise."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def default_data_dir() -> Path:
    """Where entities, code and records are kept if nothing else is said."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "argo"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the API listens, and how patient it is."""

    host: str = setting("127.0.0.1", "Address to listen on. Anything but loopback is open to the network.")
    port: int = setting(3233, "TCP port; 0 takes a free one.", low=0, high=65535)
    tls_cert: Path | None = setting(None, "Certificate chain (PEM). With `tls_key`, the API is served over TLS.")
    tls_key: Path | None = setting(None, "Private key of the certificate (PEM).")
    api_host: str = setting(
        "", "URL under which functions and gateway links reach this service; empty: made from `host` and `port`."
    )
    dashboard_dir: Path | None = setting(
        None, "Folder of the built dashboard. Without one, the dashboard that came with the package."
    )
    body_bytes: int = setting(50 * MB, "Largest request body.", unit="bytes", low=1024)
    header_bytes: int = setting(16 * 1024, "Largest single header, and request line.", unit="bytes", low=1024)
    body_timeout_seconds: float = setting(30.0, "Time a client has to send its request.", unit="seconds", low=0.1)
    metrics_token: Secret | None = setting(
        None,
        "Bearer token that `GET /metrics` and the status want. Without one, loopback callers may read them:"
        " set it behind a proxy on this machine.",
    )


@dataclass(frozen=True, slots=True)
class ThrottleSettings:
    """What a namespace may do where it has no limits of its own.

    One machine's defaults stop a runaway caller, no more: OpenWhisk's own (60, 30, 60) are made for shared clusters.
    """

    invocations_per_minute: int = setting(600_000, "Invocations of one namespace in a minute.", low=0)
    concurrent_invocations: int = setting(1_000, "Invocations of one namespace in flight at once.", low=0)
    fires_per_minute: int = setting(600_000, "Trigger fires of one namespace in a minute.", low=0)


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How long activation records are kept."""

    activations_seconds: float = setting(
        7 * 86_400.0, "Age at which a record is deleted; 0 keeps all.", unit="seconds", low=0
    )
    sweep_every_seconds: float = setting(600.0, "How often old records are looked for.", unit="seconds", low=1)


@dataclass(frozen=True, slots=True)
class SecretSettings:
    """Secrets at rest."""

    storage_keys: Secret | None = setting(
        None,
        "Keys under which entities, schedules, accepted calls, results and logs are encrypted where they are stored:"
        " 32 bytes in base64 each (`openssl rand -base64 32`), white space between. The first seals, all of them open."
        " Code is not encrypted.",
    )


@dataclass(frozen=True, slots=True)
class RuntimeSettings:
    """Which language runtimes are made usable."""

    provision: bool = setting(
        True, "Make runtimes usable in the background; as root this installs packages. Without it no function runs."
    )
    kinds: tuple[str, ...] = setting((), "Only these kinds, e.g. `nodejs:20`; empty: all that there are.")


@dataclass(frozen=True, slots=True)
class MicrovmSettings:
    """Virtual machines for actions that ask for one (`argo.sandbox: microvm`)."""

    emulate: bool = setting(
        False,
        "Emulate machines where KVM does not execute guests: ten times slower, for a try. Otherwise refused there.",
    )
    network: bool = setting(True, "Functions in machines may call out, to where this machine's user can.")


@dataclass(frozen=True, slots=True)
class HibernationSettings:
    """Idle sandboxes whose memory is put out to swap; docs/explanation/hibernation.md says when."""

    enabled: bool = setting(True, "Idle sandboxes hibernate, where this machine has swap and root runs the service.")
    swap_mb: int = setting(
        0,
        "Size of a swap file that the service makes in `data_dir` while it runs, where the machine has no swap;"
        " 0: none is made. Any process of the machine may be swapped to it.",
        unit="MB",
        low=0,
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What the service writes about itself, to standard error."""

    format: LogFormat = setting(LogFormat.AUTO, "`console`, `json`, or `auto`: console on a terminal, JSON elsewhere.")
    level: LogLevel = setting(LogLevel.INFO, "Least severe level written.")


@dataclass(frozen=True, slots=True)
class BusSettings:
    """The NATS bus of a cluster; docs/how-to/cluster.md says what it needs."""

    url: Secret | None = setting(
        None, "`nats://HOST[:PORT]`, several with commas between them. With it, this process is one of many."
    )
    credentials: Path | None = setting(None, "Credentials file of a NATS account (`nsc generate creds`).")
    tls_ca: Path | None = setting(None, "Certificate authority of the bus (PEM).")
    tls_cert: Path | None = setting(None, "Our certificate, where the bus asks for one (PEM).")
    tls_key: Path | None = setting(None, "Its private key (PEM).")
    stream_replicas: int = setting(1, "NATS servers that keep each queued invocation.", low=1, high=5)


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Which cluster, and as what this process is in it."""

    name: str = setting("argo", "Its name on the bus: clusters of different names share one without meeting.")
    key: Secret | None = setting(
        None, "What its members have in common: every message is sealed with it. At least 16 characters."
    )
    node: str = setting("", "Name of this node; empty: the machine's host name.")
    lease_seconds: float = setting(
        2.0, "A node that is silent for longer is given up, and its work with it.", unit="seconds", low=0.2, high=60
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole tree."""

    data_dir: Path = field(
        default_factory=default_data_dir,
        metadata={"doc": "Folder of all that is kept; made if missing.", "shown": "~/.local/share/argo"},
    )
    guest_key: bool = setting(False, "Install the publicly known test key of OpenWhisk; only on a loopback address.")
    sandbox: SandboxChoice = setting(
        SandboxChoice.AUTO, "Isolation: `process`, `container`, or `auto`: containers where an engine answers."
    )
    store: Secret | None = setting(
        None,
        "Database of a cluster's replicas, `postgresql+asyncpg://USER@HOST/NAME`; without it SQLite in `data_dir`."
        " A password belongs into `~/.pgpass` or this setting's file.",
    )
    server: ServerSettings = ServerSettings()
    runtimes: RuntimeSettings = RuntimeSettings()
    pool: PoolSettings = PoolSettings()
    limits: SystemLimits = SystemLimits()
    throttles: ThrottleSettings = ThrottleSettings()
    retention: RetentionSettings = RetentionSettings()
    secrets: SecretSettings = SecretSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    microvm: MicrovmSettings = MicrovmSettings()
    hibernation: HibernationSettings = HibernationSettings()
    bus: BusSettings = BusSettings()
    cluster: ClusterSettings = ClusterSettings()
    log: LogSettings = LogSettings()


# Trees that other packages own carry no metadata of ours.
_DOCS: dict[str, tuple[str, str]] = {
    "limits.timeout_ms": ("Time limit of an action", "milliseconds"),
    "limits.memory_mb": ("Memory limit of an action", "MB"),
    "limits.logs_mb": ("Log limit of an action", "MB"),
    "limits.concurrency": ("Invocations at once in one sandbox of an action", ""),
    "limits.list_limit": ("Length of a list answer", ""),
    "limits.exec_bytes": ("Largest code of an action.", "bytes"),
    "limits.parameters_bytes": ("Largest parameters of an entity.", "bytes"),
    "limits.annotations_bytes": ("Largest annotations of an entity.", "bytes"),
    "limits.payload_bytes": ("Largest payload of an invocation or a fire.", "bytes"),
    "limits.result_bytes": ("Largest result; a longer one is truncated.", "bytes"),
    "limits.sequence_length": ("Most components of a sequence.", ""),
    "limits.blocking_wait_ms": ("Time a blocking invocation waits before it answers 202.", "milliseconds"),
}
_POOL: dict[str, tuple[str, str]] = {
    "memory_mb": ("Memory of all sandboxes together.", "MB"),
    "max_starts": ("Sandboxes being created at once.", ""),
    "keep_alive_seconds": ("A warm sandbox idle for longer ends.", "seconds"),
    "stem_keep_alive_seconds": ("The same for an uninitialised one beyond the stock that is wanted.", "seconds"),
    "stem_memory_mb": ("Memory of the uninitialised sandboxes kept in stock.", "MB"),
    "stem_demand_seconds": (
        "After a cold start, one uninitialised sandbox of its kind is kept in stock for so long (process alone).",
        "seconds",
    ),
    "stem_backoff_seconds": ("After a start for the stock failed, none of that shape for so long.", "seconds"),
    "queue_limit": ("Invocations that may wait for a sandbox; more are answered 503.", ""),
    "namespace_queue_limit": ("Of one namespace.", ""),
    "queue_wait_seconds": ("An invocation that waited longer ends with a platform error.", "seconds"),
    "quantum_mb": ("Memory a namespace may be granted before it is another's turn.", "MB"),
    "cold_cost": ("A cold start counts as so many warm ones against the quantum.", ""),
    "patience_seconds": ("Wait for an action's own busy sandboxes, or isolates, before more are started.", "seconds"),
    "grace_seconds": ("A sandbox counts as in demand for so long after its last invocation.", "seconds"),
    "tenure_seconds": ("A sandbox in demand is kept so long from others that have none.", "seconds"),
    "tick_seconds": ("How often idle sandboxes, waiting limits and the stock are looked at.", "seconds"),
    "drain_seconds": ("After SIGTERM: time for running invocations to end before they are cut off.", "seconds"),
}
_DOCS |= {f"pool.{name}": said for name, said in _POOL.items()}
_SHOWN = {"pool.memory_mb": "60 % of the machine", "pool.max_starts": "cores + 1, up to 8"}
_RANGE_PARTS = {
    "low": "smallest allowed.",
    "default": "what it is if nothing is said.",
    "high": "largest allowed.",
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting: its place in the tree, its type and default, and what is said about it."""

    path: tuple[str, ...]
    type: Any
    default: Any
    doc: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    shown: str | None = None  # the default as documented, where the real one depends on the machine

    @property
    def key(self) -> str:
        """As it is written in messages and tables: `server.port`."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return "ARGO_" + "_".join(self.path).upper()

    @property
    def is_secret(self) -> bool:
        return bool(self.type == Secret | None)


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """All settings under a tree of dataclasses, in the order they are written."""
    hints = get_type_hints(type(tree))
    for each in fields(tree):
        here = (*path, each.name)
        value = getattr(tree, each.name)
        if is_dataclass(value):
            yield from leaves(value, here)
        else:
            doc, unit = _said(here, each.metadata)
            low, high = each.metadata.get("low"), each.metadata.get("high")
            yield Leaf(
                here,
                hints[each.name],
                value,
                doc,
                unit,
                low,
                high,
                each.metadata.get("shown", _SHOWN.get(".".join(here))),
            )


def _said(path: tuple[str, ...], metadata: Any) -> tuple[str, str]:
    if "doc" in metadata:
        return metadata["doc"], metadata.get("unit", "")
    if ".".join(path) in _DOCS:
        return _DOCS[".".join(path)]
    about, unit = _DOCS.get(".".join(path[:-1]), ("", ""))
    return (f"{about}: {_RANGE_PARTS[path[-1]]}", unit) if about and path[-1] in _RANGE_PARTS else ("", "")


def ranges(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Range]]:
    """All ranges under a tree, by their key."""
    for each in fields(tree):
        value = getattr(tree, each.name)
        if isinstance(value, Range):
            yield ".".join((*path, each.name)), value
        elif is_dataclass(value) and not isinstance(value, type):
            yield from ranges(value, (*path, each.name))
