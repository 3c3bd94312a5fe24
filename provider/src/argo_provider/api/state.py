"""What handlers find in the application and in a request, typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from argo_provider.api.authentication import Authenticator
from argo_provider.entities.actions import Actions
from argo_provider.entities.packages import Packages
from argo_provider.entities.rules import Rules
from argo_provider.entities.triggers import Triggers
from argo_provider.events import EventBus
from argo_provider.insight.services import Insight
from argo_provider.invocation.fire import Fire
from argo_provider.invocation.invoke import Invoke
from argo_provider.invocation.throttle import ThrottleDefaults
from argo_provider.model.identity import Identity
from argo_provider.model.kinds import KindTable
from argo_provider.model.limits import SystemLimits
from argo_provider.settings import Secret
from argo_provider.storage.port import Stores
from argo_provider.system.gateway import Gateway
from argo_provider.system.schedules import Schedule

ObserveRequest = Callable[[str, str, int, float], None]
"""route, method, status, seconds: for metrics."""


@dataclass(frozen=True, slots=True)
class Services:
    """Every use case the edge may call. Built by `app.py` alone."""

    stores: Stores
    authenticator: Authenticator
    actions: Actions
    packages: Packages
    triggers: Triggers
    rules: Rules
    invoke: Invoke
    fire: Fire
    gateway: Gateway
    events: EventBus
    kinds: KindTable
    limits: SystemLimits
    throttles: ThrottleDefaults
    body_seconds: float  # a client's time to send its body
    public_url: str  # as clients reach us, without a trailing slash
    metrics_token: Secret | None  # who sends it may read the metrics; without one, loopback callers
    observe: ObserveRequest
    count_error: Callable[[str], None]  # by reason
    metrics: Callable[[], bytes]
    insight: Insight
    schedules: Callable[[str], Awaitable[Sequence[tuple[Schedule, int | None]]]]  # of a namespace, and when next
    status: Callable[[], Awaitable[dict[str, Any]]]  # for /api/v1/argo/status
    draining: Callable[[], bool]


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
IDENTITY: web.RequestKey[Identity] = web.RequestKey("identity", Identity)
API_KEY: web.RequestKey[str] = web.RequestKey("api_key", str)
TRANSACTION: web.RequestKey[str] = web.RequestKey("transaction", str)
