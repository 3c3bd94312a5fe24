"""What stands between a NIUk and this machine: a microVM where KVM is proven to execute guests, else a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from argo_proxy.builder.initramfs import pack
from argo_proxy.sandboxes.microvm.image import NAME_SERVER, ImageError, niuk_files
from argo_proxy.sandboxes.microvm.launching import MicrovmLauncher
from argo_proxy.sandboxes.microvm.probe import PROBE_NAME, KvmReport, probe_kvm
from argo_proxy.sandboxes.microvm.qemu import PROGRAM, Accelerator
from argo_proxy.sandboxes.microvm.snapshot import RestoringLauncher, SnapshotError, take_snapshot
from argo_proxy.sandboxes.niuk.launching import ConfinedLauncher, Launcher, Sizes, missing_programs
from argo_proxy.sandboxes.process.cgroups import ControlGroups
from argo_proxy.sandboxes.process.users import UserIds
from argo_proxy.sandboxes.taking import taken

_CONFINEMENT = ("bwrap",)
_MACHINE = "machine"


class Wall(Enum):
    """What a setting may ask for. Emulation is slow: it is used only where it is asked for by this name."""

    AUTO = "auto"
    PROCESS = "process"
    MICROVM = "microvm"
    EMULATED = "emulated"


@dataclass(frozen=True, slots=True)
class WallSettings:
    """`installation`: an id of its own, apart from the process driver's: groups, users and marks carry it."""

    installation: str
    run_dir: Path
    libraries: tuple[Path, ...]  # folders that function libraries lie in
    sizes: Sizes = field(default_factory=Sizes)
    wall: Wall = Wall.AUTO
    kernel: Path | None = None  # None: no microVMs
    guest_mb: int = 512
    restore: bool = True  # copies of one booted machine, instead of a boot each
    network: bool = True  # machines: functions may call out, to where this machine's user can
    own_libraries: Callable[[str], Path] | None = None  # a folder that only this namespace's NIUk sees, beside those


@dataclass(frozen=True, slots=True)
class Raised:
    """A wall that stands, and what it lacks, in words for people."""

    launcher: Launcher
    degraded: tuple[str, ...] = ()


class WallError(Exception):
    """The wall asked for cannot be had here."""

    def __init__(self, reason: str, fix: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


async def raise_wall(program: Path, settings: WallSettings, groups: ControlGroups) -> Raised:
    """The best wall that the settings allow here. Raises WallError."""
    await taken(lambda: _make_run_dir(settings.run_dir))
    trouble = await taken(groups.usable)
    usable = None if trouble else groups
    degraded = (f"{trouble}: a NIUk's memory is limited by rlimit only",) if trouble else ()
    if settings.wall is Wall.PROCESS:
        return Raised(_process(program, settings, usable), degraded)
    if settings.wall is Wall.EMULATED:
        return Raised(await _machine(program, settings, usable, Accelerator.TCG), degraded)
    reason = await _why_no_machine(program, settings)
    if not reason:
        return Raised(await _machine(program, settings, usable, Accelerator.KVM), degraded)
    if settings.wall is Wall.MICROVM:
        raise WallError(reason, "set the wall to process, or to emulated for a try")
    return Raised(_process(program, settings, usable), (*degraded, f"{reason}: NIUks run as processes"))


def lower_wall(settings: WallSettings, groups: ControlGroups) -> None:
    """Leave nothing of it, once nothing runs behind it. Blocks."""
    groups.remove()
    shutil.rmtree(settings.run_dir / _MACHINE, ignore_errors=True)
    with contextlib.suppress(OSError):  # no wall was raised, or what would not end is left to the next sweep
        settings.run_dir.rmdir()


async def _why_no_machine(program: Path, settings: WallSettings) -> str:
    if settings.kernel is None:
        return "no microVM kernel is built"
    if missing := missing_programs((PROGRAM,)):
        return f"not installed: {', '.join(missing)}"
    report: KvmReport = await probe_kvm(program.with_name(PROBE_NAME))
    return report.reason


def _process(program: Path, settings: WallSettings, groups: ControlGroups | None) -> ConfinedLauncher:
    if missing := missing_programs(_CONFINEMENT):
        raise WallError(f"not installed: {', '.join(missing)}", "apt-get install bubblewrap")
    return ConfinedLauncher(
        program,
        settings.run_dir,
        settings.installation,
        settings.libraries,
        settings.sizes,
        groups=groups,
        users=_users(settings),
    )


async def _machine(
    program: Path, settings: WallSettings, groups: ControlGroups | None, accelerator: Accelerator
) -> Launcher:
    if settings.kernel is None or missing_programs((PROGRAM,)):
        raise WallError(f"a microVM needs {PROGRAM} and a kernel", "apt-get install qemu-system-x86")
    folder = settings.run_dir / _MACHINE
    try:
        files = await niuk_files(program)
        names = NAME_SERVER if settings.network else {}
        initramfs = await asyncio.to_thread(_write_image, folder, pack({**files, **names}))
        if settings.restore:
            memory_mb = settings.guest_mb
            snapshot = await take_snapshot(
                settings.kernel, initramfs, folder, accelerator, memory_mb=memory_mb, network=settings.network
            )
            return RestoringLauncher(snapshot, groups=groups)
    except (ImageError, SnapshotError, OSError, TimeoutError) as error:
        raise WallError(f"the microVM's image cannot be made: {error}") from error
    sizes = Sizes(settings.guest_mb, settings.sizes.cpus, settings.sizes.threads)
    # With KVM, QEMU must open /dev/kvm, which is root's alone on many machines.
    users = _users(settings) if accelerator is Accelerator.TCG else None
    return MicrovmLauncher(
        settings.kernel, initramfs, accelerator, sizes, groups=groups, users=users, network=settings.network
    )


def _users(settings: WallSettings) -> UserIds | None:
    return UserIds(settings.installation) if os.geteuid() == 0 else None


def _make_run_dir(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)


def _write_image(folder: Path, image: bytes) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "niuk.cpio"
    path.write_bytes(image)
    return path
