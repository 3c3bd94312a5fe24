"""Parts of the cache are whole or not there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from argo_proxy.builder.cache import Cache, content_hash

pytestmark = pytest.mark.unit


def test_a_hash_tells_contents_and_names_apart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_text("1")
    first = content_hash([tmp_path / "a", "text"])
    assert first == content_hash([tmp_path / "a", b"text"])
    assert first != content_hash([tmp_path / "a", "tex", "t"])
    (tmp_path / "a/x").rename(tmp_path / "a/y")
    assert first != content_hash([tmp_path / "a", "text"])


async def test_a_part_is_made_once_for_all_who_want_it(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    made: list[Path] = []

    async def make(folder: Path) -> None:
        made.append(folder)
        await asyncio.sleep(0)
        (folder / "file").write_text("done")

    folders = await asyncio.gather(*(cache.obtain("part", "key", make) for _ in range(4)))
    assert set(folders) == {tmp_path / "part-key"}
    assert len(made) == 1
    assert cache.find("part", "key") == tmp_path / "part-key"


async def test_a_failed_maker_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    async def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        await cache.obtain("part", "key", fail)
    assert cache.find("part", "key") is None
    assert os.listdir(tmp_path) == ["part-key.lock"]  # noqa: PTH208 -- a listing in a test blocks nobody


async def test_a_resumable_maker_finds_what_it_left(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    async def once_more(folder: Path) -> None:
        if not (folder / "first").exists():
            (folder / "first").touch()
            raise RuntimeError("cut off")
        (folder / "second").touch()

    with pytest.raises(RuntimeError):
        await cache.obtain("part", "key", once_more, resumable=True)
    folder = await cache.obtain("part", "key", once_more, resumable=True)
    assert sorted(path.name for path in folder.iterdir()) == ["first", "second"]


async def test_what_a_killed_maker_left_is_swept_and_what_is_being_made_is_not(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    (tmp_path / "part-killed.partial").mkdir()
    (tmp_path / "part-half.unfinished").mkdir()
    async with cache.locked("part-busy"):
        (tmp_path / "part-busy.partial").mkdir()
        await cache.sweep()
    left = {path.name for path in tmp_path.iterdir() if path.is_dir()}  # noqa: ASYNC240 -- a listing in a test
    assert left == {"part-busy.partial", "part-half.unfinished"}
