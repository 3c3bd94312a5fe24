"""docs/how-to/cluster.md, word for word: each block runs on the machine that it names."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from argo_dev.machines import machines, why_no_machines
from argo_dev.postgres import postgres, why_no_postgres
from argo_dev.service import environment_of_clone

pytestmark = pytest.mark.end_to_end

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "cluster.md"
BLOCK = re.compile(r"^```sh (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 120


class Shells:
    """A shell on each machine, which goes on from block to block."""

    def __init__(self, folder, hosts, database):
        self.folder = folder
        self._database = database
        self._hosts = hosts
        self._inside = {name: hosts.add() for name in ("bus", "api", "node1", "node2", "you")}
        self._shells = {}
        self._environment = self._prepare()

    def _prepare(self):
        """Names of machines, and the command `argofn` on the PATH."""
        addresses = {name: f"{self._hosts.subnet}.{number}" for number, name in enumerate(self._inside, 2)}
        addresses["db"] = self._hosts.home
        lines = "".join(f"{address} {name}\n" for name, address in addresses.items())
        for inside in self._inside.values():
            names = Path("/etc/netns") / inside[-1]
            names.mkdir(parents=True, exist_ok=True)
            (names / "hosts").write_text(f"127.0.0.1 localhost\n{lines}")
        program = self.folder / "argofn"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m argo_provider "$@"\n')
        program.chmod(0o755)
        home = {"HOME": str(self.folder), "ARGO_CACHE": os.environ.get("ARGO_CACHE", str(Path.home() / ".cache/argo"))}
        quiet = {"ARGO_CLUSTER_LEASE_SECONDS": "15", "ARGO_LOG_FORMAT": "json"}
        path = f"{self.folder}:{os.environ['PATH']}"
        return {**environment_of_clone(), **home, **quiet, "PATH": path}

    def run(self, machine, script):
        """What it printed, both streams. A block that fails fails the test; what it left behind with & runs on."""
        if machine not in self._shells:
            with (self.folder / f"{machine}.log").open("wb") as log:
                self._shells[machine] = subprocess.Popen(
                    [*self._inside[machine], "sh", "-eu"],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    env=self._environment,
                    start_new_session=True,
                )
        shell, done = self._shells[machine], self.folder / f"{machine}.done"
        done.unlink(missing_ok=True)
        before = (self.folder / f"{machine}.log").stat().st_size
        shell.stdin.write(f"{script}\n: > {done}\n".encode())
        shell.stdin.flush()
        return lambda: self._finished(machine, done, before)

    async def output(self, machine, script, until=""):
        """Wait for the end of `script`, and for `until` in what it printed."""
        look = self.run(machine, script)
        async with asyncio.timeout(SECONDS):
            while True:
                finished, text = look()
                if finished and until in text:
                    return text
                assert finished or self._shells[machine].poll() is None, f"{machine}: {script}\n{text}"
                await asyncio.sleep(0.05)

    def _finished(self, machine, done, before):
        text = (self.folder / f"{machine}.log").read_bytes()[before:].decode(errors="replace")
        return done.exists(), text

    def stop(self):
        for shell in self._shells.values():
            os.killpg(shell.pid, 15)
        for shell in self._shells.values():
            try:
                shell.wait(timeout=45)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, 9)
            shell.stdin.close()
        for inside in self._inside.values():
            names = Path("/etc/netns") / inside[-1]
            (names / "hosts").unlink(missing_ok=True)
            names.rmdir()


@pytest.fixture
def shells(tmp_path):
    reason = why_no_machines() or why_no_postgres()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with machines() as hosts, postgres(hosts.home, port=5432) as database:
        made = Shells(tmp_path, hosts, database)
        try:
            asyncio.run(_make_database(database))
            yield made
        finally:
            made.stop()


async def _make_database(server):
    """What the page takes for granted."""
    connection = await asyncpg.connect(server.url().replace("+asyncpg", ""))
    await connection.execute("CREATE USER argo")
    await connection.execute("CREATE DATABASE argo OWNER argo")
    await connection.close()


def test_the_page(shells):
    asyncio.run(_follow(shells))


async def _follow(shells):
    blocks = BLOCK.findall(PAGE.read_text())
    assert [machine for machine, _ in blocks] == [
        "api",
        "bus",
        "api",
        "node1",
        "node2",
        "api",
        "you",
        "api",
        "you",
        "api",
    ]
    key, bus, replica, node1, node2, nodes, function, drain, again, undo = (script for _, script in blocks)
    await shells.output("api", key)
    await shells.output("bus", bus)
    printed = await shells.output("api", replica, until='"ready"')
    auth = re.search(r"--auth (\S+)", printed)[1]
    await shells.output("node1", node1, until='"ready"')
    await shells.output("node2", node2, until='"ready"')
    await _until_ready(shells, nodes)
    assert "Hello Ada" in await shells.output("you", function.replace("KEY", auth))
    assert re.search(r"node1 +draining", await shells.output("api", drain, until="node2"))
    assert "Hello Grace" in await shells.output("you", again)
    assert "takes work again" in await shells.output("api", undo)


async def _until_ready(shells, nodes):
    """The page's reader looks until both are there and Python is ready on them."""
    async with asyncio.timeout(SECONDS):
        while True:
            listed = await shells.output("api", nodes)
            if len(re.findall(r"^node[12] +ready.*python", listed, re.MULTILINE)) == 2:
                return
            await asyncio.sleep(0.5)
