"""What keeps a service from starting is said with its remedy."""

import socket
from contextlib import closing

import pytest
from aiohttp import web

from argo_provider.hosting import StartError, alone_over, listening, tls_context
from argo_provider.settings import ServerSettings

pytestmark = pytest.mark.unit


def test_one_service_a_folder(tmp_path):
    with (
        alone_over(tmp_path),
        pytest.raises(StartError, match="another service runs over") as raised,
        alone_over(tmp_path),
    ):
        pass
    assert "--data-dir" in raised.value.fix
    with alone_over(tmp_path):
        assert (tmp_path / "lock").exists()


async def test_a_port_that_is_taken():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        server = ServerSettings(port=taken.getsockname()[1])
        with pytest.raises(StartError, match="cannot listen on 127"):
            async with listening(web.Application(), server):
                pass


def test_a_certificate_that_is_none(tmp_path):
    (tmp_path / "file").write_text("no certificate")
    with pytest.raises(StartError, match="cannot be used") as raised:
        tls_context(ServerSettings(tls_cert=tmp_path / "file", tls_key=tmp_path / "file"))
    assert "--tls-cert" in raised.value.fix
