"""How the dashboard's files are sent."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from argo_provider.api import dashboard
from argo_provider.errors import NotFound

pytestmark = pytest.mark.integration
SCRIPT = b"console.log(1)"


@web.middleware
async def not_found(request, handler):
    try:
        return await handler(request)
    except NotFound:
        return web.Response(status=404)


@pytest.fixture
async def client(tmp_path):
    app = web.Application(middlewares=[not_found])
    app[dashboard.FOLDER] = tmp_path / "page"
    app.router.add_get("/dashboard/assets/{name}", dashboard.asset)
    app.router.add_get("/dashboard{rest:(/.*)?}", dashboard.page)
    async with TestClient(TestServer(app), auto_decompress=False) as made:
        yield made


@pytest.fixture
def built(tmp_path):
    assets = tmp_path / "page" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "page" / "index.html").write_text("<!doctype html>")
    (tmp_path / "secret.js").write_text("not of the page")
    (assets / "index-abc.js").write_bytes(SCRIPT)
    (assets / "index-abc.js.br").write_bytes(b"as brotli")
    (assets / "notes.txt").write_text("no part of the page")


async def test_until_it_is_built_it_says_so_and_looks_again(client):
    answer = await client.get("/dashboard")
    assert (answer.status, answer.headers["Refresh"]) == (503, "3")
    assert "not built yet" in await answer.text()


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/", "/dashboard/functions/p/a"])
async def test_every_place_is_the_one_document_and_is_asked_for_anew(client, path):
    answer = await client.get(path)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.usefixtures("built")
async def test_assets_are_kept_for_ever_and_sent_compressed_where_that_is_taken(client):
    plain = await client.get("/dashboard/assets/index-abc.js", headers={"Accept-Encoding": "identity"})
    assert await plain.read() == SCRIPT
    assert "immutable" in plain.headers["Cache-Control"]
    assert plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
    packed = await client.get("/dashboard/assets/index-abc.js", headers={"Accept-Encoding": "gzip, br"})
    assert (packed.headers["Content-Encoding"], await packed.read()) == ("br", b"as brotli")
    assert packed.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "name", ["missing.js", "notes.txt", "..%2F..%2Fsecret.js", "..%2Findex.html", "index-abc.js.br"]
)
async def test_nothing_else_is_sent(client, name):
    answer = await client.get(URL(f"/dashboard/assets/{name}", encoded=True))
    assert answer.status == 404
