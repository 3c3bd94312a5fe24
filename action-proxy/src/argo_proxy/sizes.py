"""What the kernel tells of memory in files of lines `name: so many kB`: /proc/meminfo, /proc/PID/status, …"""

from __future__ import annotations

from pathlib import Path


def sizes(path: Path) -> dict[str, int]:
    """By name, in bytes; lines that tell of something else are left out. Raises OSError."""
    found = {}
    for line in path.read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith("kB"):
            found[name] = int(rest.split()[0]) << 10
    return found
