"""One replica and its nodes: where work goes, and what becomes of it when a node goes."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from argo_provider.cluster import messages, remote
from argo_provider.cluster.flights import Stage
from argo_provider.cluster.messages import Report
from argo_provider.placement.port import Dropped, Overloaded
from argo_proxy.protocol.messages import Executable, Invocation, OutcomeKind
from argo_proxy.sandboxes.fake import Reply, answered

from .conftest import Heard
from .world import CODE, PATIENCE

pytestmark = pytest.mark.integration


@pytest.fixture
async def cluster(cluster_world):
    async with cluster_world() as made:
        yield made


def echo(path, body):
    return Reply(answered(json.dumps(json.loads(body)["value"]).encode()))


def endless(path, body):
    """/run is never answered."""
    return Reply(answered(b"{}"), after=3600.0 if path == "/run" else 0.0)


def invocation(number=0, annotations=None, **arguments):
    executable = Executable(
        "a", "/a/f", "0.0.1", "1", "nodejs:20", "", "d", binary=False, annotations=annotations or {}
    )
    return Invocation(f"id{number}", "tid", executable, arguments, accepted_at=time.monotonic())


async def result(ticket):
    async with asyncio.timeout(PATIENCE):
        return (await ticket.execution).outcome


async def granted():
    return True


async def reached(replica, stage, count):
    """Until the replica knows that so many are there."""
    async with asyncio.timeout(PATIENCE):
        while sum(flight.stage is stage for flight in replica._flights.values()) < count:
            await asyncio.sleep(0.01)


async def begun(node, count=1):
    """Until so many /run are under way on the node."""
    async with asyncio.timeout(PATIENCE):
        while node.placement.snapshot().by_state.get("busy", 0) < count:
            await asyncio.sleep(0.01)


async def test_an_action_stays_where_it_is_warm(cluster):
    replica = await cluster.replica()
    nodes = [await cluster.node(name, echo) for name in ("n1", "n2", "n3")]
    await cluster.heard(replica, "n1", "n2", "n3")
    for number in range(20):
        assert (await result(replica.submit(invocation(number, n=number)))).result == {"n": number}
    assert sorted(len(node.driver.sandboxes) for node in nodes) == [0, 0, 1]


async def test_a_node_says_whose_code_it_has(cluster):
    await cluster.node("n1", echo)
    replica = await cluster.replica("r1")
    await cluster.heard(replica, "n1")
    assert replica.table.get("n1").artefacts == {messages.artefact_name(CODE)}


async def test_two_replicas_find_the_same_warm_sandbox(cluster):
    replicas = [await cluster.replica(name) for name in ("r1", "r2")]
    nodes = [await cluster.node(name, echo) for name in ("n1", "n2", "n3")]
    for replica in replicas:
        await cluster.heard(replica, "n1", "n2", "n3")
    for number in range(6):
        await result(replicas[number % 2].submit(invocation(number)))
    assert sorted(len(node.driver.sandboxes) for node in nodes) == [0, 0, 1]


async def test_what_may_have_begun_on_a_lost_node_ends_as_an_error(cluster):
    replica = await cluster.replica()
    node = await cluster.node("n1", endless)
    await cluster.heard(replica, "n1")
    tickets = [replica.submit(invocation(0)), replica.submit(invocation(1), claim=granted)]
    await begun(node, 2)
    replica.node_lost(replica.table.get("n1"))
    for ticket in tickets:
        outcome = await result(ticket)
        assert outcome.kind is OutcomeKind.PLATFORM_ERROR
        assert "'n1' stopped answering" in outcome.result["error"]


async def test_that_it_waits_is_not_believed_once_it_may_have_begun(cluster):
    replica = await cluster.replica()
    await cluster.node("n1", endless)
    await cluster.heard(replica, "n1")
    ticket = replica.submit(invocation(0), claim=granted)
    await reached(replica, Stage.BEGUN, 1)
    (attempt,) = replica._flights
    replica._reported(messages.encode([Report(attempt, held=True)]))
    await cluster.node("n2", echo)
    await cluster.heard(replica, "n2")
    replica.node_lost(replica.table.get("n1"))
    assert (await result(ticket)).kind is OutcomeKind.PLATFORM_ERROR


async def test_what_says_that_it_may_run_twice_runs_elsewhere(cluster):
    replica = await cluster.replica()
    node = await cluster.node("n1", endless)
    await cluster.heard(replica, "n1")
    ticket = replica.submit(invocation(annotations={"argo.idempotent": True}, n=1))
    await begun(node)
    await cluster.node("n2", echo)
    await cluster.heard(replica, "n2")
    replica.node_lost(replica.table.get("n1"))
    assert (await result(ticket)).result == {"n": 1}


async def test_what_waits_on_a_lost_node_runs_elsewhere(cluster):
    replica = await cluster.replica()
    node = await cluster.node("n1", endless, memory_mb=256)
    await cluster.heard(replica, "n1")
    replica.submit(invocation(0))
    await begun(node)
    waiting = replica.submit(invocation(1, n=1))
    promised = replica.submit(invocation(2), claim=granted)
    await reached(replica, Stage.HELD, 2)
    await cluster.node("n2", echo)
    await cluster.heard(replica, "n2")
    replica.node_lost(replica.table.get("n1"))
    assert (await result(waiting)).result == {"n": 1}
    with pytest.raises(Dropped):  # it is in the journal: whoever keeps that tries again
        await result(promised)


async def test_of_what_is_promised_only_what_the_queue_did_not_take_is_given_up(cluster, monkeypatch):
    replica = await cluster.replica()
    await cluster.node("n1", echo)
    await cluster.heard(replica, "n1")
    put, asked = replica._queue.put, []

    async def once(node, work, message_id):
        asked.append(message_id)
        return len(asked) == 1 and await put(node, work, message_id)

    monkeypatch.setattr(replica._queue, "put", once)
    monkeypatch.setattr(remote, "bites_of", lambda items, largest, size_of: [[item] for item in items])
    tickets = [replica.submit(invocation(number, n=number), claim=granted) for number in range(3)]
    assert (await result(tickets[0])).result == {"n": 0}
    for ticket in tickets[1:]:
        with pytest.raises(Dropped):
            await result(ticket)
    assert len(asked) == 2


async def test_what_has_not_begun_and_finds_no_node_is_refused(cluster):
    replica = await cluster.replica()
    node = await cluster.node("n1", endless, memory_mb=256)
    await cluster.heard(replica, "n1")
    replica.submit(invocation(0))
    await begun(node)
    waiting = replica.submit(invocation(1))
    await reached(replica, Stage.HELD, 1)
    replica.table.silent("n1")
    replica.node_lost(replica.table.get("n1"))
    with pytest.raises(Overloaded, match="argofn nodes"):
        await result(waiting)


async def test_a_node_that_is_gone_is_noticed_by_the_first_message(cluster):
    replica = await cluster.replica()
    first, second = await cluster.node("n1", echo), await cluster.node("n2", echo)
    await cluster.heard(replica, "n1", "n2")
    await result(replica.submit(invocation(0)))
    warm = first if first.driver.sandboxes else second
    await warm.silence()
    assert (await result(replica.submit(invocation(1, n=1)))).result == {"n": 1}
    assert replica.table.get(warm.name).suspect


async def test_an_answer_that_the_bus_lost_is_said_again(cluster, monkeypatch):
    monkeypatch.setattr(remote, "_ASK_AFTER", 0.2)
    monkeypatch.setattr(remote, "_ASK_EVERY", 0.1)
    received, lost, runs = remote.RemotePlacement._reported, [], []

    def loses_one_of_each(self, content):
        for report in messages.decode(content, list[Report]):
            new = [kind for kind in ("outcome", "logs") if getattr(report, kind) is not None and kind not in lost]
            if new:
                lost.extend(new)
            else:
                received(self, messages.encode([report]))

    def counting(path, body):
        runs.append(path)
        return echo(path, body)

    monkeypatch.setattr(remote.RemotePlacement, "_reported", loses_one_of_each)
    replica = await cluster.replica()
    await cluster.node("n1", counting)
    await cluster.heard(replica, "n1")
    assert (await result(replica.submit(invocation(n=1)))).result == {"n": 1}
    assert sorted(lost) == ["logs", "outcome"]
    assert runs.count("/run") == 1


async def test_work_that_is_replayed_runs_once(cluster):
    runs = []

    def counting(path, body):
        runs.append(path)
        return echo(path, body)

    replica = await cluster.replica()
    node = await cluster.node("n1", counting)
    await cluster.heard(replica, "n1")
    recorded = Heard()
    await node._bus._client.subscribe(replica._bus.subject("node", "n1", "run"), cb=recorded.message)
    await node._bus.flush()
    assert (await result(replica.submit(invocation(n=1)))).result == {"n": 1}
    (message,) = await recorded.until(1)
    for _ in range(3):
        await replica._bus._client.publish(message.subject, message.data)
    await replica._bus.flush()
    assert (await result(replica.submit(invocation(1, n=2)))).result == {"n": 2}  # behind them
    assert runs.count("/run") == 2


async def test_a_draining_node_gets_nothing_and_finishes(cluster):
    replica = await cluster.replica()
    with pytest.raises(Overloaded, match="argofn nodes"):
        replica.submit(invocation())
    node = await cluster.node("n1", echo)
    await cluster.heard(replica, "n1")
    ticket = replica.submit(invocation(n=1))
    assert (await result(ticket)).result == {"n": 1}
    assert await node.placement.drain(PATIENCE)


async def test_a_claim_is_asked_of_the_replica_before_user_code_begins(cluster):
    replica = await cluster.replica()
    node = await cluster.node("n1", echo)
    await cluster.heard(replica, "n1")
    asked = []

    async def refuse():
        asked.append(len(node.driver.sandboxes))
        return False

    with pytest.raises(Dropped):
        await result(replica.submit(invocation(), claim=refuse))
    assert len(asked) == 1
