"""The command line of QEMU for one microVM. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

PROGRAM = "qemu-system-x86_64"
CONTROL_PORT = "/dev/vport0p1"  # the first port behind the console's, as the guest sees it

_MACHINE = "microvm,acpi=off,pit=on,pic=on,rtc=on,isa-serial=on"
_SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
_TIMER_HZ = 250


class Accelerator(Enum):
    """Who executes the guest. TCG emulates: for tests, or where the user asks for it by name."""

    KVM = "kvm"
    TCG = "tcg"


@dataclass(frozen=True, slots=True)
class Memory:
    """The guest's memory as a file. Shared: the file is the memory; else it is what the memory begins as."""

    file: Path
    shared: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """One microVM. `control`: an open stream socket that becomes its first virtio-serial port; `ports`: the next."""

    kernel: Path
    initramfs: Path
    control: int
    accelerator: Accelerator
    memory_mb: int = 256
    arguments: Sequence[str] = ()  # for the first program
    console: Path | None = None  # file for the kernel's messages; None: QEMU's standard output
    verbose: bool = False
    translation_cache_mb: int = 32  # TCG only
    memory: Memory | None = None  # None: anonymous
    monitor: int | None = None  # an open stream socket for QMP
    ports: Sequence[int] = ()
    network: bool = False  # QEMU's user-mode network: out to where this machine's user can go, nothing in
    large_image: bool = False  # it may take more than half of the memory, which a root on tmpfs does not let it
    incoming: bool = False  # wait for a saved machine's state, which the monitor names


def command_line(machine: Machine) -> list[str]:
    """The whole argv. Raises ValueError for what would be read as something else."""
    return [
        PROGRAM,
        *("-M", _MACHINE + (",memory-backend=ram" if machine.memory else "")),
        *_memory(machine),
        *("-accel", _accelerator(machine)),
        # The target that function libraries are compiled for is x86-64-v3, which the default model lacks.
        *("-cpu", "host" if machine.accelerator is Accelerator.KVM else "max"),
        *("-m", str(machine.memory_mb), "-smp", "1"),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *("-sandbox", _SANDBOX),
        *("-kernel", str(machine.kernel), "-initrd", str(machine.initramfs)),
        *("-append", kernel_command_line(machine)),
        *("-chardev", _console(machine.console), "-serial", "chardev:console"),
        *("-device", "virtio-serial-device"),
        *("-chardev", f"socket,id=control,fd={machine.control}"),
        *("-device", "virtserialport,chardev=control,name=argo"),
        *_more_ports(machine.ports),
        *(("-netdev", "user,id=net", "-device", "virtio-net-device,netdev=net") if machine.network else ()),
        *_saved_and_watched(machine),
    ]


def kernel_command_line(machine: Machine) -> str:
    """Boot quietly, reboot on panic (which ends QEMU), hand words that the kernel does not know to the first program.

    Not behind a `--`: QEMU appends the addresses of its devices at the end, where the kernel must find them.
    """
    words = ["console=ttyS0", "loglevel=7" if machine.verbose else "quiet", "panic=-1", "reboot=t", "no_timer_check"]
    if machine.accelerator is Accelerator.TCG:
        # An emulated processor's time stamps tick in nanoseconds; measuring that again costs half of the boot.
        words += ["nolapic_timer", "tsc_early_khz=1000000", f"lpj={1_000_000_000 // _TIMER_HZ}"]
    if machine.large_image:
        words.append("rootfstype=ramfs")
    for argument in machine.arguments:
        if not argument or any(character in argument for character in ' "\t\n,.='):
            raise ValueError(f"{argument!r} cannot stand on a kernel command line")
    return " ".join([*words, *machine.arguments])


def _memory(machine: Machine) -> list[str]:
    if machine.memory is None:
        return []
    share = "on" if machine.memory.shared else "off"
    path = _without_comma(machine.memory.file)
    backend = f"memory-backend-file,id=ram,size={machine.memory_mb}M,mem-path={path},share={share}"
    return ["-object", backend]


def _more_ports(ports: Sequence[int]) -> list[str]:
    words = []
    for number, descriptor in enumerate(ports, start=2):
        words += ["-chardev", f"socket,id=port{number},fd={descriptor}"]
        words += ["-device", f"virtserialport,chardev=port{number},nr={number},name=argo{number}"]
    return words


def _saved_and_watched(machine: Machine) -> list[str]:
    words = []
    if machine.monitor is not None:
        words += ["-chardev", f"socket,id=monitor,fd={machine.monitor}", "-mon", "chardev=monitor,mode=control"]
    if machine.incoming:
        words += ["-incoming", "defer"]
    return words


def _without_comma(path: Path) -> Path:
    if "," in str(path):
        raise ValueError(f"QEMU would cut {path} at its comma")
    return path


def _accelerator(machine: Machine) -> str:
    if machine.accelerator is Accelerator.KVM:
        return "kvm"
    return f"tcg,tb-size={machine.translation_cache_mb}"


def _console(path: Path | None) -> str:
    if path is None:
        return "stdio,id=console,signal=off"
    return f"file,id=console,path={_without_comma(path)}"
