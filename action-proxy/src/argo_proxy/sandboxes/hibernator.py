"""The `Hibernator` of this machine, over its swap, and a swap file of a service's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from argo_proxy.sandboxes import paging
from argo_proxy.sandboxes.paging import PutOut
from argo_proxy.sandboxes.port import Residence

_COMMAND_SECONDS = 60.0
_READERS = 8  # that wait for the disk
_MOST_KNOWN = 10_000  # processes; most have ended long since
_SWAPS = Path("/proc/swaps")


class SwapHibernator:
    """Made where `why_no_hibernation` says nothing."""

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(_READERS, "swap-in")
        self._called_back: set[int] = set()  # processes; one that has the number of another is one among many

    async def put_out(self, residence: Residence) -> object:
        with paging.may_swap(residence.group):
            return await asyncio.to_thread(paging.put_out, residence.processes, self._called_back)

    async def let_go(self, residence: Residence) -> None:
        with paging.may_swap(residence.group):
            await asyncio.to_thread(paging.let_go, residence.group)

    def call_back(self, put_out: object) -> None:
        out = cast("Sequence[PutOut]", put_out)
        asyncio.get_running_loop().run_in_executor(None, paging.call_back, out, self._readers)
        if len(self._called_back) > _MOST_KNOWN:
            self._called_back.clear()
        self._called_back.update(each.pid for each in out)


def has_swap() -> bool:
    """Whether this machine has any."""
    return paging.swap_bytes()[0] > 0


def why_no_hibernation() -> str:
    """What is in the way of it on this machine; "" where it works."""
    if not has_swap():
        return "this machine has no swap"
    return paging.why_no_paging()


class SwapError(Exception):
    """The file cannot be made, or not be swapped to; the message says why."""


@asynccontextmanager
async def swap_file(path: Path, size_mb: int) -> AsyncIterator[None]:
    """Swap of our own while the block runs, for root alone. Raises SwapError."""
    if not await asyncio.to_thread(_is_on, path):  # else a service that was killed has left it as it should be
        try:
            await asyncio.to_thread(_allocate, path, size_mb << 20)
            await _run("mkswap", str(path))
            await _run("swapon", str(path))
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
    try:
        yield
    finally:
        with contextlib.suppress(SwapError):  # the next start finds it
            await _run("swapoff", str(path))
            await asyncio.to_thread(path.unlink, missing_ok=True)


def _is_on(path: Path) -> bool:
    return any(line.split()[0] == str(path) for line in _SWAPS.read_text().splitlines())


def _allocate(path: Path, size: int) -> None:
    """A swap file has no holes. Raises SwapError."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SwapError(f"{error.strerror}: {path}") from error


async def _run(*words: str) -> None:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C"}
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(_COMMAND_SECONDS):
            _, said = await process.communicate()
    except (OSError, TimeoutError) as error:
        raise SwapError(f"{words[0]}: {error}") from error
    if process.returncode:
        raise SwapError(said.decode(errors="replace").strip() or f"{words[0]} failed")
