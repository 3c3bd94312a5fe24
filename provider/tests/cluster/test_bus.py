"""One connection to a real NATS: order, bounces, requests, and what is refused by name."""

from __future__ import annotations

import pytest
from argo_dev.nats import nats

from argo_provider.cluster.bus import NoAnswer
from argo_provider.cluster.errors import ClusterError

from .conftest import PATIENCE, meet_again

pytestmark = pytest.mark.integration


async def test_messages_come_in_their_order(join, heard):
    sender, listener = await join(), await join()
    await listener.listen("t.order", heard)
    await listener.flush()
    for number in range(1000):
        sender.send("t.order", b"%d" % number)
    assert await heard.until(1000) == [b"%d" % number for number in range(1000)]


async def test_where_nobody_listens_a_message_bounces(join, heard):
    sender = await join()
    await sender.listen_bounces("t.bounced.*", heard)
    sender.send("t.nobody", b"hello", bounce="t.bounced.7")
    assert await heard.until(1) == ["t.bounced.7"]


async def test_of_another_cluster_or_key_nothing_is_heard(join, heard):
    listener, sender = await join(), await join()
    await listener.listen("t.sealed", heard)
    await listener.flush()
    for other in (await join(key="another key of the tests"), await join(cluster="another")):
        other.send("t.sealed", b"forged")
        await other.flush()
    sender.send("t.sealed", b"ours")
    assert await heard.until(1) == [b"ours"]


async def test_requests_are_answered(join):
    asker, answerer = await join(), await join()

    async def double(content):
        return content * 2

    await answerer.answer("t.double", double)
    await answerer.flush()
    assert await asker.request("t.double", b"ab", PATIENCE) == b"abab"
    with pytest.raises(NoAnswer):
        await asker.request("t.nobody", b"", PATIENCE)


async def test_an_answer_of_another_is_none(join):
    asker, other = await join(), await join(key="another key of the tests")

    async def answer(content):
        return b"forged"

    await other.answer("t.ask", answer)
    await other.flush()
    with pytest.raises(NoAnswer):
        await asker.request("t.ask", b"", 0.5)


async def test_a_bus_that_is_not_there_is_named(join):
    with pytest.raises(ClusterError, match=r"no bus answers at 127\.0\.0\.1:1") as error:
        await join(url="nats://127.0.0.1:1")
    assert "nats-server -js" in error.value.fix


async def test_a_bus_for_small_messages_only_is_named(join):
    with nats(more="max_payload: 1MB\n") as small, pytest.raises(ClusterError, match="1048576 bytes") as error:
        await join(url=small.url)
    assert "max_payload: 8MB" in error.value.fix


async def test_a_bus_that_wants_a_password_is_named_and_let_in_with_it(join):
    users = 'authorization { user: argo, password: "s3cret" }\n'
    with nats(more=users) as closed:
        with pytest.raises(ClusterError, match="does not let us in") as error:
            await join(url=closed.url)
        assert "ARGO_BUS_CREDENTIALS" in error.value.fix
        bus = await join(url=closed.url.replace("://", "://argo:s3cret@"))
        await bus.flush()


# The client library lets go of a broken connection without closing it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_members_find_the_bus_again(join, heard):
    with nats() as server:
        sender, listener = await join(url=server.url), await join(url=server.url)
        await meet_again(server, sender, listener, heard)
        for member in (sender, listener):
            await member.close()
