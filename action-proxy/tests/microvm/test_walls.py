"""Which wall a NIUk gets: a machine where KVM is proven, a process else, emulation only by name."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.microvm.launching import MicrovmLauncher
from argo_proxy.sandboxes.microvm.probe import probe_kvm
from argo_proxy.sandboxes.microvm.snapshot import RestoringLauncher
from argo_proxy.sandboxes.niuk.binary import HOST_VARIABLE
from argo_proxy.sandboxes.niuk.driver import NiukDriver
from argo_proxy.sandboxes.niuk.launching import ConfinedLauncher
from argo_proxy.sandboxes.niuk.process import Library
from argo_proxy.sandboxes.niuk.slot import Compiled, InitRequest
from argo_proxy.sandboxes.niuk.walls import Wall, WallError, WallSettings, raise_wall
from argo_proxy.sandboxes.port import Answered, SandboxSpec
from argo_proxy.sandboxes.process.cgroups import ControlGroups

pytestmark = pytest.mark.integration
NAME = f"w{os.getpid()}"
JAVA = Runtime(kind="java:17", family="java", directory=Path("/"), command=("java",))


@pytest.fixture
def work() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="niuk-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


async def test_a_machine_is_used_only_where_kvm_is_proven(
    host_program: Path, probe_program: Path, kernel: Path, work: Path
) -> None:
    report = await probe_kvm(probe_program)
    settings = WallSettings(NAME, work, (), kernel=kernel)
    raised = await raise_wall(host_program, settings, ControlGroups(NAME))
    if report.usable:
        assert isinstance(raised.launcher, RestoringLauncher)
    else:
        assert isinstance(raised.launcher, ConfinedLauncher)
        assert any(report.reason.split(" (")[0] in words for words in raised.degraded)
        strict = WallSettings(NAME, work, (), kernel=kernel, wall=Wall.MICROVM)
        with pytest.raises(WallError, match="KVM"):
            await raise_wall(host_program, strict, ControlGroups(NAME))


async def test_without_a_kernel_it_is_a_process_and_says_so(host_program: Path, work: Path) -> None:
    raised = await raise_wall(host_program, WallSettings(NAME, work, ()), ControlGroups(NAME))
    assert isinstance(raised.launcher, ConfinedLauncher)
    assert any("no microVM kernel" in words for words in raised.degraded)
    with pytest.raises(WallError, match="kernel"):
        await raise_wall(host_program, WallSettings(NAME, work, (), wall=Wall.EMULATED), ControlGroups(NAME))


async def test_a_machine_may_boot_each_time(host_program: Path, kernel: Path, work: Path) -> None:
    settings = WallSettings(NAME, work, (), kernel=kernel, wall=Wall.EMULATED, restore=False)
    raised = await raise_wall(host_program, settings, ControlGroups(NAME))
    assert isinstance(raised.launcher, MicrovmLauncher)


@dataclass
class AllCompiled:
    library: Library

    async def find(self, request: InitRequest) -> Compiled | None:
        del request
        return Compiled(self.library)


async def test_slots_of_an_emulated_machine(
    host_program: Path, kernel: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOST_VARIABLE, str(host_program))
    digest = hashlib.sha256(await asyncio.to_thread(fake_library.read_bytes)).digest()
    settings = WallSettings(NAME, work, (), kernel=kernel, wall=Wall.EMULATED, guest_mb=64)
    driver = NiukDriver(settings, AllCompiled(Library(fake_library, digest)))
    report = await driver.probe()
    assert report.available, report.reason
    try:
        slot = await driver.create(SandboxSpec(JAVA, memory_mb=32))
        body = b'{"value":{"name":"f","env":{"__OW_NAMESPACE":"guest","__OW_ACTION_NAME":"/guest/f"}}}'
        assert await slot.init(body, timeout=60, limit=1000) == Answered(200, b'{"ok":true}', 11)
        answer = await slot.run(b'{"value":{"x":1}}', timeout=60, limit=1000)
        assert isinstance(answer, Answered), answer
        assert (answer.status, answer.body, answer.length) == (200, b'{"x":1}', 7)
        await slot.destroy()
    finally:
        await driver.close()
