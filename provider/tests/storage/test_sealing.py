"""Secrets at rest: nothing readable on disk, keys that change, values from before, damage that is told."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_provider.errors import StorageError
from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.entities import Parameter, Trigger
from argo_provider.model.names import FullName
from argo_provider.storage.port import Document, Stores
from argo_provider.storage.sql import Seal, StoreOptions, open_stores

SECRET = "correct-horse-battery"
NAME = FullName("me", "t")


def key() -> bytes:
    return os.urandom(32)


@pytest.mark.unit
@settings(deadline=None)  # the machine may be loaded
@given(data=st.binary(max_size=2000))
def test_what_is_sealed_opens_and_never_twice_looks_the_same(data: bytes) -> None:
    seal = Seal([key()])
    assert seal.open(seal.close(data)) == data
    assert seal.close(data) != seal.close(data)


@pytest.mark.unit
@given(at=st.integers(min_value=0, max_value=60))
def test_a_changed_byte_is_found(at: int) -> None:
    seal = Seal([key()])
    sealed = bytearray(seal.close(b"x" * 40))
    place = len(sealed) - 1 - at % (len(sealed) - 13)
    sealed[place] ^= 1
    with pytest.raises(StorageError):
        seal.open(bytes(sealed))


@pytest.mark.unit
def test_keys_are_read_from_text_and_bad_ones_refused() -> None:
    text = base64.b64encode(key()).decode()
    assert Seal.parse(f"{text}\n {text} ").open(Seal.parse(text).close(b"a")) == b"a"
    with pytest.raises(ValueError, match="key 2 is not 32 bytes"):
        Seal.parse(f"{text} c2hvcnQ=")


async def fill(stores: Stores) -> None:
    await stores.entities.commit([Trigger(NAME, parameters={"password": Parameter(SECRET)})])
    await stores.documents.put(Document("schedules", "me", "one", {"authKey": SECRET}))
    await stores.activations.accept([JournalEntry("a" * 32, "me", 1, SECRET.encode())])
    await stores.activations.record(
        Activation("me", "f", "0.0.1", "me", "b" * 32, 1, 2, response=Response(Status.SUCCESS, {"got": SECRET}))
    )


async def hold(stores: Stores) -> None:
    found = await stores.entities.get(NAME)
    assert isinstance(found, Trigger)
    assert found.parameters["password"].value == SECRET
    assert await stores.documents.get("schedules", "me", "one") == Document(
        "schedules", "me", "one", {"authKey": SECRET}
    )
    assert [entry.payload for entry in await stores.activations.unfinished()] == [SECRET.encode()]
    record = await stores.activations.get("me", "b" * 32)
    assert record is not None
    assert record.response.result == {"got": SECRET}


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("argo.db*"))


@pytest.mark.integration
async def test_nothing_secret_is_readable_on_disk(tmp_path: Path) -> None:
    options = StoreOptions(seal=Seal([key()]))
    async with open_stores(tmp_path / "argo.db", tmp_path / "blobs", options) as stores:
        await fill(stores)
        await hold(stores)
        assert SECRET.encode() not in on_disk(tmp_path)
    async with open_stores(tmp_path / "argo.db", tmp_path / "blobs", options) as stores:
        await hold(stores)
    assert SECRET.encode() not in on_disk(tmp_path)


@pytest.mark.integration
async def test_keys_may_come_later_and_change(tmp_path: Path) -> None:
    old, new = key(), key()
    async with open_stores(tmp_path / "argo.db", tmp_path / "blobs") as stores:
        await fill(stores)
    for keys in ([old], [new, old], [new, old]):
        async with open_stores(tmp_path / "argo.db", tmp_path / "blobs", StoreOptions(seal=Seal(keys))) as stores:
            await hold(stores)
            (trigger,) = await stores.entities.commit([await stores.entities.get(NAME) or Trigger(NAME)])
            assert trigger.revision > 0
    async with open_stores(tmp_path / "argo.db", tmp_path / "blobs", StoreOptions(seal=Seal([old]))) as stores:
        with pytest.raises(StorageError, match="ARGO_SECRETS_STORAGE_KEYS"):
            await stores.entities.get(NAME)
