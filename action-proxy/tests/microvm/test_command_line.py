"""What QEMU is told, what the probe's answer means, what lies in the image. Pure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from argo_proxy.sandboxes.microvm.image import parse_ldd
from argo_proxy.sandboxes.microvm.probe import KvmReport, parse_report
from argo_proxy.sandboxes.microvm.qemu import Accelerator, Machine, Memory, command_line, kernel_command_line

pytestmark = pytest.mark.unit

MACHINE = Machine(
    Path("/k/vmlinux"), Path("/k/image.cpio"), 7, Accelerator.TCG, arguments=("--serial", "/dev/vport0p1")
)


def option(argv: list[str], name: str) -> list[str]:
    return [argv[at + 1] for at, word in enumerate(argv) if word == name]


def test_a_guest_gets_a_serial_port_and_no_other_device() -> None:
    argv = command_line(MACHINE)
    assert option(argv, "-device") == ["virtio-serial-device", "virtserialport,chardev=control,name=argo"]
    assert "socket,id=control,fd=7" in option(argv, "-chardev")
    assert {"-nodefaults", "-no-user-config", "-no-reboot"} <= set(argv)
    assert option(argv, "-sandbox")[0].startswith("on,")
    assert option(argv, "-m") == ["256"]


def test_further_ports_and_a_network_come_only_when_asked_for() -> None:
    argv = command_line(replace(MACHINE, ports=(8, 9), network=True))
    devices = option(argv, "-device")
    assert devices[2:] == [
        "virtserialport,chardev=port2,nr=2,name=argo2",
        "virtserialport,chardev=port3,nr=3,name=argo3",
        "virtio-net-device,netdev=net",
    ]
    assert {"socket,id=port2,fd=8", "socket,id=port3,fd=9"} <= set(option(argv, "-chardev"))
    assert option(argv, "-netdev") == ["user,id=net"]
    assert option(command_line(MACHINE), "-netdev") == []


def test_accelerators_are_told_apart() -> None:
    tcg, kvm = command_line(MACHINE), command_line(replace(MACHINE, accelerator=Accelerator.KVM))
    assert (option(tcg, "-accel"), option(tcg, "-cpu")) == (["tcg,tb-size=32"], ["max"])
    assert (option(kvm, "-accel"), option(kvm, "-cpu")) == (["kvm"], ["host"])
    assert "tsc_early_khz" in option(tcg, "-append")[0]
    assert "tsc_early_khz" not in option(kvm, "-append")[0]


def test_arguments_for_the_first_program_come_last() -> None:
    assert kernel_command_line(MACHINE).endswith(" --serial /dev/vport0p1")
    assert "quiet" in kernel_command_line(MACHINE)
    assert "loglevel=7" in kernel_command_line(replace(MACHINE, verbose=True))


@pytest.mark.parametrize("argument", ["", "a b", 'a"b', "a,b", "a\nb", "a=b", "a.b"])
def test_what_would_be_read_as_something_else_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match="kernel command line"):
        kernel_command_line(replace(MACHINE, arguments=(argument,)))


def test_a_console_file_with_a_comma_is_refused() -> None:
    with pytest.raises(ValueError, match="comma"):
        command_line(replace(MACHINE, console=Path("/a,b")))
    assert "file,id=console,path=/c" in command_line(replace(MACHINE, console=Path("/c")))


@pytest.mark.parametrize(
    ("output", "usable", "word"),
    [
        (b'{"opens":true,"executes":true,"sse":true,"ns_per_iteration":0.6,"error":""}', True, ""),
        (b'{"opens":true,"executes":false,"sse":false,"ns_per_iteration":1500,"error":""}', False, "1500 ns"),
        (b'{"opens":true,"executes":true,"sse":false,"ns_per_iteration":0.6,"error":""}', False, "SSE"),
        (b'{"opens":false,"executes":false,"sse":false,"ns_per_iteration":0,"error":"no file"}', False, "no file"),
        (b"", False, "nothing of use"),
        (b'{"opens":true}', False, "nothing of use"),
    ],
)
def test_kvm_is_usable_only_when_it_executes(output: bytes, usable: bool, word: str) -> None:
    report = parse_report(output)
    assert report.usable is usable
    assert word in report.reason
    assert isinstance(report, KvmReport)


def test_the_linker_and_all_libraries_are_found() -> None:
    output = """\tlinux-vdso.so.1 (0x00007ffd)
\tlibgcc_s.so.1 => /lib/x86_64-linux-gnu/libgcc_s.so.1 (0x00007f1)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f3)
"""
    assert parse_ldd(output) == {
        "libgcc_s.so.1": Path("/lib/x86_64-linux-gnu/libgcc_s.so.1"),
        "libc.so.6": Path("/lib/x86_64-linux-gnu/libc.so.6"),
        "ld-linux-x86-64.so.2": Path("/lib64/ld-linux-x86-64.so.2"),
    }


def test_a_saved_machine_is_started_from_its_files() -> None:
    saved = replace(MACHINE, memory=Memory(Path("/s/memory"), shared=False), incoming=True)
    argv = command_line(saved)
    assert option(argv, "-object") == ["memory-backend-file,id=ram,size=256M,mem-path=/s/memory,share=off"]
    assert option(argv, "-incoming") == ["defer"]
    assert option(argv, "-M")[0].endswith(",memory-backend=ram")
    assert option(command_line(replace(MACHINE, monitor=8)), "-mon") == ["chardev=monitor,mode=control"]


def test_a_large_image_is_not_held_to_half_of_the_memory() -> None:
    assert "rootfstype=ramfs" in kernel_command_line(replace(MACHINE, large_image=True)).split()
    assert "rootfstype" not in kernel_command_line(MACHINE)
