"""Folders that only the service's user may enter."""

from __future__ import annotations

from pathlib import Path


def make_private(folder: Path) -> None:
    """Make `folder` and those above it that are missing; mode 0700, which `mkdir(parents=True)` gives only the last."""
    for path in (*reversed(folder.parents), folder):
        if not path.is_dir():
            path.mkdir(mode=0o700, exist_ok=True)
