"""Small disks of memory, and filling them: for tests of what happens when one is full. Mounting needs root."""

from __future__ import annotations

import subprocess
from pathlib import Path


class DiskError(Exception):
    """It could not be mounted; the message is mount's own."""


def mount(folder: Path, options: str) -> None:
    """Put a file system of memory over `folder`, which is made if need be. Raises DiskError."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"mode=700,{options}", "argo-test", str(folder)]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode != 0:
        raise DiskError(f"cannot mount a tmpfs: {made.stderr.strip()}")


def unmount(folder: Path) -> None:
    """Also while a process of a server that is ending still has files open in it."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Take all the room that is left on a disk, with a file that is to be deleted afterwards."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65536)
        except OSError:
            return
