"""Whoever waits for a kind is woken when its driver can create sandboxes, not before."""

import asyncio
from pathlib import Path

import pytest

from argo_provider.placement.provisioning import Provisioner
from argo_proxy.runtimes import Catalogue, Runtime
from argo_proxy.sandboxes.port import Provision, SandboxKind

pytestmark = pytest.mark.unit

NODE = Runtime("nodejs:20", "nodejs", Path("/none"), ("node",), default=True)


class SlowDriver:
    """Says that it is ready before it is, as a driver does whose last step is not its end."""

    kind = SandboxKind.PROCESS

    def __init__(self, outcome: Provision) -> None:
        self.outcome = outcome
        self.go = asyncio.Event()
        self.usable = False

    async def provision(self, runtime, progress):
        await progress(Provision(runtime.kind, ready=False, step="begun"))
        await progress(self.outcome)
        await self.go.wait()
        self.usable = self.outcome.ready
        return self.outcome


def provisioner(driver):
    return Provisioner({SandboxKind.PROCESS: driver}, Catalogue([NODE]))


async def test_a_waiter_finds_the_driver_usable():
    driver = SlowDriver(Provision("nodejs:20", ready=True, step="ready"))
    made = provisioner(driver)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(made.wait_ready("nodejs:20", 5))
        tasks.create_task(made.run())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        driver.go.set()
        assert await waiting
        assert driver.usable


async def test_a_failure_ends_the_wait():
    driver = SlowDriver(Provision("nodejs:20", ready=False, error="no such package"))
    driver.go.set()
    made = provisioner(driver)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(made.run())
        assert not await made.wait_ready("nodejs:20", 5)
    (state,) = made.states
    assert (state.ready, state.error) == (False, "no such package")


async def test_an_unknown_kind_is_not_waited_for():
    assert not await provisioner(SlowDriver(Provision("x", ready=True))).wait_ready("cobol:1", 5)


async def test_a_wait_has_an_end():
    driver = SlowDriver(Provision("nodejs:20", ready=True))
    assert not await provisioner(driver).wait_ready("nodejs:20", 0.01)
