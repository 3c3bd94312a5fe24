"""Folders that only the service's user may enter, and having what lies in them on the disk."""

from __future__ import annotations

import os
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make `folder` and those above it that are missing; mode 0700, which `mkdir(parents=True)` gives only the last."""
    for path in (*reversed(folder.parents), folder):
        if not path.is_dir():
            path.mkdir(mode=0o700, exist_ok=True)


def sync(path: Path) -> None:
    """Have a file or folder on the disk, not only in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
