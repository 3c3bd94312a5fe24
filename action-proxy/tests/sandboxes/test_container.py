"""What only containers do: stock images over TCP, and the engine's own formats."""

import asyncio
import contextlib
import dataclasses
import gc
import ipaddress

import pytest
import worlds
from functions import SOURCES
from hypothesis import given
from hypothesis import strategies as st
from worlds import IMAGE, World, run, value

from argo_proxy.sandboxes.container.driver import ContainerDriver, ContainerSettings
from argo_proxy.sandboxes.container.images import recipe_digest, split_reference
from argo_proxy.sandboxes.container.recipe import ContainerPlan, creation_arguments, host_arguments
from argo_proxy.sandboxes.container.relay import ApiRelay, ContainerNetwork, is_loopback, network_of
from argo_proxy.sandboxes.container.streams import FrameSplitter
from argo_proxy.sandboxes.folders import SandboxFolder
from argo_proxy.sandboxes.port import Gone, SandboxSpec


@pytest.fixture
async def world(tmp_path):
    world = await worlds.container_world(SOURCES, tmp_path)
    yield world
    await asyncio.gather(*(sandbox.destroy() for sandbox in world.started))
    await world.driver.close()


async def start_stock(world: World, name: str):
    sandbox = await world.driver.create(SandboxSpec(None, 128, image=IMAGE, label="/ns/black"))
    world.started.append(sandbox)
    assert value(await world.init(sandbox, name)) == {"ok": True}
    return sandbox


@pytest.mark.integration
class TestStockImages:
    async def test_are_spoken_to_over_tcp(self, world):
        sandbox = await start_stock(world, "prints")
        assert value(await run(sandbox)) == {}
        logs = await sandbox.collect_logs(limit=10_000, wait=10)
        assert [line.text for line in logs.lines if line.stream == "stdout"] == ["one", "two"]

    async def test_that_end_are_gone(self, world):
        sandbox = await start_stock(world, "exit")
        assert await run(sandbox) == Gone(exit_code=3)

    async def test_are_ready_to_be_looked_for(self, world):
        assert world.driver.ready(None, IMAGE)


@pytest.mark.integration
async def test_an_engine_that_is_not_there_is_reported_with_what_to_do(tmp_path):
    driver = ContainerDriver(ContainerSettings("test", tmp_path, engine=f"unix://{tmp_path}/none.sock"))
    report = await driver.probe()
    assert not report.available
    assert "no Docker Engine answers" in report.reason
    assert "apt-get install docker.io" in report.fix
    assert not driver.ready(None, IMAGE)
    await driver.close()
    gc.collect()


CALLS_THE_API = """
import os, urllib.request
def main(args):
    with urllib.request.urlopen(os.environ["__OW_API_HOST"] + "/ping", timeout=10) as answer:
        return {"status": answer.status, "text": answer.read().decode()}
"""


@pytest.mark.integration
async def test_functions_reach_an_api_on_this_machines_loopback(world):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npong")
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    api = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{api.sockets[0].getsockname()[1]}"
    sandbox = await world.start(CALLS_THE_API, environment={"__OW_API_HOST": url})
    assert value(await run(sandbox)) == {"status": 200, "text": "pong"}
    api.close()
    await api.wait_closed()


@pytest.mark.integration
async def test_the_relay_takes_connections_of_containers_only():
    relay = ApiRelay()
    network = ContainerNetwork("127.0.0.1", ipaddress.ip_network("10.99.0.0/16"))
    url = await relay.reachable("http://localhost:1/api", network)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2].split("/")[0]))
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    await relay.close()


@pytest.mark.unit
def test_networks_and_loopbacks_are_recognised():
    named = {"IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.9"}]}}
    unnamed = {"IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}}
    assert network_of(named) == ContainerNetwork("172.17.0.9", ipaddress.ip_network("172.17.0.0/16"))
    assert network_of(unnamed) == ContainerNetwork("172.17.0.1", ipaddress.ip_network("172.17.0.0/16"))
    assert network_of({"IPAM": {"Config": None}}) is None
    found = [is_loopback(url) for url in ("http://127.0.0.1:1", "https://localhost", "http://[::1]:3")]
    assert all(found)
    assert not is_loopback("http://10.0.0.1:3233")
    assert not is_loopback("")


@pytest.mark.unit
class TestPlan:
    spec = SandboxSpec(None, 256, cpus=0.5, pids=100, environment={"__OW_API_HOST": "http://x"}, label="/ns/a" * 200)

    def test_our_own_images_get_a_read_only_root_and_no_network_port(self, tmp_path):
        plan = ContainerPlan("c1", "inst", "argo/x", self.spec, "bridge", uid=1234, folder=SandboxFolder(tmp_path))
        host = host_arguments(plan)
        assert host["read_only"] is True
        assert host["mem_limit"] == host["memswap_limit"] == 256 << 20
        assert host["nano_cpus"] == 500_000_000
        assert host["pids_limit"] == 100
        assert host["cap_drop"] == ["ALL"]
        assert host["security_opt"] == ["no-new-privileges"]
        created = creation_arguments(plan)
        assert created["user"] == "1234:1234"
        assert created["environment"]["ARGO_LISTEN"] == "unix:/argo/run.sock"
        assert created["environment"]["__OW_API_HOST"] == "http://x"
        assert created["labels"]["argofn.installation"] == "inst"

    def test_stock_images_keep_their_user_and_get_the_same_limits(self):
        plan = ContainerPlan("c1", "inst", "someone/x", self.spec, "bridge")
        assert "user" not in creation_arguments(plan)
        assert creation_arguments(plan)["environment"] == {"__OW_API_HOST": "http://x"}
        host = host_arguments(plan)
        assert host["cap_drop"] == ["ALL"]
        assert host["mem_limit"] == 256 << 20
        assert "read_only" not in host


@pytest.mark.unit
@given(
    st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(max_size=50))),
    st.lists(st.integers(0, 2000)),
)
def test_frames_are_taken_apart_however_the_stream_is_cut(frames, cuts):
    numbers = {"stdout": 1, "stderr": 2}
    data = b"".join(bytes([numbers[name], 0, 0, 0]) + len(text).to_bytes(4, "big") + text for name, text in frames)
    found = {"stdout": b"", "stderr": b""}

    def keep(stream, text):
        found[stream] += text

    splitter = FrameSplitter(keep)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in zip(places, places[1:], strict=False):  # noqa: RUF007
        splitter.feed(data[start:end])
    for stream, text in found.items():
        assert text == b"".join(part for name, part in frames if name == stream)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("name", ("name", "latest")),
        ("owner/name:1.2", ("owner/name", "1.2")),
        ("host:5000/owner/name", ("host:5000/owner/name", "latest")),
        ("host:5000/owner/name:v1", ("host:5000/owner/name", "v1")),
        ("name@sha256:abc", ("name", "sha256:abc")),
    ],
)
def test_references_have_a_tag(image, parts):
    assert split_reference(image) == parts


@pytest.mark.unit
def test_an_image_is_named_after_all_that_goes_into_it(tmp_path):
    family = tmp_path / "nodejs"
    family.mkdir()
    (family / "launcher.js").write_text("1")
    runtime = dataclasses.replace(worlds._runtime(), directory=family)
    before = recipe_digest(runtime)
    assert recipe_digest(runtime) == before
    (family / "launcher.js").write_text("2")
    changed = recipe_digest(runtime)
    assert changed != before
    (tmp_path / "provision").write_text("steps")
    assert recipe_digest(runtime) != changed
