"""The contract of `NamespaceStore`, over every adapter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argo_provider.errors import Conflict, NotFound
from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.entities import Collection, Trigger
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.limits import NamespaceLimits
from argo_provider.model.names import FullName, new_activation_id
from argo_provider.storage.port import ActivationQuery, Document

pytestmark = pytest.mark.contract


def record(namespace="guest", key_id="key-1", created=1):
    return NamespaceRecord(namespace, "subject", key_id, bytes(range(32)), created)


class TestNamespaceStore:
    async def test_is_found_by_name_and_by_key(self, stores):
        limits = NamespaceLimits(60, 30, 10, ("nodejs:20",), store_activations=False, memory_mb_max=512)
        kept = replace(record(), limits=limits)
        assert await stores.namespaces.by_key("key-1") is None
        assert await stores.namespaces.by_name("guest") is None
        await stores.namespaces.create(kept)
        assert await stores.namespaces.by_key("key-1") == kept
        assert await stores.namespaces.by_name("guest") == kept

    async def test_name_and_key_are_taken_once(self, stores):
        await stores.namespaces.create(record())
        with pytest.raises(Conflict):
            await stores.namespaces.create(record(key_id="key-2"))
        with pytest.raises(Conflict):
            await stores.namespaces.create(record("other"))
        assert await stores.namespaces.list() == [record()]

    async def test_lists_newest_first(self, stores):
        kept = [record("a", "1", 5), record("b", "2", 9), record("c", "3", 5)]
        for one in kept:
            await stores.namespaces.create(one)
        assert [r.namespace for r in await stores.namespaces.list()] == ["b", "a", "c"]

    async def test_replaced_key_works_and_the_old_one_does_not(self, stores):
        await stores.namespaces.create(record())
        assert await stores.namespaces.by_key("key-1") is not None
        assert await stores.namespaces.by_key("key-2") is None
        await stores.namespaces.replace_key("guest", "key-2", b"n" * 32)
        assert await stores.namespaces.by_key("key-1") is None
        assert (await stores.namespaces.by_key("key-2")).secret_sha256 == b"n" * 32
        assert (await stores.namespaces.by_name("guest")).key_id == "key-2"

    async def test_key_of_another_namespace_cannot_be_taken(self, stores):
        await stores.namespaces.create(record())
        await stores.namespaces.create(record("other", "key-2"))
        with pytest.raises(Conflict):
            await stores.namespaces.replace_key("guest", "key-2", b"n" * 32)
        assert (await stores.namespaces.by_key("key-2")).namespace == "other"
        assert (await stores.namespaces.by_name("guest")).key_id == "key-1"

    async def test_a_further_key_is_as_good_as_the_first(self, stores):
        limits = NamespaceLimits(invocations_per_minute=5)
        await stores.namespaces.create(replace(record(), limits=limits))
        assert await stores.namespaces.by_key("key-2") is None
        await stores.namespaces.add_key("guest", "key-2", b"n" * 32, 2)
        assert await stores.namespaces.by_key("key-1") == replace(record(), limits=limits)
        second = replace(record(), key_id="key-2", secret_sha256=b"n" * 32, limits=limits)
        assert await stores.namespaces.by_key("key-2") == second
        assert await stores.namespaces.keys("guest") == ["key-1", "key-2"]
        assert await stores.namespaces.list() == [replace(record(), limits=limits)]

    @pytest.mark.parametrize("revoked", ["key-1", "key-2", "key-3"])
    async def test_a_revoked_key_stops_and_the_others_work(self, stores, revoked):
        await stores.namespaces.create(record())
        for number in (2, 3):
            await stores.namespaces.add_key("guest", f"key-{number}", bytes([number]) * 32, number)
            assert await stores.namespaces.by_key(f"key-{number}") is not None
        await stores.namespaces.revoke_key("guest", revoked)
        left = [key for key in ("key-1", "key-2", "key-3") if key != revoked]
        assert await stores.namespaces.keys("guest") == left
        assert await stores.namespaces.by_key(revoked) is None
        secrets = {"key-1": bytes(range(32)), "key-2": b"\2" * 32, "key-3": b"\3" * 32}
        for key in left:
            assert (await stores.namespaces.by_key(key)).secret_sha256 == secrets[key]

    async def test_the_last_key_stays(self, stores):
        await stores.namespaces.create(record())
        with pytest.raises(Conflict, match="last key"):
            await stores.namespaces.revoke_key("guest", "key-1")
        assert await stores.namespaces.by_key("key-1") is not None

    async def test_a_key_belongs_to_one_namespace(self, stores):
        await stores.namespaces.create(record())
        await stores.namespaces.create(record("other", "key-2"))
        await stores.namespaces.add_key("other", "key-3", b"n" * 32, 2)
        for taken in ("key-1", "key-2", "key-3"):
            with pytest.raises(Conflict):
                await stores.namespaces.add_key("guest", taken, b"n" * 32, 2)
        for foreign in ("key-2", "key-3", "none"):
            with pytest.raises(NotFound):
                await stores.namespaces.revoke_key("guest", foreign)
        with pytest.raises(Conflict):
            await stores.namespaces.create(record("third", "key-3"))
        with pytest.raises(Conflict):
            await stores.namespaces.replace_key("guest", "key-3", b"n" * 32)

    async def test_a_replaced_key_takes_the_further_ones_with_it(self, stores):
        await stores.namespaces.create(record())
        await stores.namespaces.add_key("guest", "key-2", b"n" * 32, 2)
        await stores.namespaces.replace_key("guest", "key-3", b"m" * 32)
        assert await stores.namespaces.keys("guest") == ["key-3"]
        assert await stores.namespaces.by_key("key-2") is None

    async def test_a_deleted_namespace_takes_its_further_keys_with_it(self, stores):
        await stores.namespaces.create(record())
        await stores.namespaces.add_key("guest", "key-2", b"n" * 32, 2)
        await stores.namespaces.delete("guest")
        assert await stores.namespaces.by_key("key-2") is None
        await stores.namespaces.create(record(key_id="key-2"))

    async def test_limits_are_replaced(self, stores):
        await stores.namespaces.create(record())
        assert (await stores.namespaces.by_key("key-1")).limits == NamespaceLimits()
        await stores.namespaces.set_limits("guest", NamespaceLimits(invocations_per_minute=5))
        assert (await stores.namespaces.by_key("key-1")).limits == NamespaceLimits(invocations_per_minute=5)

    async def test_changes_of_what_is_not_there_are_not_found(self, stores):
        with pytest.raises(NotFound):
            await stores.namespaces.replace_key("none", "k", b"")
        with pytest.raises(NotFound):
            await stores.namespaces.add_key("none", "k", b"", 1)
        with pytest.raises(NotFound):
            await stores.namespaces.revoke_key("none", "k")
        with pytest.raises(NotFound):
            await stores.namespaces.keys("none")
        with pytest.raises(NotFound):
            await stores.namespaces.set_limits("none", NamespaceLimits())
        with pytest.raises(NotFound):
            await stores.namespaces.delete("none")

    async def test_deleted_takes_everything_of_it_and_nothing_else(self, stores):
        for namespace in ("guest", "other"):
            await fill(stores, namespace)
        await stores.namespaces.delete("guest")
        assert await holdings(stores, "guest") == (0, 0, 0, 0, False)
        assert await holdings(stores, "other") == (1, 2, 1, 1, True)
        await stores.namespaces.create(record("guest", "key-new"))
        assert await holdings(stores, "guest") == (0, 0, 0, 0, True)


async def fill(stores, namespace):
    await stores.namespaces.create(record(namespace, f"key-{namespace}"))
    await stores.entities.commit([Trigger(FullName(namespace, "t"))])
    await stores.entities.get(FullName(namespace, "t"))
    done = Activation(namespace, "t", "0.0.1", "s", new_activation_id(), 1, 0, Response(Status.SUCCESS), annotations={})
    await stores.activations.record(done)
    stores.activations.enqueue(replace(done, activation_id=new_activation_id()))
    await stores.activations.accept([JournalEntry(new_activation_id(), namespace, 1, b"")])
    await stores.documents.put(Document("bucket", namespace, "id", 1))


async def holdings(stores, namespace):
    """How many entities, activations, journal entries and documents it has, and whether it exists."""
    unfinished = [e for e in await stores.activations.unfinished() if e.namespace == namespace]
    entity = await stores.entities.get(FullName(namespace, "t"))
    assert (entity is not None) == bool(await stores.entities.count(Collection.TRIGGERS, namespace))
    return (
        await stores.entities.count(Collection.TRIGGERS, namespace),
        await stores.activations.count(ActivationQuery(namespace)),
        len(unfinished),
        len(await stores.documents.list("bucket", namespace)),
        await stores.namespaces.by_name(namespace) is not None,
    )
