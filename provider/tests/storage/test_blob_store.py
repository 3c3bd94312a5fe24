"""The contract of `BlobStore`, over every adapter, and what a folder of files must withstand."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_provider.errors import NotFound, StorageError
from argo_provider.storage.files import FileBlobStore
from argo_provider.storage.files import blobs as files

pytestmark = pytest.mark.contract


def digest_of(data):
    return f"sha256:{sha256(data).hexdigest()}"


class TestBlobStore:
    @pytest.mark.parametrize("data", [b"", b"code", bytes(range(256)) * 40_000], ids=["empty", "small", "10 MB"])
    async def test_gives_back_what_was_put(self, stores, data):
        digest = await stores.blobs.put(data)
        assert digest == digest_of(data)
        assert await stores.blobs.get(digest) == data

    async def test_same_bytes_are_one_blob(self, stores):
        assert len({*await asyncio.gather(*(stores.blobs.put(b"same") for _ in range(8)))}) == 1
        assert [d async for d in stores.blobs.digests()] == [digest_of(b"same")]

    async def test_lists_all(self, stores):
        put = {await stores.blobs.put(b"%d" % n) for n in range(50)}
        assert {d async for d in stores.blobs.digests()} == put

    async def test_collectors_can_leave_out_the_young(self, stores):
        await stores.blobs.put(b"young")
        assert [d async for d in stores.blobs.digests(older_than=3600)] == []
        assert [d async for d in stores.blobs.digests(older_than=0)] == [digest_of(b"young")]

    async def test_deleted_is_not_found(self, stores):
        digest = await stores.blobs.put(b"gone")
        await stores.blobs.delete(digest)
        await stores.blobs.delete(digest)
        with pytest.raises(NotFound):
            await stores.blobs.get(digest)
        assert [d async for d in stores.blobs.digests()] == []

    @pytest.mark.parametrize("digest", ["", "sha256:", "sha256:../../etc/passwd", "sha256:" + "A" * 64, "md5:0"])
    async def test_what_is_no_digest_is_not_found(self, stores, digest):
        with pytest.raises(NotFound):
            await stores.blobs.get(digest)


@pytest.fixture
async def blobs(tmp_path):
    store = await FileBlobStore.open(tmp_path / "blobs", cache_bytes=0)  # every read is from the disk
    yield store
    store.close()


def file_of(folder: Path, digest: str) -> Path:
    digits = digest.removeprefix("sha256:")
    return folder / "blobs" / digits[:2] / digits[2:]


class TestFileBlobStore:
    async def test_put_again_makes_young_again(self, blobs, tmp_path):
        digest = await blobs.put(b"code")
        os.utime(file_of(tmp_path, digest), (0, 0))
        assert [d async for d in blobs.digests(older_than=3600)] == [digest]
        await blobs.put(b"code")
        assert [d async for d in blobs.digests(older_than=3600)] == []

    async def test_damage_is_noticed_and_healed_by_the_next_put(self, blobs, tmp_path):
        digest = await blobs.put(b"code")
        file_of(tmp_path, digest).write_bytes(b"cod?")
        with pytest.raises(StorageError, match="damaged"):
            await blobs.get(digest)
        await blobs.put(b"code")
        assert await blobs.get(digest) == b"code"

    async def test_cut_off_writes_are_never_seen_and_removed_at_the_next_start(self, blobs, tmp_path):
        old, young = (tmp_path / "blobs" / "incoming" / name for name in ("old", "young"))
        old.write_bytes(b"half")
        young.write_bytes(b"half")  # perhaps another process is at it
        os.utime(old, (0, 0))
        assert [d async for d in blobs.digests()] == []
        again = await FileBlobStore.open(tmp_path / "blobs")
        again.close()
        assert not old.exists()
        assert young.exists()

    async def test_failed_write_leaves_nothing(self, blobs, tmp_path, monkeypatch):
        def full(_descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(files.os, "fsync", full)
        with pytest.raises(StorageError, match="full"):
            await blobs.put(b"code")
        monkeypatch.undo()
        assert [*(tmp_path / "blobs" / "incoming").iterdir()] == []
        with pytest.raises(NotFound):
            await blobs.get(digest_of(b"code"))
        assert await blobs.get(await blobs.put(b"code")) == b"code"

    async def test_hot_blobs_stay_within_their_memory(self, tmp_path):
        store = await FileBlobStore.open(tmp_path / "blobs", cache_bytes=1000)
        digests = [await store.put(bytes([n]) * 300) for n in range(10)]
        assert store.cached_bytes <= 1000
        assert [len(await store.get(d)) for d in digests] == [300] * 10
        assert store.cached_bytes <= 1000
        file_of(tmp_path, digests[-1]).unlink()
        assert len(await store.get(digests[-1])) == 300  # hot
        store.close()

    @settings(max_examples=30, deadline=None)
    @given(data=st.binary(max_size=2000))
    def test_any_bytes_round_trip(self, tmp_path_factory, data):
        async def round_trip():
            store = await FileBlobStore.open(tmp_path_factory.getbasetemp() / "any", cache_bytes=0)
            digest = await store.put(data)
            found = await store.get(digest)
            store.close()
            return digest, found

        assert asyncio.run(round_trip()) == (digest_of(data), data)
