"""A whole cluster for tests and benches: PostgreSQL, NATS, replicas of the API, and nodes on machines of their own."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argo_dev.machines import Machines, machines, why_no_machines
from argo_dev.nats import Nats, nats, why_no_nats
from argo_dev.postgres import Postgres, postgres, why_no_postgres
from argo_dev.service import (
    ARGOFN,
    Service,
    ServiceStartError,
    environment_of_clone,
    free_port,
    stop,
    tail,
    wait_ready,
)
from argo_provider.machine import installation_id
from argo_proxy.sandboxes.folders import default_run_dir
from argo_proxy.sandboxes.process.cgroups import ControlGroups

_READY_SECONDS = 120
_FORGET_SECONDS = 5


@dataclass(slots=True)
class Member:
    """A process of the cluster."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """At once, with nothing said."""
        self.process.kill()
        self.process.wait()


@dataclass(slots=True)
class Cluster:
    """Running; `services` are its replicas, `auth` the key of the namespace `guest`."""

    folder: Path
    environment: dict[str, str]
    hosts: Machines
    postgres: Postgres
    nats: Nats
    auth: str = ""
    services: list[Service] = field(default_factory=list)
    replicas: list[Member] = field(default_factory=list)
    nodes: list[Member] = field(default_factory=list)

    def argofn(self, *arguments: str) -> str:
        """Run a command as an operator of this cluster; what it printed."""
        command = [*ARGOFN, *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=self.environment)
        if done.returncode != 0:
            raise ServiceStartError(f"argofn {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def new_namespace(self, name: str) -> str:
        """Make a namespace; its key."""
        made: dict[str, Any] = json.loads(self.argofn("namespace", "create", name, "--json"))
        return str(made["auth"])

    def wait_for_nodes(self, count: int, kinds: Sequence[str] = ("nodejs:20", "python:3.11")) -> None:
        """Until so many nodes are ready for these kinds."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            found = json.loads(self.argofn("nodes", "--json"))
            if sum(set(kinds) <= set(node["kinds"]) for node in found) >= count:
                return
            time.sleep(0.2)
        logs = "\n".join(tail(node.log, 10) for node in self.nodes)
        raise ServiceStartError(f"no {count} nodes within {_READY_SECONDS} s:\n{logs}")


def why_no_cluster() -> str:
    """ "" if one can be started here."""
    return why_no_postgres() or why_no_nats() or why_no_machines()


@contextmanager
def cluster(
    *, replicas: int = 1, nodes: int = 2, durable: bool = False, settings: Sequence[str] = ()
) -> Iterator[Cluster]:
    """`settings`: KEY=VALUE of every member. ServiceStartError."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="argo-cluster-", ignore_cleanup_errors=True))
        )
        hosts = stack.enter_context(machines())
        database = stack.enter_context(postgres(hosts.home, durable=durable))
        bus = stack.enter_context(nats(hosts.home))
        key = folder / "cluster.key"
        key.write_text(secrets.token_urlsafe(32))
        environment = {
            **environment_of_clone(),
            "ARGO_CLUSTER_KEY_FILE": str(key),
            "ARGO_STORE": database.url(),
            "ARGO_BUS_URL": bus.url,
            "ARGO_DATA_DIR": str(folder / "operator"),
        }
        made = Cluster(folder, environment, hosts, database, bus)
        options = [word for setting in settings for word in ("--set", setting)]
        for number in range(replicas):
            _add_replica(made, stack, number, hosts.home, options)
        for number in range(nodes):
            _add_node(made, stack, number, hosts.add(bare=True), options)
        made.wait_for_nodes(nodes)
        yield made


def _add_replica(made: Cluster, stack: ExitStack, number: int, host: str, options: Sequence[str]) -> None:
    """It listens where functions on the nodes reach it."""
    port, began = free_port(), time.monotonic()
    if number == 0:
        made.auth = made.new_namespace("guest")
    member = _start(made, f"replica{number}", ("serve", "--host", host, "--port", str(port), *options), ())
    stack.callback(stop, member.process)
    url = f"http://{host}:{port}"
    ready = wait_ready(member.process, url, member.log) - began
    made.replicas.append(member)
    made.services.append(Service(url, made.auth, member.pid, made.folder / member.name, member.log, ready))


def _add_node(made: Cluster, stack: ExitStack, number: int, inside: Sequence[str], options: Sequence[str]) -> None:
    name = f"node{number}"
    member = _start(made, name, ("node", "--name", name, "--sandbox", "process", *options), inside)
    stack.callback(_forget, made.folder / name)
    stack.callback(stop, member.process)
    made.nodes.append(member)


def _forget(data_dir: Path) -> None:
    """Remove what a node that was killed left on this machine: none starts over its folder again, which would do it."""
    installation = installation_id(data_dir)
    for suffix, folder in (("", ""), ("n", "-n"), ("z", "-z")):
        groups = ControlGroups(f"{installation}{suffix}")
        for group in groups.leftovers():
            group.destroy(within=_FORGET_SECONDS)
        groups.remove()
        shutil.rmtree(default_run_dir(f"{installation}{folder}"), ignore_errors=True)


def _start(made: Cluster, name: str, arguments: Sequence[str], inside: Sequence[str]) -> Member:
    log = made.folder / f"{name}.log"
    command = [*inside, *ARGOFN, *arguments, "--data-dir", str(made.folder / name), "--log-format", "json"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=made.environment, start_new_session=True)
    return Member(name, process, log)


__all__ = ["Cluster", "Member", "cluster", "why_no_cluster"]
