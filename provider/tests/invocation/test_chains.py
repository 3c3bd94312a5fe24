"""Sequences of native functions: run in their NIUk as one they come out as through the service, record by record."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from argo_dev.hosts import built_functions, built_host

from argo_provider.entities.access import resolve_action
from argo_provider.events import ActionChanged, ActivationEnded, Event, EventBus, PackageChanged
from argo_provider.invocation.activator import Activator, Runners
from argo_provider.invocation.call import Call
from argo_provider.invocation.chains import Chains
from argo_provider.invocation.compositions import Compositions
from argo_provider.invocation.sequences import Sequences, Steps
from argo_provider.invocation.throttle import Throttle, ThrottleDefaults
from argo_provider.model.activation import Activation
from argo_provider.model.clock import Clock
from argo_provider.model.entities import Action, Exec, Package, Parameter
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.limits import DEFAULT_SYSTEM_LIMITS, ActionLimits
from argo_provider.model.names import FullName
from argo_provider.optimizer.model import Route
from argo_provider.placement.local import LocalPlacement
from argo_provider.placement.port import ORDINARY, Cutting, OrdinaryRouter, Ticket
from argo_provider.scheduling.settings import PoolSettings
from argo_provider.scheduling.tasks import TaskScope
from argo_provider.storage.memory import memory_stores
from argo_proxy.protocol.messages import Executable, Execution
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.fake import FakeDriver, Reply, answered
from argo_proxy.sandboxes.niuk.client import OutsideCall
from argo_proxy.sandboxes.niuk.driver import NiukDriver
from argo_proxy.sandboxes.niuk.launching import PlainLauncher
from argo_proxy.sandboxes.niuk.process import Library
from argo_proxy.sandboxes.niuk.slot import Compiled, InitRequest
from argo_proxy.sandboxes.niuk.walls import WallSettings
from argo_proxy.sandboxes.port import SandboxKind

pytestmark = pytest.mark.integration

SECONDS = 60.0
JAVA = Runtime("java:17", "java", Path("/runtime"), ("java",), default=True)
WAYS = ("service", "chain")


@pytest.fixture(scope="module")
def host_program() -> Path:
    return built_host()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Functions that do what their parameters say."""
    out = built_functions(tmp_path_factory.mktemp("fake"))
    return Library(out, hashlib.sha256(out.read_bytes()).digest())


