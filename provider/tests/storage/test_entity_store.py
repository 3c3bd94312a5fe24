"""The contract of `EntityStore`, over every adapter."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from argo_provider.errors import Conflict, StorageError
from argo_provider.model.entities import (
    Action,
    Collection,
    Exec,
    Package,
    Parameter,
    Rule,
    RuleLink,
    Trigger,
)
from argo_provider.model.limits import ActionLimits
from argo_provider.model.names import FullName
from argo_provider.storage.port import Page

pytestmark = pytest.mark.contract


def action(name="hello", namespace="guest", package=None, **fields):
    return Action(FullName(namespace, name, package), Exec("nodejs:20", "sha256:" + "0" * 64, 12), **fields)


EVERYTHING = [
    Action(
        FullName("guest", "full", "tools"),
        Exec("python:3.11", "sha256:" + "a" * 64, 99, binary=True, main="go", components=()),
        version="1.2.3",
        publish=True,
        updated=1_700_000_000_000,
        parameters={"a": Parameter({"deep": [1, None, "é\u0000\U0001f600"]}), "b": Parameter("x", init=True)},
        annotations={"web-export": True, "big": 2**70, "float": 1.5},
        limits=ActionLimits(1000, 512, 1, 5, 2),
    ),
    Action(FullName("guest", "seq"), Exec("sequence", components=(FullName("guest", "a"), FullName("o", "b", "p")))),
    Package(FullName("guest", "bound"), binding=FullName("whisk.system", "utils"), annotations={"x": {}}),
    Trigger(FullName("guest", "tick"), rules={"guest/r": RuleLink(FullName("guest", "a"), active=True)}),
    Rule(FullName("guest", "r"), FullName("guest", "tick"), FullName("guest", "a")),
]


class TestEntityStore:
    @pytest.mark.parametrize("entity", EVERYTHING, ids=lambda e: e.name.name)
    async def test_gives_back_what_was_put(self, stores, entity):
        (stored,) = await stores.entities.commit([entity])
        assert stored.revision > 0
        assert replace(stored, revision=0) == entity
        assert await stores.entities.get(entity.name) == stored

    async def test_knows_that_a_name_is_free(self, stores):
        assert await stores.entities.get(FullName("guest", "none")) is None
        assert await stores.entities.get(FullName("guest", "none")) is None

    async def test_finds_what_was_created_after_it_was_missed(self, stores):
        assert await stores.entities.get(FullName("guest", "hello")) is None
        (stored,) = await stores.entities.commit([action()])
        assert await stores.entities.get(FullName("guest", "hello")) == stored

    async def test_same_name_in_package_and_outside_are_two(self, stores):
        await stores.entities.commit([action(), action(package="tools")])
        assert (await stores.entities.get(FullName("guest", "hello"))).name.package is None
        assert (await stores.entities.get(FullName("guest", "hello", "tools"))).name.package == "tools"

    async def test_update_needs_the_last_revision(self, stores):
        (first,) = await stores.entities.commit([action()])
        (second,) = await stores.entities.commit([replace(first, version="0.0.2")])
        with pytest.raises(Conflict):
            await stores.entities.commit([replace(first, version="0.0.3")])
        assert await stores.entities.get(first.name) == second
        assert second.version == "0.0.2"

    async def test_create_of_an_existing_name_is_a_conflict_even_in_another_collection(self, stores):
        await stores.entities.commit([action()])
        with pytest.raises(Conflict):
            await stores.entities.commit([Trigger(FullName("guest", "hello"))])
        with pytest.raises(Conflict):
            await stores.entities.commit([action()])

    async def test_update_or_delete_of_what_is_not_there_is_a_conflict(self, stores):
        with pytest.raises(Conflict):
            await stores.entities.commit([action(revision=7)])
        with pytest.raises(Conflict):
            await stores.entities.commit(deletes=[action(revision=7)])

    async def test_all_or_nothing(self, stores):
        (kept,) = await stores.entities.commit([action("kept")])
        with pytest.raises(Conflict):
            await stores.entities.commit([action("new"), replace(kept, revision=kept.revision + 5)], [kept])
        assert await stores.entities.get(FullName("guest", "new")) is None
        assert await stores.entities.get(kept.name) == kept

    async def test_deleted_is_gone_and_its_revision_never_comes_back(self, stores):
        (first,) = await stores.entities.commit([action()])
        await stores.entities.commit(deletes=[first])
        assert await stores.entities.get(first.name) is None
        (again,) = await stores.entities.commit([action()])
        assert again.revision != first.revision
        with pytest.raises(Conflict):
            await stores.entities.commit([replace(first, version="9.9.9")])

    async def test_deletes_come_first_so_a_name_can_change_collection(self, stores):
        (old,) = await stores.entities.commit([action()])
        (new,) = await stores.entities.commit([Trigger(FullName("guest", "hello"))], [old])
        assert await stores.entities.get(old.name) == new

    async def test_revisions_come_in_the_order_of_the_puts(self, stores):
        stored = await stores.entities.commit([action(n) for n in "abc"])
        assert [e.name.name for e in stored] == ["a", "b", "c"]
        assert len({e.revision for e in stored}) == 3

    async def test_of_concurrent_updates_one_wins(self, stores):
        (first,) = await stores.entities.commit([action()])
        updates = [stores.entities.commit([replace(first, version=f"0.0.{n}")]) for n in range(2, 22)]
        outcomes = await asyncio.gather(*updates, return_exceptions=True)
        winners = [o[0] for o in outcomes if not isinstance(o, BaseException)]
        assert len(winners) == 1
        assert sum(isinstance(o, Conflict) for o in outcomes) == 19
        assert await stores.entities.get(first.name) == winners[0]

    async def test_lists_newest_first_in_pages(self, stores):
        await stores.entities.commit([action(f"a{n}", updated=n % 5) for n in range(20)])
        everything = await stores.entities.list(Collection.ACTIONS, "guest", Page(0, 200))
        keys = [(e.updated, e.revision) for e in everything]
        assert keys == sorted(keys, reverse=True)
        assert len(keys) == 20
        pages = [await stores.entities.list(Collection.ACTIONS, "guest", Page(skip, 7)) for skip in (0, 7, 14, 21)]
        assert [e for page in pages for e in page] == everything

    async def test_lists_by_collection_namespace_and_package(self, stores):
        await stores.entities.commit(
            [
                action("a"),
                action("b", package="p"),
                action("c", package="q"),
                action("d", namespace="other"),
                Trigger(FullName("guest", "t")),
            ]
        )

        async def names(**given):
            found = await stores.entities.list(Collection.ACTIONS, "guest", Page(), **given)
            assert len(found) == await stores.entities.count(Collection.ACTIONS, "guest", **given)
            return sorted(e.name.name for e in found)

        assert await names() == ["a", "b", "c"]
        assert await names(package="p") == ["b"]
        assert await names(package="none") == []
        assert await stores.entities.count(Collection.TRIGGERS, "guest") == 1
        assert await stores.entities.count(Collection.RULES, "guest") == 0

    async def test_published_lists_leave_out_private_ones_and_bindings(self, stores):
        await stores.entities.commit(
            [
                Package(FullName("guest", "shared"), publish=True),
                Package(FullName("guest", "private")),
                Package(FullName("guest", "bound"), binding=FullName("o", "p"), publish=True),
            ]
        )
        found = await stores.entities.list(Collection.PACKAGES, "guest", Page(), published=True)
        assert [e.name.name for e in found] == ["shared"]
        assert await stores.entities.count(Collection.PACKAGES, "guest", published=True) == 1
        assert await stores.entities.count(Collection.PACKAGES, "guest") == 3


class TestSqlEntityStore:
    """What only a store with a cache and a disk can get wrong."""

    @pytest.fixture
    def stores(self, sqlite_stores):
        return sqlite_stores

    async def test_caller_cannot_change_what_is_stored(self, stores):
        parameters = {"list": Parameter([1])}
        await stores.entities.commit([action(parameters=parameters)])
        parameters["list"].value.append(2)
        found = await stores.entities.get(FullName("guest", "hello"))
        assert found.parameters["list"].value == [1]

    async def test_cancelled_caller_leaves_the_cache_right(self, stores):
        (first,) = await stores.entities.commit([action()])
        update = asyncio.ensure_future(stores.entities.commit([replace(first, version="0.0.2")]))
        await asyncio.sleep(0)  # submitted, not committed
        update.cancel()
        with pytest.raises(asyncio.CancelledError):
            await update
        await stores.activations.flush()
        assert (await stores.entities.get(first.name)).version == "0.0.2"

    async def test_read_that_a_write_overtakes_is_not_cached(self, reopen):
        async with reopen() as stores:
            (first,) = await stores.entities.commit([action()])
        async with reopen() as stores:  # nothing cached
            reading = asyncio.ensure_future(stores.entities.get(first.name))
            await asyncio.sleep(0)
            (second,) = await stores.entities.commit([replace(first, version="0.0.2")])
            assert (await reading) in [first, second]
            assert await stores.entities.get(first.name) == second

    async def test_what_cannot_be_json_is_refused_and_others_are_not_harmed(self, stores):
        bad = stores.entities.commit([action("bad", annotations={"half": "\ud800"})])
        good = stores.entities.commit([action("good")])
        refused, stored = await asyncio.gather(bad, good, return_exceptions=True)
        assert isinstance(refused, StorageError)
        assert stored[0].name.name == "good"

    async def test_everything_survives_reopening(self, reopen):
        async with reopen() as stores:
            stored = await stores.entities.commit(EVERYTHING)
        async with reopen() as stores:
            assert [await stores.entities.get(e.name) for e in EVERYTHING] == stored
