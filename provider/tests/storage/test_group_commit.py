"""The writer: batches, bounds, and what it does when the disk does not take what it is given."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from sqlalchemy import text

from argo_provider.errors import Conflict, Overloaded, StorageError, StoreUnavailable
from argo_provider.storage.sql.writer import Writer, WriterLimits

pytestmark = pytest.mark.unit


class Ledger:
    """A database that remembers transactions; `gate` holds them back, `failure` makes them fail."""

    def __init__(self):
        self.transactions = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure = None
        self.begun = asyncio.Event()

    @property
    def kept(self):
        return [item for transaction in self.transactions for item in transaction]

    async def write(self, work):
        self.begun.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        current = LedgerTransaction()
        result = work(current)
        self.transactions.append(current.items)
        return result


class LedgerTransaction:
    def __init__(self):
        self.items = []

    def begin_nested(self):
        return self

    def rollback(self):
        self.items.append("rolled back")

    def commit(self):
        pass


def keep(transaction, items):
    if "poison" in items:
        raise StorageError("refused")
    transaction.items.extend(items)
    return [f"kept {i}" for i in items]


@pytest.fixture
def ledger():
    return Ledger()


def writer_of(ledger, **limits):
    settings = {"linger": 0.001, "retry_every": 0.001, "patience": 5.0, **limits}
    writer = Writer(ledger, WriterLimits(**settings))
    writer.start()
    return writer


async def test_writes_that_come_during_a_transaction_share_the_next(ledger):
    writer = writer_of(ledger)
    ledger.gate.clear()
    first = asyncio.ensure_future(writer.write(keep, 0, 1))
    await ledger.begun.wait()
    others = [asyncio.ensure_future(writer.write(keep, n, 1)) for n in range(1, 50)]
    await asyncio.sleep(0)
    ledger.gate.set()
    assert await asyncio.gather(first, *others) == [f"kept {n}" for n in range(50)]
    assert ledger.transactions == [[0], [*range(1, 50)]]
    await writer.close()


async def test_batches_are_bounded_in_number_and_bytes(ledger):
    writer = writer_of(ledger, batch=10, batch_bytes=100)
    ledger.gate.clear()
    writes = [asyncio.ensure_future(writer.write(keep, n, 1)) for n in range(25)]
    writes += [asyncio.ensure_future(writer.write(keep, n, 60)) for n in range(25, 29)]
    await ledger.begun.wait()
    ledger.gate.set()
    await asyncio.gather(*writes)
    assert [len(t) for t in ledger.transactions] == [10, 10, 7, 2]
    await writer.close()


@pytest.mark.parametrize(("bounds", "fitting"), [({"queued": 3}, 3), ({"queued_bytes": 35}, 3)])
async def test_full_queue_says_so_at_once(ledger, bounds, fitting):
    writer = writer_of(ledger, **bounds)
    for n in range(fitting):
        writer.enqueue(keep, n, 10, lambda _: None)
    with pytest.raises(Overloaded):
        writer.enqueue(keep, 99, 10, lambda _: None)
    with pytest.raises(Overloaded):
        await writer.write(keep, 99, 10)
    await writer.close()
    assert ledger.kept == [*range(fitting)]


async def test_what_nobody_waits_for_is_written_all_the_same(ledger):
    writer = writer_of(ledger)
    written = asyncio.Event()
    writer.enqueue(keep, "alone", 1, lambda _: written.set())
    await asyncio.wait_for(written.wait(), 5)
    assert ledger.transactions == [["alone"]]
    await writer.close()


async def test_waited_for_write_takes_the_gathered_ones_along(ledger):
    writer = writer_of(ledger, linger=1000)
    writer.enqueue(keep, "gathered", 1, lambda _: None)
    await writer.write(keep, "urgent", 1)
    assert ledger.transactions == [["gathered", "urgent"]]
    await writer.close()


async def test_after_a_slow_commit_what_nobody_waits_for_gathers_longer(ledger):
    moments = itertools.count(step=100)  # each commit takes 100 seconds by this clock
    limits = WriterLimits(linger=0.001, longest_linger=1000, patience=5.0)
    writer = Writer(ledger, limits, clock=lambda: next(moments))
    writer.start()
    first = asyncio.Event()
    writer.enqueue(keep, "at once", 1, lambda _: first.set())
    await asyncio.wait_for(first.wait(), 5)
    writer.enqueue(keep, "gathered", 1, lambda _: None)
    await writer.write(keep, "urgent", 1)
    assert ledger.transactions == [["at once"], ["gathered", "urgent"]]
    await writer.close()


async def test_close_writes_what_is_queued_and_then_takes_nothing(ledger):
    writer = writer_of(ledger, linger=1000)
    for n in range(5):
        writer.enqueue(keep, n, 1, lambda _: None)
    await writer.close()
    assert ledger.transactions == [[0, 1, 2, 3, 4]]
    with pytest.raises(Overloaded):
        writer.enqueue(keep, 6, 1, lambda _: None)


async def test_one_refused_write_does_not_take_the_others_down(ledger):
    writer = writer_of(ledger, linger=1000)
    settled = []
    for item in ("a", "poison", "b"):
        writer.enqueue(keep, item, 1, settled.append)
    outcomes = await asyncio.gather(
        writer.write(keep, "c", 1), writer.write(keep, "poison", 1), writer.write(keep, "d", 1), return_exceptions=True
    )
    assert outcomes[0] == "kept c"
    assert isinstance(outcomes[1], StorageError)
    assert outcomes[2] == "kept d"
    assert sorted(ledger.kept) == ["a", "b", "c", "d"]
    assert settled == ["kept a", None, "kept b"]
    await writer.close()


async def test_bug_in_a_write_does_not_end_the_writer(ledger):
    def broken(_transaction):
        raise ZeroDivisionError

    writer = writer_of(ledger)
    with pytest.raises(StorageError):
        await writer.run(broken)
    assert await writer.write(keep, 1, 1) == "kept 1"
    await writer.close()


async def test_conflict_undoes_only_its_own_write(ledger):
    def lost(_transaction):
        raise Conflict

    writer = writer_of(ledger)
    outcomes = await asyncio.gather(writer.run(lost), writer.write(keep, 1, 1), return_exceptions=True)
    assert isinstance(outcomes[0], Conflict)
    assert ledger.transactions == [[1, "rolled back"]]
    await writer.close()


async def test_unavailable_store_fails_those_who_wait_and_keeps_the_rest(ledger):
    doubts = []
    writer = Writer(ledger, WriterLimits(linger=1000, retry_every=0.001), on_doubt=lambda: doubts.append(1))
    writer.start()
    ledger.failure = StoreUnavailable("full")
    written = asyncio.Event()
    writer.enqueue(keep, "record", 1, lambda _: written.set())
    with pytest.raises(StoreUnavailable):
        await writer.write(keep, "accept", 1)
    with pytest.raises(StoreUnavailable):
        await writer.flush()
    assert doubts
    ledger.failure = None
    await asyncio.wait_for(written.wait(), 5)  # it tries again by itself
    assert ledger.transactions[0] == ["record"]
    await writer.close()


async def test_store_that_never_answers_is_given_up(ledger):
    writer = writer_of(ledger, patience=0.01)
    ledger.gate.clear()
    with pytest.raises(StoreUnavailable, match="in time"):
        await writer.write(keep, 1, 1)
    await writer.close()


async def test_statement_error_of_a_real_database_is_told_apart_from_a_full_disk(reopen):
    async with reopen() as stores:
        database = stores.entities._database
        with pytest.raises(StorageError) as refused:
            await database.write(lambda c: c.execute(text("INSERT INTO nowhere VALUES (1)")))
        assert not isinstance(refused.value, StoreUnavailable)
        await database.write(lambda c: c.execute(text("PRAGMA max_page_count = 1")))  # cut to the present size
        with pytest.raises(StoreUnavailable, match="full"):
            await database.write(
                lambda c: c.execute(text("INSERT INTO documents VALUES ('b', 'n', 'i', zeroblob(10000000))"))
            )
