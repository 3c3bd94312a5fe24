"""Copies of a saved NIUk: alive together, each with randomness of its own, the snapshot unchanged."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from pathlib import Path

import pytest

from argo_proxy.sandboxes.microvm.qemu import Accelerator
from argo_proxy.sandboxes.microvm.snapshot import RestoringLauncher, SnapshotError, take_snapshot
from argo_proxy.sandboxes.niuk import frames
from argo_proxy.sandboxes.niuk.process import Library, NativeFunction, NiukProcess

pytestmark = pytest.mark.integration


async def copy_of(launcher: RestoringLauncher, namespace: str) -> NiukProcess:
    return await NiukProcess.start(
        launcher, namespace, on_gone=lambda *_: None, on_end=lambda *_: None, on_notice=lambda *_: None
    )


async def test_copies_live_side_by_side(kernel: Path, initramfs: Path, fake_library: Path, tmp_path: Path) -> None:
    snapshot = await take_snapshot(kernel, initramfs, tmp_path, Accelerator.TCG, memory_mb=64)
    before = await asyncio.to_thread(_digest, snapshot.memory)
    launcher = RestoringLauncher(snapshot, start_seconds=60.0)
    copies = await asyncio.gather(*(copy_of(launcher, f"ns{number}") for number in range(3)))
    try:
        library = await asyncio.to_thread(_library, fake_library)
        ids = set()
        for copy in copies:
            for name in ("f", "g"):
                await copy.define(NativeFunction(name, library, address=f"/{copy.namespace}/{name}"))
            inner = {"do": "invoke", "name": "g", "params": {}}
            done = await copy.invoke(frames.Run("f", json.dumps(inner, separators=(",", ":")).encode(), 30_000, 30_000))
            (record,) = done.records
            ids.add(record.activation_id)
            assert abs((await copy.ping()).unix_ns - time.time_ns()) < 60e9
        assert len(ids) == 3
        assert await asyncio.to_thread(_digest, snapshot.memory) == before
    finally:
        await asyncio.gather(*(copy.stop() for copy in copies))


async def test_a_machine_that_does_not_boot_is_an_error_in_words(kernel: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.cpio"
    await asyncio.to_thread(empty.write_bytes, b"")
    with pytest.raises(SnapshotError):
        await take_snapshot(kernel, empty, tmp_path, Accelerator.TCG, memory_mb=64)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _library(path: Path) -> Library:
    return Library(path, hashlib.sha256(path.read_bytes()).digest())
