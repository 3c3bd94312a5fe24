"""A bus that is spoken to over TLS: the same ways, whatever the records that messages are cut into."""

from __future__ import annotations

import pytest
from argo_dev.certificates import self_signed
from argo_dev.nats import nats

from argo_provider.cluster.errors import ClusterError

from .conftest import meet_again

pytestmark = pytest.mark.integration

LARGE = b"large" * (1 << 20)  # of many records, and of several reads


@pytest.fixture
def certificate(tmp_path):
    """Of the bus and of its members, and its own authority; with its key."""
    return self_signed(tmp_path)


@pytest.fixture
def server(certificate):
    file, key = certificate
    with nats(more=f'tls {{ cert_file: "{file}", key_file: "{key}", ca_file: "{file}", verify: true }}\n') as secure:
        yield secure


@pytest.fixture
def enter(join, server, certificate):
    """Connect one more member, with the certificate that the bus wants to see."""
    file, key = certificate

    async def connect(**options):
        return await join(url=server.url, **{"tls_ca": file, "tls_cert": file, "tls_key": key, **options})

    return connect


async def test_messages_come_in_their_order_large_ones_among_them(enter, heard):
    sender, listener = await enter(), await enter()
    await listener.listen("t.secure", heard)
    await listener.flush()
    sent = [b"%d" % number + (LARGE if number % 100 == 50 else b"") for number in range(300)]
    for content in sent:
        sender.send("t.secure", content)
    assert await heard.until(len(sent)) == sent


async def test_where_nobody_listens_a_message_bounces(enter, heard):
    sender = await enter()
    await sender.listen_bounces("t.bounced.*", heard)
    sender.send("t.nobody", b"hello", bounce="t.bounced.7")
    assert await heard.until(1) == ["t.bounced.7"]


# The client library lets go of a broken connection without closing it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_members_find_the_bus_again(enter, server, heard):
    sender, listener = await enter(), await enter()
    await meet_again(server, sender, listener, heard)


async def test_a_bus_of_another_authority_is_named(enter, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    authority, _ = self_signed(other)
    with pytest.raises(ClusterError, match=r"no secure connection to the bus at 127\.0\.0\.1:") as error:
        await enter(tls_ca=authority)
    assert "ARGO_BUS_TLS_CA" in error.value.fix


async def test_a_member_without_a_certificate_is_told(enter):
    with pytest.raises(ClusterError, match="broke the secure connection off") as error:
        await enter(tls_cert=None, tls_key=None)
    assert "ARGO_BUS_TLS_CERT" in error.value.fix
