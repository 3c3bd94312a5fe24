"""A NIUk as a microVM: the kernel, the host as its first program, nothing else. Emulated, so slow."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from argo_proxy.sandboxes.microvm.launching import MicrovmLauncher
from argo_proxy.sandboxes.microvm.probe import probe_kvm
from argo_proxy.sandboxes.microvm.qemu import Accelerator
from argo_proxy.sandboxes.niuk import frames
from argo_proxy.sandboxes.niuk.client import NiukGone
from argo_proxy.sandboxes.niuk.frames import Status
from argo_proxy.sandboxes.niuk.launching import Sizes
from argo_proxy.sandboxes.niuk.process import Ended, Library, NativeFunction, NiukProcess
from argo_proxy.sandboxes.process.users import UserIds

pytestmark = pytest.mark.integration
SECONDS = 60.0


@contextlib.asynccontextmanager
async def machine(
    kernel: Path, initramfs: Path, ended: list[Ended] | None = None, *, network: bool = False
) -> AsyncIterator[NiukProcess]:
    users = UserIds(f"t{os.getpid()}") if os.geteuid() == 0 else None
    sizes = Sizes(memory_mb=128)
    launcher = MicrovmLauncher(
        kernel, initramfs, Accelerator.TCG, sizes, users=users, start_seconds=SECONDS, network=network
    )
    process = await NiukProcess.start(
        launcher,
        "guest",
        on_gone=lambda *_: None,
        on_end=lambda _, end: ended.append(end) if ended is not None else None,
        on_notice=lambda *_: None,
    )
    try:
        yield process
    finally:
        await process.stop()


def function(path: Path, **changes: object) -> NativeFunction:
    library = Library(path, hashlib.sha256(path.read_bytes()).digest())
    return NativeFunction("f", library, address="/guest/f", **changes)  # type: ignore[arg-type]


def run(params: object, timeout_ms: int = 30_000) -> frames.Run:
    return frames.Run("f", json.dumps(params, separators=(",", ":")).encode(), timeout_ms, 30_000)


async def test_functions_run_in_a_machine_of_one_program(kernel: Path, initramfs: Path, fake_library: Path) -> None:
    async with machine(kernel, initramfs) as process:
        await process.define(await asyncio.to_thread(function, fake_library))
        done = await asyncio.gather(*(process.invoke(run({"n": n})) for n in range(50)))
        assert [json.loads(one.result.body)["n"] for one in done] == list(range(50))
        printed = await process.invoke(run({"do": "print", "text": "from the guest"}))
        assert [log.line for log in printed.logs] == [b"from the guest"]
        late = await process.invoke(run({"do": "loop"}, timeout_ms=100))
        assert late.result.status is Status.TIMED_OUT
        figures = json.loads(await process.stats())
        assert figures["pid"] == 1
        status = await asyncio.to_thread(Path(f"/proc/{process.pid}/status").read_text)
        assert os.geteuid() or "CapEff:\t0000000000000000" in status


async def test_a_crash_ends_the_machine(kernel: Path, initramfs: Path, fake_library: Path) -> None:
    ended: list[Ended] = []
    async with machine(kernel, initramfs, ended) as process:
        await process.define(await asyncio.to_thread(function, fake_library))
        with pytest.raises(NiukGone):
            await process.invoke(run({"do": "crash"}))
        async with asyncio.timeout(SECONDS):
            while not ended:
                await asyncio.sleep(0.01)
        assert ended[0].in_flight == ("f",)
        assert "Attempted to kill init" in ended[0].last_words


async def test_a_restored_machine_takes_new_entropy_and_time(kernel: Path, initramfs: Path) -> None:
    async with machine(kernel, initramfs, network=True) as process:  # which its host brings up before it listens
        moment = 2_000_000_000_000_000_000
        await process.reseed(os.urandom(64), unix_ns=moment)
        pong = await process.ping()
        assert moment <= pong.unix_ns < moment + 60_000_000_000


async def test_the_probe_says_what_this_machine_does(probe_program: Path) -> None:
    began = time.monotonic()
    report = await probe_kvm(probe_program)
    assert report.usable == (report.reason == "")
    assert report.opens or report.error
    assert time.monotonic() - began < SECONDS
