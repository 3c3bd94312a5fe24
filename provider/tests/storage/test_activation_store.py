"""The contract of `ActivationStore`, over every adapter."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from argo_provider.errors import StorageError
from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.names import new_activation_id
from argo_provider.storage.port import ActivationQuery, Page

pytestmark = pytest.mark.contract


def activation(start=1000, name="hello", namespace="guest", path=None, **fields):
    annotations = {"path": path or f"{namespace}/{name}", "kind": "nodejs:20", **fields.pop("annotations", {})}
    return replace(
        Activation(
            namespace=namespace,
            name=name,
            version="0.0.1",
            subject="guest",
            activation_id=new_activation_id(),
            start=start,
            end=start + 12,
            response=Response(Status.SUCCESS, {"greeting": "hi"}, 17),
            duration=12,
            cause=None,
            logs=("2026-11-23T10:05:19.123456789Z stdout: hello",),
            annotations=annotations,
        ),
        **fields,
    )


def entry(number=0, activation_id=None, namespace="guest"):
    return JournalEntry(activation_id or new_activation_id(), namespace, 1000 + number, b"\x00payload\xff%d" % number)


async def listed(stores, page=None, docs=True, **query):
    return await stores.activations.list(ActivationQuery("guest", **query), page or Page(0, 200), docs=docs)


KINDS = [
    activation(),
    activation(end=0, duration=None, response=Response(Status.SUCCESS, None), logs=()),
    activation(response=Response(Status.DEVELOPER_ERROR, {"error": "no"}), cause=new_activation_id(), publish=True),
    activation(
        response=Response(Status.APPLICATION_ERROR, [1, 2.5, None, "\U0001f600\u0000", {"deep": {"er": [True]}}])
    ),
    activation(response=Response(Status.WHISK_ERROR, {"big": 2**80, "negative": -(2**63)})),
]


class TestActivationStore:
    @pytest.mark.parametrize("kept", KINDS, ids=range(len(KINDS)))
    async def test_gives_back_what_was_recorded(self, stores, kept):
        await stores.activations.record(kept)
        assert await stores.activations.get("guest", kept.activation_id) == kept
        assert await listed(stores) == [kept]

    async def test_only_its_namespace_sees_it(self, stores):
        kept = activation()
        await stores.activations.record(kept)
        stores.activations.enqueue(unwritten := activation())
        for one in (kept, unwritten):
            assert await stores.activations.get("other", one.activation_id) is None
        assert await stores.activations.list(ActivationQuery("other"), Page(), docs=True) == []
        assert await stores.activations.get("guest", "0" * 32) is None

    async def test_enqueued_is_seen_at_once_and_kept(self, stores):
        kept = [activation(n) for n in range(30)]
        for one in kept:
            stores.activations.enqueue(one)
            assert await stores.activations.get("guest", one.activation_id) == one
        assert await listed(stores) == kept[::-1]
        assert await stores.activations.count(ActivationQuery("guest")) == 30
        await stores.activations.flush()
        assert await listed(stores) == kept[::-1]
        assert await stores.activations.count(ActivationQuery("guest")) == 30

    async def test_pages_are_right_while_some_records_are_unwritten(self, stores):
        written = [activation(n) for n in range(0, 60, 2)]
        await asyncio.gather(*(stores.activations.record(a) for a in written))
        unwritten = [activation(n) for n in range(1, 40, 3)]
        for one in unwritten:
            stores.activations.enqueue(one)
        expected = sorted(a.start for a in written + unwritten)[::-1]
        pages = await asyncio.gather(*(listed(stores, Page(skip, 7)) for skip in range(0, 56, 7)))
        assert [a.start for page in pages for a in page] == expected
        assert await stores.activations.count(ActivationQuery("guest")) == len(expected)

    async def test_second_record_of_an_id_is_ignored(self, stores):
        kept = activation()
        await stores.activations.record(kept)
        await stores.activations.record(replace(kept, version="9.9.9"))
        stores.activations.enqueue(replace(kept, version="9.9.9"))
        await stores.activations.flush()
        assert await stores.activations.get("guest", kept.activation_id) == kept
        assert await stores.activations.count(ActivationQuery("guest")) == 1

    async def test_two_records_of_an_id_at_once_are_one(self, stores):
        kept = activation()
        await asyncio.gather(*(stores.activations.record(kept) for _ in range(5)))
        assert await listed(stores) == [kept]

    async def test_without_docs_logs_and_result_are_left_out(self, stores):
        await stores.activations.record(activation(1))
        stores.activations.enqueue(activation(2))
        for found in await listed(stores, docs=False):
            assert found.logs == ()
            assert found.response == Response(Status.SUCCESS, None, 17)
            assert found.annotations["kind"] == "nodejs:20"

    async def test_filters_by_name_as_the_caller_wrote_it(self, stores):
        plain = activation(1)
        packaged = activation(2, path="whisk.system/utils/hello")
        bound = activation(3, path="whisk.system/utils/hello", annotations={"binding": "guest/mine"})
        for one in (plain, packaged, bound):
            await stores.activations.record(one)
        assert await listed(stores, name="hello") == [plain]
        assert await listed(stores, name="utils/hello") == [packaged]
        assert await listed(stores, name="mine/hello") == [bound]
        assert await listed(stores, name="none") == []
        assert await stores.activations.count(ActivationQuery("guest", "hello")) == 1

    async def test_since_and_upto_are_inclusive(self, stores):
        for start in (10, 20, 30, 40):
            await stores.activations.record(activation(start))
        assert [a.start for a in await listed(stores, since=20, upto=30)] == [30, 20]
        assert [a.start for a in await listed(stores, since=21)] == [40, 30]
        assert [a.start for a in await listed(stores, upto=9)] == []
        assert await stores.activations.count(ActivationQuery("guest", None, 20, 40)) == 3

    async def test_of_equal_starts_the_last_recorded_comes_first(self, stores):
        kept = [activation(5) for _ in range(5)]
        for one in kept[:3]:
            await stores.activations.record(one)
        for one in kept[3:]:
            stores.activations.enqueue(one)
        assert await listed(stores) == kept[::-1]
        await stores.activations.flush()
        assert await listed(stores) == kept[::-1]

    async def test_sweep_deletes_what_started_before(self, stores):
        for start in range(10):
            await stores.activations.record(activation(start, namespace=f"ns{start % 3}"))
        assert await stores.activations.sweep(6) == 6
        queries = [ActivationQuery(f"ns{ns}") for ns in range(3)]
        left = [a.start for q in queries for a in await stores.activations.list(q, Page(), docs=False)]
        assert sorted(left) == [6, 7, 8, 9]
        assert await stores.activations.sweep(6) == 0


class TestJournal:
    async def test_accepted_is_unfinished_until_recorded(self, stores):
        entries = [entry(n) for n in range(3)]
        await stores.activations.accept(entries)
        assert await stores.activations.unfinished() == entries
        await stores.activations.record(activation(activation_id=entries[1].activation_id))
        assert await stores.activations.unfinished() == [entries[0], entries[2]]
        stores.activations.enqueue(activation(activation_id=entries[0].activation_id))
        await stores.activations.flush()
        assert await stores.activations.unfinished() == [entries[2]]

    async def test_accept_of_nothing_and_twice_of_the_same(self, stores):
        await stores.activations.accept([])
        one = entry()
        await stores.activations.accept([one])
        await stores.activations.accept([one])
        assert await stores.activations.unfinished() == [one]

    async def test_claim_is_given_once(self, stores):
        one = entry()
        await stores.activations.accept([one])
        claims = await asyncio.gather(*(stores.activations.claim(one.activation_id) for _ in range(10)))
        assert sorted(claims) == [False] * 9 + [True]
        assert await stores.activations.claim(one.activation_id) is False
        assert await stores.activations.unfinished() == [replace(one, claimed=True)]

    async def test_claim_of_what_was_never_accepted_or_is_over_is_refused(self, stores):
        assert await stores.activations.claim(new_activation_id()) is False
        one = entry()
        await stores.activations.accept([one])
        await stores.activations.record(activation(activation_id=one.activation_id))
        assert await stores.activations.claim(one.activation_id) is False

    async def test_many_callers_at_once_get_each_their_own(self, stores):
        entries = [entry(n) for n in range(200)]

        async def life(one):
            await stores.activations.accept([one])
            assert await stores.activations.claim(one.activation_id)
            await stores.activations.record(activation(one.accepted, activation_id=one.activation_id))

        await asyncio.gather(*(life(e) for e in entries))
        assert await stores.activations.unfinished() == []
        assert sorted(a.start for a in await listed(stores)) == [e.accepted for e in entries]


class TestSqlActivationStore:
    async def test_everything_survives_reopening(self, reopen):
        one, claimed = entry(0), entry(1)
        async with reopen() as stores:
            await stores.activations.accept([one, claimed])
            await stores.activations.claim(claimed.activation_id)
            await stores.activations.record(KINDS[0])
            for kept in KINDS[1:]:
                stores.activations.enqueue(kept)
        async with reopen() as stores:
            for kept in KINDS:
                assert await stores.activations.get("guest", kept.activation_id) == kept
            assert await stores.activations.unfinished() == [one, replace(claimed, claimed=True)]
            assert await stores.activations.claim(claimed.activation_id) is False

    async def test_what_cannot_be_json_is_refused_to_its_caller_alone(self, sqlite_stores):
        bad = activation(response=Response(Status.SUCCESS, {"half": "\ud800"}))
        with pytest.raises(StorageError, match="JSON"):
            sqlite_stores.activations.enqueue(bad)
        good = activation()
        await sqlite_stores.activations.record(good)
        assert await sqlite_stores.activations.get("guest", good.activation_id) == good

    async def test_large_logs_and_results(self, sqlite_stores):
        kept = activation(logs=("x" * 100_000,) * 20, response=Response(Status.SUCCESS, {"r": "y" * 1_000_000}))
        sqlite_stores.activations.enqueue(kept)
        await sqlite_stores.activations.flush()
        assert await sqlite_stores.activations.get("guest", kept.activation_id) == kept