@pytest.fixture
def work() -> Iterator[Path]:
    """A short path: a unix socket's is at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="niuk-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@dataclass
class AllCompiled:
    library: Library

    async def find(self, request: InitRequest) -> Compiled | None:
        return Compiled(self.library)


@dataclass
class Natively(OrdinaryRouter):
    """A router, and a listener of the pool."""

    ordinary: set[str] = field(default_factory=set)
    executed_paths: list[str] = field(default_factory=list)

    def route(self, executable: Executable) -> Route:
        return ORDINARY if executable.path in self.ordinary else Route("niuk")

    def keep_alive(self, namespace: str, path: str) -> None: ...

    def executed(self, executable: Executable, execution: Execution) -> None:
        self.executed_paths.append(executable.path)

    def started(self, *_: object, **__: object) -> None: ...

    fell_short = start_failed = ended = hibernated = woke = rejected = started


class CountedPlacement(LocalPlacement):
    """Remembers how long its chains were."""

    chains: list[int]

    def chain(self, invocations: Any, cutting: Cutting) -> list[Ticket]:
        tickets = super().chain(invocations, cutting)
        self.chains.append(len(tickets))
        return tickets


class World:
    """A namespace `me` with native functions, sequences of them, and what came of both."""

    identity = NamespaceRecord("me", "me", "key", b"x" * 32, 0).identity

    def __init__(
        self, placement: CountedPlacement, told: Natively, tasks: TaskScope, buried: asyncio.Event, *, chained: bool
    ) -> None:
        self.placement, self.told, self.buried = placement, told, buried  # `buried`: a process that ended by itself
        self.stores, self.events, clock = memory_stores(), EventBus(), Clock()
        self.records: dict[str, Activation] = {}
        self._arrived = asyncio.Event()
        self.events.listen(self._heard)
        self.throttle = Throttle(ThrottleDefaults(), clock)
        self.activator = Activator(placement, self.stores.activations, self.throttle, self.events, clock, tasks.spawn)
        entities = self.stores.entities
        steps = Steps(entities, self.activator.start, self._prepare, DEFAULT_SYSTEM_LIMITS, clock)
        together = Chains(entities, self.activator, steps, self.events) if chained else None
        compositions = Compositions(steps, self.activator.submit_conductor)
        self.activator.use(Runners(Sequences(steps, together).run, compositions.run, {}))

    async def _prepare(self, kind: str) -> None: ...

    def _heard(self, event: Event) -> None:
        if isinstance(event, ActivationEnded):
            self.records[event.activation.activation_id] = event.activation
            self._arrived.set()

    async def action(self, name: str, bound: dict[str, Any] | None = None, **fields: Any) -> Action:
        parameters = {key: Parameter(value) for key, value in (bound or {}).items()}
        package, _, short = name.rpartition("/")
        full = FullName("me", short, package or None)
        old = await self.stores.entities.get(full)
        fields = {"code_digest": "d"} | fields
        action = Action(full, Exec("java:17", code_digest=fields.pop("code_digest")), parameters=parameters, **fields)
        if old is not None:
            action = replace(action, revision=old.revision, version="0.0.2", updated=old.updated + 1)
        (stored,) = await self.stores.entities.commit([action])
        if old is not None:
            self.events.publish(ActionChanged(full, deleted=False))
        assert isinstance(stored, Action)
        return stored

    async def stop(self) -> None:
        """As the service does: what is under way is given a little time, and then told."""
        await self.placement.__aexit__(None, None, None)

    async def delete(self, name: str) -> None:
        package, _, short = name.rpartition("/")
        full = FullName("me", short, package or None)
        old = await self.stores.entities.get(full)
        assert old is not None
        await self.stores.entities.commit(deletes=[old])
        self.events.publish(ActionChanged(full, deleted=True))

    async def package(self, name: str, bound: dict[str, Any]) -> None:
        full = FullName("me", name)
        old = await self.stores.entities.get(full)
        assert isinstance(old, Package)
        changed = replace(old, parameters={key: Parameter(value) for key, value in bound.items()})
        await self.stores.entities.commit([changed])
        self.events.publish(PackageChanged(full))

    async def sequence(self, name: str, *components: str) -> None:
        parts = []
        for component in components:
            package, _, short = component.rpartition("/")
            parts.append(FullName("me", short, package or None))
        await self.stores.entities.commit([Action(FullName("me", name), Exec("sequence", components=tuple(parts)))])

    async def start(self, name: str, payload: dict[str, Any]) -> asyncio.Future[Activation]:
        package, _, short = name.rpartition("/")
        target = await resolve_action(self.stores.entities, self.identity, FullName("me", short, package or None))
        return self.activator.start(Call(self.identity, target, payload, "tid")).done

    async def run(self, name: str, payload: dict[str, Any] | None = None) -> Activation:
        async with asyncio.timeout(SECONDS):
            return await (await self.start(name, payload or {}))

    async def warm(self, *names: str) -> None:
        """Have a native sandbox ready for each, without doing what its bound parameters say."""
        for name in names:
            await self.run(name, {"do": "echo"})

    async def record(self, activation_id: str) -> Activation:
        async with asyncio.timeout(SECONDS):
            while activation_id not in self.records:
                self._arrived.clear()
                await self._arrived.wait()
        return self.records[activation_id]

    async def story(self, activation: Activation) -> list[Any]:
        """All that anybody could read of it later, but for ids and times."""
        steps = [await self.record(step) for step in activation.logs] if _is_whole(activation) else []
        assert all(step.cause == activation.activation_id for step in steps)
        told: list[Any] = [_shown(activation)]
        for step in steps:
            told += await self.story(step)
        return told


def _is_whole(activation: Activation) -> bool:
    return activation.annotations["kind"] == "sequence"


def _shown(activation: Activation) -> dict[str, Any]:
    timed = ("waitTime", "initTime", "argo.phases")
    return {
        "name": activation.name,
        "version": activation.version,
        "status": activation.response.status,
        "result": repr(activation.response.result),  # with the order of its keys, and the form of its numbers
        "size": activation.response.size,
        "logs": len(activation.logs) if _is_whole(activation) else [line[31:] for line in activation.logs],
        "annotations": {key: value for key, value in activation.annotations.items() if key not in timed},
        "caused": activation.cause is not None,
    }


@contextlib.asynccontextmanager
async def world_of(
    way: str, program: Path, library: Library, work: Path, on_call: Any = None, drain_seconds: float = 5.0
) -> AsyncIterator[World]:
    told, ordinary, buried = Natively(), FakeDriver(), asyncio.Event()
    ordinary.kind = SandboxKind.PROCESS  # type: ignore[misc]  # stands for it
    ordinary.script = lambda path, body: Reply(answered(b'{"by":"ordinary"}'))
    native = NiukDriver(
        WallSettings(f"c{os.getpid()}", work / "run", (library.path.parent,)),
        AllCompiled(library),
        on_call=on_call,
        launcher=PlainLauncher(program, work),
        waiting=0,
        on_crash=lambda _: buried.set(),
    )
    report = await native.probe()
    assert report.available, report.reason
    tasks = TaskScope()
    placement = CountedPlacement(
        {SandboxKind.PROCESS: ordinary, SandboxKind.NIUK: native},
        Catalogue([JAVA]),
        _load,
        settings=PoolSettings(memory_mb=4096, drain_seconds=drain_seconds),
        router=told,
        events=told,
    )
    placement.chains = []
    try:
        async with placement:
            yield World(placement, told, tasks, buried, chained=way == "chain")
            await tasks.close(grace=SECONDS)
    finally:
        await native.close()


async def _load(digest: str) -> bytes:
    return b"code"


ECHO = ("first", "second", "third")
Middle = dict[str, Any]

SCENARIOS: dict[str, tuple[Middle, list[int]]] = {
    # what is bound to the second of three, and how long the chains are
    "ok": ({"b": 2, "x": "bound"}, [3]),
    "logs": ({"do": "print", "text": "hello", "lines": 2}, [3]),
    "application error": ({"error": {"code": 7}}, [3]),
    "developer error": ({"do": "throw"}, [3]),
    "exit": ({"do": "exit"}, [3]),
    "memory": ({"do": "oom"}, [3]),
    "lacks a class": ({"do": "missing"}, [3]),
    "time limit": ({"do": "loop"}, [3]),
    "crash": ({"do": "crash"}, [3]),
    "an array": ({"do": "raw", "text": "[1,2]"}, [3]),
    "not an object": ({"do": "raw", "text": "3"}, [3]),
    "no JSON": ({"do": "raw", "text": "{"}, [3]),
    "a number in another form": ({"n": 1e300}, [3]),
    "a large number": ({"n": 2**70}, [3]),
    "too large": ({"do": "big", "bytes": 1_100_000}, [3]),
    "of its own kind of text": ({"text": 'é " \\ \u0001 😀', "deep": {"error": [None, True, 0.5]}}, [3]),
}


class TestBothWays:
    """The same sequences through the service and as a chain."""

    async def _compare(
        self,
        host_program: Path,
        library: Library,
        work: Path,
        build: Callable[[World], Any],
        *,
        crashes: bool = False,
    ) -> tuple[list[Any], list[int]]:
        stories, chains, executed = [], [], []
        for way in WAYS:
            folder = work / way
            folder.mkdir()
            async with world_of(way, host_program, library, folder) as world:
                await build(world)
                world.placement.chains.clear()
                world.told.executed_paths.clear()
                stories.append(await world.story(await world.run("all", {"a": 1})))
                chains.append(list(world.placement.chains))
                executed.append(sorted(world.told.executed_paths))
                assert await world.throttle.idle(SECONDS)
                if crashes:
                    async with asyncio.timeout(SECONDS):
                        await world.buried.wait()
        assert stories[0] == stories[1]
        assert executed[0] == executed[1], "whoever watches the pool sees each of them"
        assert chains[0] == []
        return stories[1], chains[1]

    @pytest.mark.parametrize("name", SCENARIOS)
    async def test_three_functions(self, name: str, host_program: Path, library: Library, work: Path) -> None:
        middle, expected = SCENARIOS[name]

        async def build(world: World) -> None:
            for one in ECHO:
                limits = ActionLimits(timeout=1000) if name == "time limit" and one == "second" else ActionLimits()
                await world.action(one, middle if one == "second" else {one: True}, limits=limits)
            await world.sequence("all", *ECHO)
            await world.warm(*ECHO)

        story, chains = await self._compare(host_program, library, work, build, crashes=name == "crash")
        assert chains[:1] == expected
        assert story[0]["logs"] == len(story) - 1

    async def test_packages_nested_sequences_conductors_and_ordinary_ones(
        self, host_program: Path, library: Library, work: Path
    ) -> None:
        names = ("one", "pack/two", "three", "four", "guide", "five", "six", "plain", "seven", "eight")

        async def build(world: World) -> None:
            package = Package(FullName("me", "pack"), parameters={"from": Parameter("package"), "x": Parameter(0)})
            await world.stores.entities.commit([package])
            for name in names:
                fields: dict[str, Any] = {"annotations": {"conductor": True}} if name == "guide" else {}
                await world.action(name, {name: True, "x": name}, **fields)
            await world.sequence("inner", "three", "four")
            await world.sequence("all", "one", "pack/two", "inner", "guide", "five", "six", "plain", "seven", "eight")
            world.told.ordinary.add("/me/plain")
            await world.warm(*names)

        story, chains = await self._compare(host_program, library, work, build)
        assert chains == [2, 2, 2, 2], "conductors, sequences and ordinary functions are between them"
        assert story[0]["logs"] == 9

    async def test_one_that_is_there_twice(self, host_program: Path, library: Library, work: Path) -> None:
        async def build(world: World) -> None:
            for name in ("one", "two"):
                await world.action(name, {name: True})
            await world.sequence("all", "one", "two", "one", "one", "two")
            await world.warm("one", "two")

        _, chains = await self._compare(host_program, library, work, build)
        assert chains == [2, 0, 2]

    async def test_one_that_may_run_twice_is_run_again_on_the_ordinary_runtime(
        self, host_program: Path, library: Library, work: Path
    ) -> None:
        async def build(world: World) -> None:
            await world.action("one", {"one": True})
            await world.action("two", {"do": "crash"}, annotations={"argo.idempotent": True})
            await world.action("three", {"three": True})
            await world.sequence("all", "one", "two", "three")
            await world.warm("one", "two", "three")

        story, chains = await self._compare(host_program, library, work, build, crashes=True)
        assert chains[0] == 3
        assert story[2]["result"] == "{'by': 'ordinary'}"
        assert story[2]["annotations"]["argo.tier"] == "ordinary"
        assert story[3]["result"] == "{'three': True, 'by': 'ordinary'}"

    @pytest.mark.parametrize("change", ["updated", "deleted", "package"])
    async def test_one_that_is_changed_while_another_runs(
        self, change: str, host_program: Path, library: Library, work: Path
    ) -> None:
        stories = []
        for way in WAYS:
            folder = work / way
            folder.mkdir()
            asked, answer = asyncio.Event(), asyncio.Event()

            async def serve(call: OutsideCall, asked: asyncio.Event = asked, answer: asyncio.Event = answer) -> Any:
                asked.set()
                await answer.wait()
                return 0, b'{"late":true}'

            async with world_of(way, host_program, library, folder, on_call=serve) as world:
                await world.stores.entities.commit([Package(FullName("me", "pack"))])
                await world.action("one", {"do": "invoke", "name": "/other/x", "params": {}})
                for name in ("two", "pack/three"):
                    await world.action(name, {name: 1})
                await world.sequence("all", "one", "two", "pack/three")
                await world.warm("one", "two", "pack/three")
                world.placement.chains.clear()
                running = await world.start("all", {})
                async with asyncio.timeout(SECONDS):
                    await asked.wait()
                await self._change(world, change)
                answer.set()
                async with asyncio.timeout(SECONDS):
                    stories.append(await world.story(await running))
                assert world.placement.chains[:1] == ([] if way == "service" else [3])
        assert stories[0] == stories[1]
        told = {"updated": "'new': 1", "deleted": "does not exist", "package": "'inherited': 1"}[change]
        assert told in stories[1][0]["result"]

    async def _change(self, world: World, change: str) -> None:
        if change == "updated":
            await world.action("pack/three", {"new": 1}, code_digest="e")
        elif change == "deleted":
            await world.delete("pack/three")
        else:
            await world.package("pack", {"inherited": 1})

    async def test_times_add_up(self, host_program: Path, library: Library, work: Path) -> None:
        async with world_of("chain", host_program, library, work) as world:
            for name in ECHO:
                await world.action(name, {"do": "sleep", "ms": 30})
            await world.sequence("all", *ECHO)
            await world.warm(*ECHO)
            whole = await world.run("all", {})
            assert world.placement.chains == [3]
            steps = [await world.record(step) for step in whole.logs]
        assert whole.duration == sum(step.duration or 0 for step in steps)
        assert whole.end >= max(step.end for step in steps)
        for before, after in itertools.pairwise(steps):
            assert after.start >= before.end
        for step in steps:
            phases = step.annotations["argo.phases"]
            assert phases["run"] >= 30.0, phases
            served = phases["run"] + (phases["place"] if step is not steps[0] else 0.0)
            assert abs(served - (step.duration or 0)) <= 1.0 + 0.02 * served, (phases, step.duration)

    async def test_many_at_once(self, host_program: Path, library: Library, work: Path) -> None:
        async with world_of("chain", host_program, library, work) as world:
            for name in ECHO:
                await world.action(name, {name: True})
            await world.sequence("all", *ECHO)
            await world.warm(*ECHO)
            async with asyncio.timeout(SECONDS):
                running = [await world.start("all", {"n": number}) for number in range(50)]
                done = await asyncio.gather(*running)
            for number, activation in enumerate(done):
                assert activation.response.result == {"third": True, "second": True, "first": True, "n": number}
                assert len(await world.story(activation)) == 4
            assert await world.throttle.idle(SECONDS)
            assert not world.placement.in_flight

    @pytest.mark.parametrize("way", WAYS)
    async def test_a_service_that_stops(self, way: str, host_program: Path, library: Library, work: Path) -> None:
        asked = asyncio.Event()

        async def serve(call: OutsideCall) -> Any:
            asked.set()
            await asyncio.Event().wait()

        async with world_of(way, host_program, library, work, on_call=serve, drain_seconds=0.1) as world:
            await world.action("one", {"do": "invoke", "name": "/other/x", "params": {}})
            await world.action("two", {"two": 1})
            await world.sequence("all", "one", "two")
            await world.warm("one", "two")
            async with asyncio.timeout(SECONDS):
                running = await world.start("all", {})
                await asked.wait()
                await world.stop()
                story = await world.story(await running)
        assert [told["name"] for told in story] == ["all", "one"]
        assert all("The service stopped" in told["result"] for told in story)
