"""An initramfs holds what it is given, and is read by cpio as such."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from argo_proxy.builder.initramfs import Node, pack

pytestmark = pytest.mark.unit


def test_it_holds_the_files_the_folders_and_the_devices_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "host").write_bytes(b"\x7fELF host")
    data = pack(
        {"init": tmp_path / "host", "lib/x86_64/libc.so.6": b"library", "etc/a": b""}, devices={"dev/null": Node(1, 3)}
    )
    entries = {name: stat.filemode(mode) for name, mode, _ in unpacked(data)}
    assert entries == {
        "dev": "drwxr-xr-x",
        "etc": "drwxr-xr-x",
        "lib": "drwxr-xr-x",
        "lib/x86_64": "drwxr-xr-x",
        "proc": "drwxr-xr-x",
        "run": "drwxr-xr-x",
        "tmp": "drwxr-xr-x",
        "init": "-rwxr-xr-x",
        "lib/x86_64/libc.so.6": "-rwxr-xr-x",
        "etc/a": "-rw-r--r--",
        "dev/null": "crw-rw-rw-",
    }
    contents = {name: content for name, _, content in unpacked(data)}
    assert contents["init"] == b"\x7fELF host"


def unpacked(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """(name, mode, content) of a `newc` archive, as the kernel reads it."""
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        numbers = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        name_end = at + 110 + numbers[11]
        name = data[at + 110 : name_end - 1].decode()
        start = -(-name_end // 4) * 4
        if name == "TRAILER!!!":
            return
        yield name, numbers[1], data[start : start + numbers[6]]
        at = -(-(start + numbers[6]) // 4) * 4


def test_the_same_input_gives_the_same_bytes() -> None:
    assert pack({"b": b"2", "a": b"1"}) == pack({"a": b"1", "b": b"2"})
    assert len(pack({})) % 4 == 0


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no path inside"):
        pack({name: b""})
