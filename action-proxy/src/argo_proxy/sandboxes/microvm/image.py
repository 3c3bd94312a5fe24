"""What lies in a NIUk's initramfs: the host, the libraries that it and functions are linked with, and nothing else."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

_SECONDS = 10.0
# Function libraries are linked with these, which the host itself may not need.
_FOR_FUNCTIONS = ("libz.so.1", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1")
_LINE = re.compile(r"(?:(\S+) => )?(/\S+) \(0x[0-9a-f]+\)")


NAME_SERVER = {"etc/resolv.conf": b"nameserver 10.0.2.3\n"}  # QEMU's user-mode network answers there


class ImageError(Exception):
    """The files of an image could not be found."""


async def niuk_files(host: Path) -> Mapping[str, Path]:
    """Names inside the initramfs and the files of this machine that they stand for; the host is `init`.

    Raises ImageError.
    """
    linked = await _linked(host)
    folders = {path.parent for path in linked.values()}
    extra = {name: folder / name for name in _FOR_FUNCTIONS for folder in folders if (folder / name).exists()}
    found = extra | linked
    return {"init": host} | {str(path).lstrip("/"): path for path in found.values()}


async def _linked(program: Path) -> dict[str, Path]:
    try:
        process = await asyncio.create_subprocess_exec(
            "ldd", str(program), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(_SECONDS):
            output, _ = await process.communicate()
    except (OSError, TimeoutError) as error:
        raise ImageError(f"cannot tell what {program} is linked with: {error}") from error
    if process.returncode != 0:
        raise ImageError(f"{program}: {output.decode(errors='replace').strip()}")
    return parse_ldd(output.decode())


def parse_ldd(output: str) -> dict[str, Path]:
    """File names and paths of `ldd`'s output, the dynamic linker included.

    What a program finds beside itself (`$ORIGIN/../lib`) has its plain path.
    """
    paths = [Path(os.path.normpath(match.group(2))) for match in map(_LINE.search, output.splitlines()) if match]
    return {path.name: path for path in paths}
