"""Half of a cluster, two clusters on one bus, another key, version, time or name: each is refused by name."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256

import nats.errors
import pytest

from argo_provider import clustered
from argo_provider.cluster.artifacts import ObjectBlobStore
from argo_provider.cluster.beats import Beats
from argo_provider.cluster.errors import ClusterError
from argo_provider.cluster.messages import PROTOCOL, Beat, ClusterRecord
from argo_provider.cluster.state import (
    MOST_SKEW_MS,
    StateBuckets,
    check_clock,
    check_protocol,
    join_as_node,
    refuse_twin,
)
from argo_provider.errors import Overloaded, StorageError
from argo_provider.settings import load
from argo_provider.storage.memory import memory_stores

from .conftest import Heard

pytestmark = pytest.mark.integration

KEY = "a key of the tests"
RECORD = ClusterRecord("c1", PROTOCOL, "0.1.0", 0)


def settings(**flags):
    return load(environ={}, flags={key.replace("__", "."): value for key, value in flags.items()}).settings


@pytest.mark.parametrize(
    ("flags", "says", "fix"),
    [
        ({"store": "postgresql+asyncpg://db/argo"}, "no bus", "--bus"),
        ({"bus__url": "nats://bus"}, "no database", "--store"),
    ],
)
def test_half_of_a_cluster_is_refused(flags, says, fix):
    with pytest.raises(ClusterError, match=says) as error:
        clustered.check_replica(settings(**flags))
    assert fix in error.value.fix


@pytest.mark.parametrize(
    ("flags", "says", "fix"),
    [
        ({"cluster__key": KEY}, "no bus is given", "--bus"),
        ({"bus__url": "nats://bus"}, "no cluster key", "ARGO_CLUSTER_KEY_FILE"),
        ({"bus__url": "nats://bus", "cluster__key": "short"}, "less than 16", "urandom"),
        ({"bus__url": "nats://bus", "cluster__key": KEY, "cluster__name": "a.b"}, "'a.b'", "letters"),
    ],
    ids=["bus", "key", "short key", "name"],
)
def test_what_is_missing_is_named(flags, says, fix):
    with pytest.raises(ClusterError, match=says) as error:
        clustered.options(settings(**flags))
    assert fix in error.value.fix


def test_a_name_that_cannot_be_a_subject_is_refused():
    with pytest.raises(ClusterError, match="two words") as error:
        clustered.node_name(settings(cluster__node="two words"))
    assert "--name" in error.value.fix


@pytest.mark.parametrize(("ahead", "says"), [(MOST_SKEW_MS + 1, "ahead of"), (-120_000, "120 s behind")])
def test_a_clock_that_is_off_is_refused(ahead, says):
    with pytest.raises(ClusterError, match=says) as error:
        check_clock(ahead)
    assert "timedatectl" in error.value.fix
    check_clock(MOST_SKEW_MS)


def test_a_member_of_another_version_is_refused():
    check_protocol(RECORD, "0.1.0")
    other = ClusterRecord("c1", PROTOCOL + 1, "9.0.0", 0)
    with pytest.raises(ClusterError, match=r"argofn 0\.1\.0 .* runs 9\.0\.0") as error:
        check_protocol(other, "0.1.0")
    assert "install argofn 9.0.0" in error.value.fix


@pytest.fixture
async def state(join):
    return await StateBuckets.open(await join(), 15.0)


async def test_the_first_record_stands(state):
    assert await state.record() is None
    assert await state.found(RECORD) == RECORD
    assert await state.found(ClusterRecord("c2", PROTOCOL, "0.1.0", 0)) == RECORD


async def test_another_key_is_named(join, state):
    await state.found(RECORD)
    stranger = await StateBuckets.open(await join(key="another key of the tests"), 15.0)
    with pytest.raises(ClusterError, match="another key") as error:
        await stranger.record()
    assert "ARGO_CLUSTER_KEY_FILE" in error.value.fix


async def test_a_node_joins_what_a_replica_founded(state):
    await state.found(RECORD)
    assert await join_as_node(state, "n1", "0.1.0", wait=lambda: None) == RECORD


async def test_clocks_of_one_machine_are_alike(state):
    assert abs(await state.clock_ahead_ms("n1")) < MOST_SKEW_MS


async def test_two_nodes_of_one_name_are_refused_and_an_earlier_life_is_not(join, state):
    await refuse_twin(state, "n1", 0.0)
    state.say_beat(Beat("n1", "first", 1, 512))
    other = await join()
    await other.flush()
    await refuse_twin(state, "n1", 0.0)  # it says nothing more

    class Beating(StateBuckets):
        async def beat_of(self, node):
            beat = await super().beat_of(node)
            self.say_beat(Beat("n1", "first", beat.number + 1, 512))
            await self._bus.flush()
            return beat

    beating = Beating(state._bus, state._nodes, state._record)
    with pytest.raises(ClusterError, match="another node 'n1'") as error:
        await refuse_twin(beating, "n1", 0.0)
    assert "--name" in error.value.fix


async def test_a_node_of_another_version_does_not_join(state):
    await state.found(ClusterRecord("c1", PROTOCOL + 1, "9.0.0", 0))
    with pytest.raises(ClusterError, match=r"runs 9\.0\.0"):
        await join_as_node(state, "n1", "0.1.0", wait=lambda: None)


@asynccontextmanager
async def replica(url, name):
    """A replica of the cluster `name`, not yet joined."""
    async with AsyncExitStack() as stack:
        yield await clustered.Replica.connect(
            settings(bus__url=url, store="postgresql+asyncpg://db/argo", cluster__key=KEY, cluster__name=name), stack
        )


async def test_replicas_of_one_database_join_and_those_of_another_are_refused(nats_server):
    name, stores = f"t{uuid.uuid4().hex[:12]}", memory_stores()
    async with replica(nats_server.url, name) as first, replica(nats_server.url, name) as second:
        await first.join(stores.leases)
        await second.join(stores.leases)
        async with replica(nats_server.url, name) as stranger:
            with pytest.raises(ClusterError, match="another database") as error:
                await stranger.join(memory_stores().leases)
        assert "ARGO_CLUSTER_NAME" in error.value.fix


async def test_an_upgrade_waits_for_the_last_replica_of_the_old_version(nats_server, monkeypatch):
    name, stores = f"t{uuid.uuid4().hex[:12]}", memory_stores()
    async with replica(nats_server.url, name) as old, replica(nats_server.url, name) as new:
        await old.join(stores.leases)
        monkeypatch.setattr(clustered, "PROTOCOL", PROTOCOL + 1)
        monkeypatch.setattr("argo_provider.cluster.state.PROTOCOL", PROTOCOL + 1)
        with pytest.raises(ClusterError, match=rf"\(protocol {PROTOCOL}\) are serving") as error:
            await new.join(stores.leases)
        assert "stop them first" in error.value.fix
        shared = f"protocol {PROTOCOL}"
        await stores.leases.release(shared, shared)  # as when it has ended
        await new.join(stores.leases)
        assert (await new._connection.state.record()).protocol == PROTOCOL + 1


async def test_a_node_whose_clock_drifts_takes_no_more_work(state):
    drifting = Beats(state, "n1", "0.1.0", None, None, lease=60.0, queue_limit=1)

    async def ahead(member):
        return MOST_SKEW_MS + 60_000

    state.clock_ahead_ms = ahead
    await drifting._look_at_the_clock()
    assert drifting.draining


async def test_a_node_beats_on_while_the_bus_does_not_tell_the_time(state):
    asked = Heard()

    async def silent(member):
        asked(member)
        raise nats.errors.TimeoutError

    state.clock_ahead_ms = silent
    watch = asyncio.create_task(Beats(state, "n1", "0.1.0", None, None, lease=0.01, queue_limit=1).watch_clock())
    assert await asked.until(2) == ["n1", "n1"]
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


class FailingLeases:
    """Full at first, then as the store's own."""

    def __init__(self, leases, times):
        self._leases, self.left = leases, times

    async def hold(self, *what):
        if self.left:
            self.left -= 1
            raise Overloaded
        return await self._leases.hold(*what)


async def test_a_replica_goes_on_renewing_its_lease_when_the_store_was_full(nats_server, monkeypatch):
    monkeypatch.setattr(clustered, "_RENEW_SECONDS", 0.01)
    name, stores, recovered = f"t{uuid.uuid4().hex[:12]}", memory_stores(), Heard()

    async def recover():
        recovered(1)

    async with replica(nats_server.url, name) as one:
        await one.join(stores.leases)
        leases = FailingLeases(stores.leases, times=3)
        living = asyncio.create_task(one._live_forever(leases, recover))
        await recovered.until(2)
        assert leases.left == 0
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)


async def test_an_artefact_that_does_not_match_its_hash_is_refused(join):
    bus = await join()
    blobs = await ObjectBlobStore.open(bus.js, f"test_{uuid.uuid4().hex}")
    digest = f"sha256:{sha256(b'code').hexdigest()}"
    await blobs._objects.put(digest, b"other code")
    with pytest.raises(StorageError, match="damaged on the bus: put the action again"):
        await blobs.get(digest)
