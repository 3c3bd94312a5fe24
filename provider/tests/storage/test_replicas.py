"""Several replicas over one PostgreSQL: whose work is whose, what they cache, and records in parts of a day."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.util import await_only

from argo_provider.errors import StorageError, StoreUnavailable
from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.entities import Action, Exec
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.names import FullName, new_activation_id
from argo_provider.storage.port import ActivationQuery, Page
from argo_provider.storage.sql import gathered, open_stores, schema
from argo_provider.storage.sql.activations import Promises, RecordRow
from argo_provider.storage.sql.opening import open_database
from argo_provider.storage.sql.partitions import DAY_MS

pytestmark = pytest.mark.integration

LONG = 3600.0


def entry():
    return JournalEntry(new_activation_id(), "guest", 1000, b"payload")


def activation(activation_id, start):
    return Activation("guest", "hello", "0.0.1", "guest", activation_id, start, start, Response(Status.SUCCESS, {}), 0)


async def until(condition):
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.01)


class TestOwners:
    async def test_work_of_a_living_replica_is_left_to_it(self, replica):
        async with replica("a") as a, replica("b") as b:
            await a.leases.hold("a", "a", LONG)
            await a.activations.accept([entry()])
            assert await b.activations.adopt() == []

    async def test_work_of_one_whose_lease_ended_goes_to_one_other(self, replica):
        entries = [entry() for _ in range(5)]
        async with replica("a") as a:
            await a.leases.hold("a", "a", LONG)
            await a.activations.accept(entries)
            await a.activations.claim(entries[0].activation_id)
            await a.leases.release("a", "a")
        async with replica("b") as b, replica("c") as c:
            for one, name in ((b, "b"), (c, "c")):
                await one.leases.hold(name, name, LONG)
            got = await asyncio.gather(b.activations.adopt(), c.activations.adopt())
            expected = [replace(entries[0], claimed=True), *entries[1:]]
            assert sorted(got, key=len) == [[], expected]
            assert await b.activations.adopt() == []

    async def test_the_adopted_is_claimed_once_even_if_its_first_owner_comes_back(self, replica):
        one = entry()
        async with replica("a") as a, replica("b") as b:
            await a.activations.accept([one])
            await b.leases.hold("b", "b", LONG)
            assert await b.activations.adopt() == [one]
            claims = await asyncio.gather(*(s.activations.claim(one.activation_id) for s in (a, b) * 5))
            assert claims.count(True) == 1

    async def test_two_replicas_that_record_one_activation_leave_one_record(self, replica):
        async with replica("a") as a, replica("b") as b:
            for start in range(1000, 1020):
                one = entry()
                await a.activations.accept([one])
                records = [activation(one.activation_id, start), activation(one.activation_id, start + DAY_MS)]
                await asyncio.gather(a.activations.record(records[0]), b.activations.record(records[1]))
            found = await a.activations.list(ActivationQuery("guest"), Page(0, 200), docs=False)
            assert len(found) == len({f.activation_id for f in found}) == 20

    async def test_records_of_the_promised_leave_one_and_no_entry_whoever_queues_them(self, replica):
        one, other = entry(), entry()
        async with replica("a") as a, replica("b") as b:
            await a.activations.accept([one, other])
            await b.leases.hold("b", "b", LONG)
            assert len(await b.activations.adopt()) == 2
            for store, start in ((a, 1000), (b, 1000 + DAY_MS)):
                for promised in (one, other):
                    store.activations.enqueue(activation(promised.activation_id, start))
                store.activations.enqueue(activation(entry().activation_id, start))  # of its own, of which none knows
                await store.activations.flush()
            found = await b.activations.list(ActivationQuery("guest"), Page(0, 200), docs=False)
            assert sorted(f.start for f in found) == [1000, 1000, 1000, 1000 + DAY_MS]
            assert len({f.activation_id for f in found}) == 4
            assert await b.activations.unfinished() == []

    async def test_a_record_that_is_tried_again_after_a_commit_in_doubt_is_kept_once(self, replica, database_url):
        rows = [RecordRow.of(activation(new_activation_id(), start)) for start in (1000, 2000)]
        async with replica("a") as a:
            database = open_database(database_url)
            try:
                for _ in range(2):
                    await database.write(lambda c: gathered.record_own(c, rows))
            finally:
                await database.close()
            assert await a.activations.count(ActivationQuery("guest")) == 2


class TestPromises:
    def test_what_was_recorded_is_promised_no_more(self):
        promises = Promises(most=10)
        promises.add(["a", "b"])
        promises.discard("a")
        assert [each in promises for each in "abc"] == [False, True, False]

    def test_of_too_many_all_may_be_promised(self):
        promises = Promises(most=2)
        promises.add("abc")
        assert all(each in promises for each in "abcd")


class TestCaches:
    async def test_what_another_replica_wrote_is_seen(self, replica):
        name = FullName("guest", "hello")
        async with replica("a") as a, replica("b") as b:
            assert await b.entities.get(name) is None
            (made,) = await a.entities.commit([Action(name, Exec("nodejs:20"))])
            await until(lambda: _is(b.entities.get(name), made))
            (changed,) = await b.entities.commit([replace(made, version="0.0.2")])
            await until(lambda: _is(a.entities.get(name), changed))
            await a.entities.commit(deletes=[changed])
            await until(lambda: _is(b.entities.get(name), None))

    async def test_a_key_that_another_replica_replaced_stops_working(self, replica):
        async with replica("a") as a, replica("b") as b:
            await a.namespaces.create(NamespaceRecord("guest", "guest", "old", b"x" * 32, 0))
            await until(lambda: _is_known(b.namespaces.by_key("old")))
            await a.namespaces.replace_key("guest", "new", b"y" * 32)
            await until(lambda: _is(b.namespaces.by_key("old"), None))

    async def test_what_was_missed_while_nothing_was_heard_is_not_kept(self, replica, database_url):
        name = FullName("guest", "hello")
        async with replica("a") as a, replica("b") as b:
            assert await b.entities.get(name) is None
            await _cut_listeners(database_url)
            (made,) = await a.entities.commit([Action(name, Exec("nodejs:20"))])
            await until(lambda: _is(b.entities.get(name), made))


async def test_what_is_committed_during_a_read_is_not_seen_by_its_later_statements(database_url):
    database = open_database(database_url)
    await database.write(schema.upgrade)

    def work(connection):
        query = text("SELECT count(*) FROM leases")
        before = connection.execute(query).scalar()
        await_only(_scalar(database_url, "INSERT INTO leases VALUES ('a', 'b', 1) RETURNING 1"))
        return before, connection.execute(query).scalar()

    try:
        assert await database.read(work) == (0, 0)
        assert await database.read(lambda c: c.execute(text("SELECT count(*) FROM leases")).scalar()) == 1
    finally:
        await database.close()


class TestParts:
    async def test_old_days_are_dropped_whole_and_counted(self, replica, database_url):
        async with replica("a") as a:
            now = await _server_ms(database_url)
            days = [now - DAY_MS, now, now + DAY_MS]
            for start in [*days, *days, 1000]:
                await a.activations.record(activation(new_activation_id(), start))
            assert len(await _parts(database_url)) == 6  # yesterday, today, three ahead; and the default
            assert await a.activations.sweep(now + DAY_MS // 2) == 5
            left = await a.activations.list(ActivationQuery("guest"), Page(), docs=False)
            assert {r.start for r in left} == {now + DAY_MS}

    async def test_a_record_of_today_is_in_the_part_of_today(self, replica, database_url):
        async with replica("a") as a:
            await a.activations.record(activation(new_activation_id(), await _server_ms(database_url)))
            assert await _scalar(database_url, "SELECT count(*) FROM activations_default") == 0

    async def test_records_made_before_there_were_parts_are_kept(self, database_url, tmp_path):
        database = open_database(database_url)
        await database.write(lambda c: schema.migrate(c, "0001"))
        await database.write(
            lambda c: c.execute(
                text("INSERT INTO activations VALUES (7, :id, 'guest', 'hello', 5, :summary, '[[],{}]')"),
                {"id": "0" * 32, "summary": _SUMMARY},
            )
        )
        await database.close()
        async with open_stores(database_url, tmp_path / "blobs") as stores:
            assert await stores.activations.get("guest", "0" * 32) is not None
            await stores.activations.record(activation("1" * 32, 6))
            assert await stores.activations.count(ActivationQuery("guest")) == 2


class TestOpening:
    async def test_replicas_that_start_together_migrate_once(self, database_url, tmp_path):
        async def start():
            async with open_stores(database_url, tmp_path / "blobs") as stores:
                return await stores.namespaces.list()

        assert await asyncio.gather(*(start() for _ in range(4))) == [[]] * 4

    async def test_a_database_that_a_newer_version_has_migrated_is_refused(self, replica, database_url):
        async with replica("a"):
            pass
        await _run(database_url, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
        with pytest.raises(StorageError, match=r"9999.*newer argofn"):
            async with replica("a"):
                pass

    async def test_a_server_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            async with open_stores("postgresql+asyncpg://postgres@127.0.0.1:1/argo", tmp_path / "blobs"):
                pass

    async def test_a_database_that_is_not_there_is_named(self, postgres_server, tmp_path):
        with pytest.raises(StorageError, match="no_such"):
            async with open_stores(postgres_server.url("no_such"), tmp_path / "blobs"):
                pass


_SUMMARY = (
    '{"namespace":"guest","name":"hello","version":"0.0.1","subject":"guest","activation_id":"' + "0" * 32 + '",'
    '"start":5,"end":5,"response":{"status":0}}'
)


async def _is(value, expected):
    return await value == expected


async def _is_known(value):
    return await value is not None


async def _run(url, work):
    database = open_database(url)
    try:
        return await database.write(work)
    finally:
        await database.close()


async def _scalar(url, query):
    return await _run(url, lambda c: c.execute(text(query)).scalar())


async def _server_ms(url):
    return await _scalar(url, "SELECT CAST(extract(epoch from clock_timestamp()) * 1000 AS bigint)")


async def _parts(url):
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'activations'::regclass"
    return await _run(url, lambda c: [*c.execute(text(query)).scalars()])


async def _cut_listeners(url):
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%' OR query = 'SELECT 1'"
    await _run(url, lambda c: c.execute(text(cut)))
