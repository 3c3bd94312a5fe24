"""What clients were told and what functions did, written down while things break."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tenant:
    """A namespace under load. `secret` is a parameter that only its own action knows."""

    name: str
    auth: str
    secret: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A blocking invocation that was answered 200: what was asked, and what came."""

    tenant: str
    n: int
    got: object


@dataclass(slots=True)
class Updates:
    """The values that one entity was given, in order. Those after `acknowledged` were sent, and nobody knows."""

    acknowledged: int = -1
    sent: int = -1


@dataclass(slots=True)
class History:
    """Grows while the campaign runs; `runs` counts how often user code began for an activation."""

    accepted: dict[str, str] = field(default_factory=dict)  # activation id of a 202 → tenant
    answers: list[Answer] = field(default_factory=list)
    runs: Counter[str] = field(default_factory=Counter)
    updates: dict[tuple[str, str], Updates] = field(default_factory=dict)  # (tenant, trigger)
    statuses: Counter[int] = field(default_factory=Counter)  # 0: no answer
    failures: Counter[tuple[int, str]] = field(default_factory=Counter)  # 5xx: status, text

    def update(self, tenant: str, trigger: str) -> Updates:
        return self.updates.setdefault((tenant, trigger), Updates())


@dataclass(frozen=True, slots=True)
class Final:
    """What is there once all is quiet again."""

    records: dict[str, Counter[str]]  # tenant → activation id → how many records
    values: dict[tuple[str, str], int | None]  # (tenant, trigger) → its value; None: not there
    strays: int  # sandboxes left when the service had stopped
