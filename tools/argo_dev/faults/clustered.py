"""Many machines: replicas and nodes over NATS and PostgreSQL, every node in a network namespace of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from argo_dev.cluster import Cluster, Member, cluster
from argo_dev.faults.world import END_SECONDS, Breakable, until_serving
from argo_dev.nats import Nats
from argo_dev.postgres import Postgres
from argo_dev.processes import tree
from argo_provider.machine import installation_id
from argo_proxy.sandboxes.process.confinement import MARKER
from argo_proxy.sandboxes.process.proc import marked_processes

_PLANTED = "argo_dev.faults.planted"


class Process:
    """A `Breakable` over a member of a cluster. `url`: of a replica, which serves once that answers."""

    def __init__(self, member: Member, environment: Mapping[str, str], url: str = "", planted: bool = False) -> None:
        self._member = member
        self._environment = environment
        self._url = url
        words = [str(word) for word in _words(member.process)]
        self._command = [_PLANTED if planted and word == "argo_provider" else word for word in words]

    @property
    def name(self) -> str:
        return self._member.name

    async def start(self) -> None:
        with self._member.log.open("ab") as log:
            self._member.process = subprocess.Popen(  # noqa: ASYNC220 — a fork takes no time
                self._command, stdout=log, stderr=log, env=dict(self._environment), start_new_session=True
            )
        if self._url:
            process = self._member.process
            await until_serving(self._url, self._member.log, lambda: process.poll() is not None)

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self._member.process.send_signal(number)

    async def end(self, number: int = signal.SIGTERM) -> None:
        self.send(number)
        try:
            await asyncio.to_thread(self._member.process.wait, END_SECONDS)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            await asyncio.to_thread(self._member.process.wait)


class Bus:
    """The NATS server as a `Breakable`: whatever ends it, it comes back over what it had stored."""

    name = "nats"

    def __init__(self, server: Nats) -> None:
        self._server = server

    async def start(self) -> None:
        await asyncio.to_thread(self._server.restart)

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self._server.process.send_signal(number)

    async def end(self, number: int = signal.SIGTERM) -> None:
        self.send(number)
        await asyncio.to_thread(self._server.process.wait)


class Database:
    """PostgreSQL as a `Breakable`: it is many processes, of which a signal reaches the first, or all to stand still."""

    name = "postgresql"

    def __init__(self, server: Postgres) -> None:
        self._server = server

    async def start(self) -> None:
        await asyncio.to_thread(self._server.start)

    def send(self, number: int) -> None:
        first = self._server.process.pid
        for pid in tree(first) if number in {signal.SIGSTOP, signal.SIGCONT} else (first,):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    async def end(self, number: int = signal.SIGTERM) -> None:
        """SIGTERM would wait for the replicas to leave: what cuts them off is SIGINT."""
        if number == signal.SIGKILL:
            self.send(number)
            await asyncio.to_thread(self._server.process.wait)
        else:
            await asyncio.to_thread(self._server.stop)


class ClusterWorld:
    """A `World`."""

    def __init__(self, made: Cluster, *, planted: bool) -> None:
        self._made = made
        self.urls = [service.url for service in made.services]
        self.counter_host = str(urlsplit(self.urls[0]).hostname)
        replicas = [
            Process(member, made.environment, service.url, planted)
            for member, service in zip(made.replicas, made.services, strict=True)
        ]
        nodes = [Process(member, made.environment) for member in made.nodes]
        self._parts: list[Breakable] = [*replicas, *nodes]
        self._planted = planted
        engines: list[Breakable] = [Bus(made.nats), Database(made.postgres)]
        self.processes: Mapping[str, Breakable] = {one.name: one for one in (*self._parts, *engines)}

    async def start(self) -> None:
        """It runs already; only a bug on purpose has to be put in."""
        for part in self._parts if self._planted else ():
            await part.end()
            await part.start()

    async def stop(self) -> None:
        for part in self._parts:
            await part.end()

    async def new_tenant(self, name: str) -> str:
        return await asyncio.to_thread(self._made.new_namespace, name)

    def sandboxes(self) -> Sequence[int]:
        folders = [self._made.folder / member.name for member in (*self._made.replicas, *self._made.nodes)]
        return [pid for folder in folders for pid in marked_processes(MARKER, installation_id(Path(folder)))]

    async def fill_disk(self) -> bool:
        return False

    async def free_disk(self) -> None:
        return None

    async def cut(self, name: str, *, off: bool) -> bool:
        """Nodes have machines of their own; replicas, PostgreSQL and NATS share this one."""
        number = self._machine_of(name)
        if number is None:
            return False
        link = self._made.hosts.link(number)
        done = await asyncio.create_subprocess_exec("ip", "link", "set", link, "down" if off else "up")
        return await done.wait() == 0

    async def lose(self, name: str, percent: int) -> bool:
        number = self._machine_of(name)
        return number is not None and await asyncio.to_thread(self._made.hosts.lose, number, percent)

    def _machine_of(self, name: str) -> int | None:
        return next((number for number, member in enumerate(self._made.nodes) if member.name == name), None)


@asynccontextmanager
async def clustered_world(*, planted: bool = False) -> AsyncIterator[ClusterWorld]:
    """Two replicas, two nodes, commits that are on disk. ServiceStartError."""
    context = cluster(replicas=2, nodes=2, durable=True)
    made = await asyncio.to_thread(context.__enter__)
    world = ClusterWorld(made, planted=planted)
    try:
        yield world
    finally:
        await world.stop()
        await asyncio.to_thread(context.__exit__, None, None, None)


def _words(process: subprocess.Popen[bytes]) -> Sequence[str]:
    words = process.args
    return [words] if isinstance(words, str) else [str(word) for word in words]  # type: ignore[union-attr]
