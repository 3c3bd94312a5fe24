"""What another machine has built is not built again."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from argo_proxy.builder.cache import Cache
from argo_proxy.builder.port import NativeImageBuilder
from argo_proxy.builder.progress import Progress
from argo_proxy.builder.workshop import Workshop

pytestmark = pytest.mark.unit


class Shelf:
    """An `Exchange` in memory."""

    def __init__(self) -> None:
        self.offered: dict[str, bytes] = {}

    async def fetch(self, name: str, folder: Path) -> bool:
        if name in self.offered:
            (folder / "function.so").write_bytes(self.offered[name])
        return name in self.offered

    async def offer(self, name: str, folder: Path) -> None:
        self.offered[name] = (folder / "function.so").read_bytes()


class Maker:
    def __init__(self) -> None:
        self.made = 0

    async def __call__(self, folder: Path, log: Path, progress: Progress) -> None:
        self.made += 1
        (folder / "function.so").write_bytes(b"library")


def workshop(folder: Path, shelf: Shelf | None, steps: list[str]) -> Workshop:
    builder = cast("NativeImageBuilder", None)  # it is never asked
    return Workshop(builder, Cache(folder), report=cast("Any", steps.append), exchange=shelf)


async def test_the_first_machine_builds_and_offers_the_second_fetches(tmp_path: Path) -> None:
    shelf, make, steps = Shelf(), Maker(), list[str]()
    for machine in ("one", "two", "two"):
        made = await workshop(tmp_path / machine, shelf, steps).build("java-function", "k1", make)
        assert (made / "function.so").read_bytes() == b"library"
    assert make.made == 1
    assert list(shelf.offered) == ["java-function-k1"]
    assert sum("fetched from another machine" in step for step in steps) == 1


async def test_another_key_and_a_machine_alone_build(tmp_path: Path) -> None:
    shelf, make = Shelf(), Maker()
    await workshop(tmp_path / "one", shelf, []).build("java-function", "k1", make)
    await workshop(tmp_path / "two", shelf, []).build("java-function", "k2", make)
    await workshop(tmp_path / "three", None, []).build("java-function", "k1", make)
    assert make.made == 3
