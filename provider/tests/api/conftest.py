"""The whole edge over stores in memory, a scripted placement and a scripted optimiser: two namespaces, real HTTP."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from argo_provider.api.authentication import Authenticator
from argo_provider.api.middleware import MIDDLEWARES
from argo_provider.api.routes import routes
from argo_provider.api.state import SERVICES, Services
from argo_provider.entities.actions import Actions
from argo_provider.entities.packages import Packages
from argo_provider.entities.rules import Rules
from argo_provider.entities.triggers import Triggers
from argo_provider.events import EventBus
from argo_provider.insight.fake import FakeBuilds, FakeNiuks, FakeTiers
from argo_provider.insight.services import Insight, Optimiser, Surroundings
from argo_provider.invocation.activator import Activator, Runners
from argo_provider.invocation.compositions import Compositions
from argo_provider.invocation.fire import Fire
from argo_provider.invocation.invoke import Invoke
from argo_provider.invocation.promised import Promised
from argo_provider.invocation.sequences import Sequences, Steps
from argo_provider.invocation.throttle import Throttle, ThrottleDefaults
from argo_provider.model.clock import Clock
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.kinds import KindInfo, KindTable
from argo_provider.model.limits import DEFAULT_SYSTEM_LIMITS
from argo_provider.placement.fake import FakePlacement
from argo_provider.placement.port import PlacementSnapshot
from argo_provider.scheduling.tasks import TaskScope
from argo_provider.storage.memory import memory_stores
from argo_provider.storage.port import Stores
from argo_provider.system.alarms import Alarms
from argo_provider.system.gateway import Gateway

NS = "/api/v1/namespaces/_"
ARGO = "/api/v1/argo"
CODE = {"kind": "nodejs:20", "code": "function main(args) { return args }"}


@dataclass
class World:
    """The service behind `me` and `you`, two clients of different namespaces."""

    stores: Stores
    events: EventBus
    placement: FakePlacement
    services: Services
    snapshot: list[PlacementSnapshot] = field(default_factory=lambda: [PlacementSnapshot(1024)])
    tiers: FakeTiers = field(default_factory=FakeTiers)
    builds: FakeBuilds = field(default_factory=FakeBuilds)
    niuks: FakeNiuks = field(default_factory=FakeNiuks)
    alarms: Alarms | None = None


class Caller:
    """Calls of one namespace; `path` is below /api/v1/argo unless it is whole."""

    def __init__(self, client: TestClient, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        key = base64.b64encode(f"{namespace}:secret".encode()).decode()
        self.headers = {"Authorization": f"Basic {key}"}

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """(status, parsed body)"""
        async with await self.open(method, path, **options) as answer:
            return answer.status, await answer.json(content_type=None)

    async def open(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        whole = path if path.startswith("/api") else ARGO + path
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.client.request(method, whole, headers=headers, **options)

    async def get(self, path: str, **query: Any) -> Any:
        status, body = await self.call("GET", path, params=query)
        assert status == 200, body
        return body

    async def put(self, name: str, **body: Any) -> Any:
        """Create or update an action."""
        path = f"{NS}/actions/{name}?overwrite=true"
        status, answer = await self.call("PUT", path, json={"exec": CODE, **body})
        assert status == 200, answer
        return answer

    async def package(self, name: str, **body: Any) -> None:
        assert (await self.call("PUT", f"{NS}/packages/{name}?overwrite=true", json=body))[0] == 200

    async def invoke(self, name: str, **payload: Any) -> Any:
        return (await self.call("POST", f"{NS}/actions/{name}?blocking=true", json=payload))[1]


def make_world(tasks: TaskScope) -> World:
    stores, placement, clock, events = memory_stores(), FakePlacement(), Clock(), EventBus()
    kinds = KindTable([KindInfo("nodejs:20", "nodejs", "argo/nodejs", default=True), KindInfo("java:17", "java", "j")])
    defaults, limits = ThrottleDefaults(), DEFAULT_SYSTEM_LIMITS
    throttle = Throttle(defaults, clock)

    async def prepare(_: str) -> None:
        return None

    async def status() -> dict[str, Any]:
        return {}

    activator = Activator(placement, stores.activations, throttle, events, clock, tasks.spawn)
    steps = Steps(stores.entities, activator.start, prepare, limits, clock)
    activator.use(Runners(Sequences(steps).run, Compositions(steps, activator.submit_conductor).run, {}))
    promised = Promised(stores.activations, activator.start, tasks.spawn)
    invoke = Invoke(stores.entities, stores.activations, activator, throttle, kinds, clock, prepare, promised=promised)
    fire = Fire(stores.entities, stores.activations, invoke, throttle, clock, events)
    world = World(stores, events, placement, None)  # type: ignore[arg-type]
    world.alarms = Alarms(stores.documents, stores.namespaces, fire, clock)
    optimiser = Optimiser(world.tiers, world.builds, world.niuks)
    surroundings = Surroundings(lambda: world.snapshot[0], lambda: ["No control group can be written."])
    world.services = Services(
        stores=stores,
        authenticator=Authenticator(stores.namespaces, events, clock),
        actions=Actions(stores, kinds, limits, clock, events, defaults.concurrent_invocations),
        packages=Packages(stores, limits, clock, events),
        triggers=Triggers(stores.entities, limits, clock),
        rules=Rules(stores.entities, limits, clock),
        invoke=invoke,
        fire=fire,
        gateway=Gateway(stores.documents, "http://here"),
        events=events,
        kinds=kinds,
        limits=limits,
        throttles=defaults,
        body_seconds=30,
        public_url="http://here",
        metrics_token=None,
        observe=lambda *_: None,
        count_error=lambda _: None,
        metrics=bytes,
        insight=Insight(stores, events, clock, surroundings, optimiser),
        schedules=world.alarms.of,
        status=status,
        draining=lambda: invoke.draining,
    )
    return world


@pytest.fixture
async def tasks():
    scope = TaskScope()
    yield scope
    await scope.close(grace=5)


@pytest.fixture
async def world(tasks) -> World:
    made = make_world(tasks)
    for namespace in ("me", "you"):
        secret = hashlib.sha256(b"secret").digest()
        await made.stores.namespaces.create(NamespaceRecord(namespace, namespace, namespace, secret, 0))
    return made


@pytest.fixture
async def client(world):
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=50 * 1024 * 1024)
    app[SERVICES] = world.services
    app.router.add_routes(routes())

    async def end_streams(_: web.Application) -> None:
        world.services.insight.feed.close()

    app.on_shutdown.append(end_streams)
    async with TestClient(TestServer(app)) as opened:
        yield opened


@pytest.fixture
def me(client) -> Caller:
    return Caller(client, "me")


@pytest.fixture
def you(client) -> Caller:
    return Caller(client, "you")
