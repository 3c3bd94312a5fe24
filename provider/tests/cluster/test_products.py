"""Native libraries over a real bus: fetched where the cluster offered them, refused where it did not."""

from __future__ import annotations

import base64
import os
import stat

import pytest
from nats.js.api import ObjectMeta

from argo_provider.cluster import messages, products
from argo_provider.cluster.products import BusProducts, Product

pytestmark = pytest.mark.integration

NAME = "java-function-k1"
CONTENT = os.urandom(500_000)


@pytest.fixture
def folders(tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    (made / "function.so").write_bytes(CONTENT)
    (made / "function.h").write_text("not shared")
    wanted = tmp_path / "wanted"
    wanted.mkdir()
    return made, wanted


async def test_what_one_node_built_another_fetches(join, folders):
    made, wanted = folders
    one, other = await BusProducts.open(await join("n1")), await BusProducts.open(await join("n2"))
    assert not await other.fetch(NAME, wanted)
    await one.offer(NAME, made)
    await one.offer(NAME, made)
    assert await other.fetch(NAME, wanted)
    assert [file.name for file in wanted.iterdir()] == ["function.so"]
    assert (wanted / "function.so").read_bytes() == CONTENT
    assert stat.S_IMODE((wanted / "function.so").stat().st_mode) == 0o755
    assert not await other.fetch("java-function-k2", wanted)


async def test_of_another_kind_of_machine_nothing_is_fetched(join, folders, monkeypatch):
    made, wanted = folders
    shelf = await BusProducts.open(await join())
    await shelf.offer(NAME, made)
    monkeypatch.setattr(products.platform, "libc_ver", lambda: ("glibc", "9.9"))
    assert not await shelf.fetch(NAME, wanted)


async def test_what_no_member_sealed_is_not_loaded(join, folders):
    made, wanted = folders
    shelf = await BusProducts.open(await join())
    stranger = await BusProducts.open(await join(key="another key of the tests"))
    await stranger.offer(NAME, made)
    assert not await shelf.fetch(NAME, wanted)
    await put(shelf, "no description of ours", CONTENT)
    assert not await shelf.fetch(NAME, wanted)
    await put(shelf, sealed(shelf, Product("../function.so", "0" * 64)), CONTENT)
    assert not await shelf.fetch(NAME, wanted)
    assert not any(wanted.iterdir())


async def test_a_library_that_does_not_match_its_hash_is_not_loaded(join, folders):
    made, wanted = folders
    shelf = await BusProducts.open(await join())
    await shelf.offer(NAME, made)
    description = (await shelf._objects.get_info(products._on_this_machine(NAME))).description
    await put(shelf, description, CONTENT[:-1] + b"\0")
    assert not await shelf.fetch(NAME, wanted)
    assert not any(wanted.iterdir())


async def test_a_bus_that_is_gone_costs_a_build_and_no_more(join, folders):
    made, wanted = folders
    bus = await join()
    shelf = await BusProducts.open(bus)
    await bus.close()
    await shelf.offer(NAME, made)
    assert not await shelf.fetch(NAME, wanted)


def sealed(shelf, product):
    subject = products._subject(products._on_this_machine(NAME))
    return base64.b64encode(shelf._bus.seal(subject, messages.encode(product))).decode()


async def put(shelf, description, content):
    name = products._on_this_machine(NAME)
    await shelf._objects.put(name, content, ObjectMeta(name=name, description=description))
