"""NIUks to measure: confined processes, and microVMs that boot or are restored."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argo_proxy.builder.initramfs import pack
from argo_proxy.sandboxes.microvm.image import niuk_files
from argo_proxy.sandboxes.microvm.launching import MicrovmLauncher
from argo_proxy.sandboxes.microvm.probe import PROBE_NAME, probe_kvm
from argo_proxy.sandboxes.microvm.qemu import PROGRAM, Accelerator
from argo_proxy.sandboxes.microvm.snapshot import RestoringLauncher, Snapshot, take_snapshot
from argo_proxy.sandboxes.niuk import frames
from argo_proxy.sandboxes.niuk.client import Performed
from argo_proxy.sandboxes.niuk.launching import ConfinedLauncher, Launcher, Sizes, missing_programs
from argo_proxy.sandboxes.niuk.process import Library, NativeFunction, NiukProcess
from argo_proxy.sandboxes.process.cgroups import ControlGroups
from argo_proxy.sandboxes.process.users import UserIds

from .parts import Missing, need

NAMESPACE = "guest"
START_SECONDS = 120.0
LIMIT_MS = 120_000
_GUEST_MB = 96


@asynccontextmanager
async def confined(program: Path, *libraries: Library, threads: int = 4096) -> AsyncIterator[ConfinedLauncher]:
    """Starts NIUks as the product does: own namespaces, own user, control group where writable, filtered calls."""
    if missing := missing_programs(("bwrap", "setpriv")):
        raise Missing(f"not installed: {', '.join(missing)}; fix: apt-get install bubblewrap util-linux")
    installation = f"bench{secrets.token_hex(4)}"
    groups = ControlGroups(installation)
    with tempfile.TemporaryDirectory(prefix="niuk-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # noqa: ASYNC240
        root = os.geteuid() == 0
        yield ConfinedLauncher(
            program,
            folder,
            installation,
            tuple({library.path.parent for library in libraries}),
            Sizes(threads=threads),
            groups=None if groups.usable() else groups,
            users=UserIds(installation) if root else None,
            start_seconds=START_SECONDS,
        )
    await asyncio.to_thread(groups.remove)


@asynccontextmanager
async def folder() -> AsyncIterator[Path]:
    """A temporary one."""
    with tempfile.TemporaryDirectory(prefix="niuk-bench-") as name:
        yield Path(name)


async def started(launcher: Launcher) -> NiukProcess:
    """A NIUk of the benches' namespace."""
    return await NiukProcess.start(
        launcher, NAMESPACE, on_gone=lambda *_: None, on_end=lambda *_: None, on_notice=lambda *_: None
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """A function as benches invoke it."""

    library: Library
    code: bytes = b""
    name: str = "f"
    policy: frames.IsolatePolicy = field(default_factory=frames.IsolatePolicy)

    def native(self) -> NativeFunction:
        return NativeFunction(
            self.name, self.library, self.code, address=f"/{NAMESPACE}/{self.name}", policy=self.policy,
            init_timeout_ms=LIMIT_MS, run_timeout_ms=LIMIT_MS,
        )  # fmt: skip


async def invoke(process: NiukProcess, params: dict[str, Any], name: str = "f") -> dict[str, Any]:
    """The result of a function that is defined there."""
    return decoded(await process.invoke(frames.Run(name, encoded(params), LIMIT_MS, LIMIT_MS)), name)


def encoded(params: dict[str, Any]) -> bytes:
    return json.dumps(params, separators=(",", ":")).encode()


def decoded(done: Performed, name: str) -> dict[str, Any]:
    """The result; raises where there is none."""
    if done.result.status is not frames.Status.OK:
        raise RuntimeError(f"{name} answered {done.result.status.name}: {done.result.body[:500]!r}")
    found: dict[str, Any] = json.loads(done.result.body)
    return found


async def first_answer(launcher: Launcher, subject: Subject, params: dict[str, Any]) -> NiukProcess:
    """Start a NIUk and have one function answer in it."""
    process = await started(launcher)
    try:
        await process.define(subject.native())
        await invoke(process, params, subject.name)
    except BaseException:
        await process.stop()
        raise
    return process


async def accelerator(program: Path) -> tuple[Accelerator, str]:
    """KVM where a probe guest proves that it executes, else TCG and the reason."""
    need(PROGRAM, "qemu-system-x86")
    report = await probe_kvm(program.with_name(PROBE_NAME))
    return (Accelerator.KVM, "") if report.usable else (Accelerator.TCG, report.reason)


@dataclass(frozen=True, slots=True)
class Machines:
    """Launchers of microVMs. In `baked` ones the library lies in the image; to the others it is streamed."""

    cold_baked: MicrovmLauncher
    cold_streamed: MicrovmLauncher
    restored_baked: RestoringLauncher
    restored_streamed: RestoringLauncher
    restored_warm: Snapshot  # with the function's library loaded and its isolate made
    library: Library  # as the baked guests see it


@asynccontextmanager
async def machines(kernel: Path, program: Path, library: Library, how: Accelerator) -> AsyncIterator[Machines]:
    """Images, and snapshots of hosts that have met no tenant, in a temporary folder."""
    inside = f"functions/{library.digest.hex()}.so"
    from . import warm  # noqa: PLC0415 - it needs this module

    with tempfile.TemporaryDirectory(prefix="niuk-bench-") as name:
        folder = Path(name)
        files = dict(await niuk_files(program))
        sizes = Sizes(memory_mb=_GUEST_MB)
        cold, restored = [], []
        for which, more in (("baked", {inside: library.path}), ("streamed", {})):
            image = folder / f"{which}.cpio"
            image.write_bytes(pack({**files, **more}))
            shares = which == "baked"
            cold.append(MicrovmLauncher(kernel, image, how, sizes, start_seconds=START_SECONDS, shares_files=shares))
            home = folder / which
            home.mkdir()
            snapshot = await take_snapshot(kernel, image, home, how, memory_mb=_GUEST_MB)
            restored.append(RestoringLauncher(snapshot, start_seconds=START_SECONDS, shares_files=shares))
        seen = Library(Path("/" + inside), library.digest)
        (folder / "warm").mkdir()
        saved = await warm.save_warm(
            kernel, cold[0].initramfs, folder / "warm", how, Subject(seen), memory_mb=_GUEST_MB
        )
        yield Machines(cold[0], cold[1], restored[0], restored[1], saved, seen)


async def function_figures(process: NiukProcess, name: str) -> dict[str, Any]:
    """What the host says of one function."""
    figures = json.loads(await process.stats())
    found: dict[str, Any] = next(each for each in figures["functions"] if each["function"] == name)
    return found


async def until_idle(process: NiukProcess, name: str, number: int) -> None:
    """Until that many isolates of a function are ready and none is being made."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            figures = await function_figures(process, name)
            if figures["idle"] >= number and not figures["starting"]:
                return
            await asyncio.sleep(0.02)


async def isolates(process: NiukProcess, name: str) -> int:
    """How many isolates a function has."""
    return len((await function_figures(process, name))["isolates"])
