"""Packs given files into an initramfs: a plain `newc` cpio, nothing compressed, nothing else in it."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_MAGIC = b"070701"
_TRAILER = "TRAILER!!!"
_ALIGNMENT = 4


@dataclass(frozen=True, slots=True)
class Node:
    """A character device."""

    major: int
    minor: int
    mode: int = 0o666


# What JDK programs and the host open; devtmpfs would bring all the rest with it.
DEVICES: Mapping[str, Node] = {
    "dev/console": Node(5, 1, 0o600),
    "dev/null": Node(1, 3),
    "dev/zero": Node(1, 5),
    "dev/random": Node(1, 8),
    "dev/urandom": Node(1, 9),
}
_NO_LINKS: Mapping[str, str] = {}
MOUNT_POINTS = ("proc", "dev", "tmp", "run")


def pack(
    files: Mapping[str, Path | bytes],
    *,
    executables: Iterable[str] = ("init",),
    devices: Mapping[str, Node] = DEVICES,
    folders: Iterable[str] = MOUNT_POINTS,
    links: Mapping[str, str] = _NO_LINKS,
) -> bytes:
    """The archive. `files` maps names inside ("lib/x.so") to files or bytes, `links` to the paths that they lead to.

    Shared objects and `executables` get mode 0755. Owned by root, without times: the same input gives the same bytes.
    """
    runnable = set(executables)
    archive = bytearray()
    inode = 1
    for name in _all_folders([*files, *links, *devices, *(f"{folder}/." for folder in folders)]):
        archive += _entry(inode, name, stat.S_IFDIR | 0o755, b"")
        inode += 1
    for name, source in sorted(files.items()):
        data = source if isinstance(source, bytes) else source.read_bytes()
        mode = 0o755 if name in runnable or ".so" in PurePosixPath(name).name else 0o644
        archive += _entry(inode, name, stat.S_IFREG | mode, data)
        inode += 1
    for name, target in sorted(links.items()):
        archive += _entry(inode, name, stat.S_IFLNK | 0o777, target.encode())
        inode += 1
    for name, node in sorted(devices.items()):
        archive += _entry(inode, name, stat.S_IFCHR | node.mode, b"", node)
        inode += 1
    archive += _entry(0, _TRAILER, 0, b"")
    return bytes(archive)


def _all_folders(names: Iterable[str]) -> list[str]:
    found: set[str] = set()
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{name} is no path inside an initramfs")
        parents = [path] if name.endswith("/.") else []
        found.update(str(parent) for parent in (*parents, *path.parents) if str(parent) not in ("", "."))
    return sorted(found)


def _entry(inode: int, name: str, mode: int, data: bytes, node: Node | None = None) -> bytes:
    encoded = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    device = (node.major, node.minor) if node else (0, 0)
    numbers = (inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(encoded), 0)
    header = _MAGIC + b"".join(b"%08x" % number for number in numbers)
    return _padded(header + encoded) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGNMENT)
