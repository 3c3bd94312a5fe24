"""Hosts that wait without a namespace, real ones."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from argo_proxy.sandboxes.niuk.house import NiukHouse
from argo_proxy.sandboxes.niuk.launching import PlainLauncher
from argo_proxy.sandboxes.niuk.stock import HostStock

from .functions import function, library_at, run

pytestmark = pytest.mark.integration


async def test_a_namespace_takes_the_host_that_waits_and_another_one_follows(
    host_program: Path, fake_library: Path, work: Path
) -> None:
    launcher = PlainLauncher(host_program, work)
    stock = HostStock(launcher)
    stock.fill()
    await stock.filled()
    (waiting,) = stock._waiting
    house = NiukHouse("guest", launcher, stock=stock)
    await house.define(function(library_at(fake_library), "f"))
    assert (await house.invoke(run("f", {}))).result.status.name == "OK"
    assert house.process is not None
    assert house.process.pid == waiting.host.pid
    await stock.filled()
    assert stock.waiting == 1
    other = NiukHouse("other", launcher, stock=stock)
    assert (await other.start()).pid != house.process.pid
    await asyncio.gather(house.close(), other.close(), stock.close())
    assert stock.waiting == 0


async def test_a_host_that_ended_while_it_waited_is_not_given_out(host_program: Path, work: Path) -> None:
    stock = HostStock(PlainLauncher(host_program, work))
    stock.fill()
    await stock.filled()
    (dead,) = stock._waiting
    os.kill(dead.host.pid, signal.SIGKILL)
    await dead.host.wait(seconds=10)
    taken = await stock.take()
    assert taken.host.pid != dead.host.pid
    await taken.end()
    await stock.close()
