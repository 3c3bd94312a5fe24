"""Limits of actions, namespaces and requests (contract §0.9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from argo_provider.errors import BadRequest, MalformedRequest

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Range:
    """Smallest, default and largest value."""

    low: int
    default: int
    high: int


@dataclass(frozen=True, slots=True)
class SystemLimits:
    """What this installation allows; settings may change any of it."""

    timeout_ms: Range = Range(100, 60_000, 300_000)
    memory_mb: Range = Range(128, 256, 512)
    logs_mb: Range = Range(0, 10, 10)
    concurrency: Range = Range(1, 1, 500)
    exec_bytes: int = 48 * MB
    parameters_bytes: int = MB
    annotations_bytes: int = MB
    payload_bytes: int = MB
    result_bytes: int = MB
    list_limit: Range = Range(0, 30, 200)
    sequence_length: int = 50
    blocking_wait_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class NamespaceLimits:
    """Throttles and overrides of one namespace; None = the installation's default."""

    invocations_per_minute: int | None = None
    concurrent_invocations: int | None = None
    fires_per_minute: int | None = None
    allowed_kinds: tuple[str, ...] | None = None
    store_activations: bool | None = None
    memory_mb_max: int | None = None
    network: str | None = None  # "off": its functions reach nothing, whatever their annotations say; or networks

    @property
    def offline(self) -> bool:
        return self.network == "off"

    @property
    def egress(self) -> tuple[str, ...]:
        """The networks that its functions reach, with "," between them in `network`; empty: all or none."""
        return () if self.network in {None, "on", "off"} else tuple(str(self.network).split(","))


@dataclass(frozen=True, slots=True)
class ActionLimits:
    """The limits one action runs under; megabytes and milliseconds."""

    timeout: int = 60_000
    memory: int = 256
    logs: int = 10
    concurrency: int = 1
    instances: int | None = None

    def merged(self, given: Mapping[str, Any]) -> ActionLimits:
        """With the fields present in `given` (a request's `limits`) replaced; MalformedRequest on a wrong type."""
        changes: dict[str, Any] = {}
        for name, label in _LIMIT_LABELS.items():
            if name in given and given[name] is not None:
                value = given[name]
                if isinstance(value, bool) or not isinstance(value, int):
                    raise MalformedRequest(f"{label} limit must be whole number")
                changes[name] = value
        return replace(self, **changes)

    def check(self, system: SystemLimits) -> None:
        """BadRequest with the contract's text if one is out of its range."""
        _check(system.timeout_ms, self.timeout, "duration {} milliseconds", "{} milliseconds")
        _check(system.memory_mb, self.memory, "memory size {} MB", "{} MB")
        _check(system.logs_mb, self.logs, "log size {} MB", "{} MB")
        _check(system.concurrency, self.concurrency, "concurrency {}", "{}")
        if self.instances is not None and self.instances < 1:
            raise BadRequest(f"action instance concurrency {self.instances} below allowed threshold of 1")

    def as_json(self) -> dict[str, int]:
        doc = {"timeout": self.timeout, "memory": self.memory, "logs": self.logs, "concurrency": self.concurrency}
        return doc if self.instances is None else {**doc, "instances": self.instances}


_LIMIT_LABELS = {
    "timeout": "time",
    "memory": "memory",
    "logs": "log",
    "concurrency": "concurrency",
    "instances": "instance concurrency",
}


def _check(allowed: Range, value: int, what: str, threshold: str) -> None:
    if value > allowed.high:
        raise BadRequest(f"{what.format(value)} exceeds allowed threshold of {threshold.format(allowed.high)}")
    if value < allowed.low:
        raise BadRequest(f"{what.format(value)} below allowed threshold of {threshold.format(allowed.low)}")


DEFAULT_SYSTEM_LIMITS = SystemLimits()
DEFAULT_ACTION_LIMITS = ActionLimits()

__all__ = [
    "DEFAULT_ACTION_LIMITS",
    "DEFAULT_SYSTEM_LIMITS",
    "MB",
    "ActionLimits",
    "NamespaceLimits",
    "Range",
    "SystemLimits",
]
