"""What a zygote adds to the port: slots of one namespace share one, and what it imported; others do not."""

import asyncio

import orjson
import pytest
import worlds
from worlds import LIMIT, run, value

from argo_proxy.sandboxes.port import Answered, Gone, SandboxSpec
from argo_proxy.sandboxes.zygote.launching import imports_of

SOURCE = """
import sys, decimal
import os
def main(args):
    open(os.path.join(os.environ["TMPDIR"], args["file"]), "w").close()
    return {"pid": os.getpid(), "parent": os.getppid(), "files": os.listdir("."), "group": os.getpgrp(), "uid": os.getuid()}
"""


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import json, xml.etree.ElementTree as ET\nfrom email.message import Message\n", ("email.message", "json", "xml.etree.ElementTree")),
        ("def main(args):\n    import ssl\n    return {}", ("ssl",)),
        ("from . import mine\nimport\nprint('import this')", ()),
        ("", ()),
    ],
)  # fmt: skip
def test_finds_what_a_source_imports(source, modules):
    assert imports_of(source) == modules


@pytest.fixture
async def world(tmp_path):
    world = await worlds.zygote_world({}, tmp_path)
    yield world
    await asyncio.gather(*(sandbox.destroy() for sandbox in world.started))
    assert worlds.leftovers(world.installation) == []
    await world.driver.close()


async def slot(world, namespace, source=SOURCE):
    sandbox = await world.driver.create(SandboxSpec(world.runtime, 128))
    world.started.append(sandbox)
    given = {"name": "f", "main": "main", "code": source, "env": {"__OW_NAMESPACE": namespace}}
    answer = await sandbox.init(orjson.dumps({"value": given}), timeout=30, limit=LIMIT)
    assert isinstance(answer, Answered), answer
    return sandbox


@pytest.mark.contract
async def test_slots_of_a_namespace_come_from_one_zygote_and_keep_their_files_apart(world):
    one, two = await slot(world, "guest"), await slot(world, "guest")
    first, second = value(await run(one, file="a")), value(await run(two, file="b"))
    assert first["pid"] != second["pid"]
    assert first["parent"] == second["parent"]
    assert (first["files"], second["files"]) == (["a"], ["b"])
    assert first["group"] == first["pid"]
    assert one.zygote_pid == two.zygote_pid


@pytest.mark.contract
async def test_namespaces_and_sets_of_modules_have_their_own(world):
    one, two = await slot(world, "guest"), await slot(world, "other")
    three = await slot(world, "guest", "import ssl\ndef main(args): return {}")
    assert len({one.zygote_pid, two.zygote_pid, three.zygote_pid}) == 3
    users = {value(await run(sandbox, file="x"))["uid"] for sandbox in (one, two)}
    if world.driver._process.means.users:  # as root: each namespace has a user of its own, and none is root
        assert len(users) == 2
        assert 0 not in users


@pytest.mark.contract
async def test_the_last_slot_takes_its_zygote_along(world):
    one, two = await slot(world, "guest"), await slot(world, "guest")
    await one.destroy()
    assert value(await run(two, file="y"))["files"] == ["y"]
    await two.destroy()
    assert world.driver._houses == {}


@pytest.mark.contract
async def test_a_zygote_that_ends_takes_all_its_slots_along_and_the_next_one_starts_anew(world):
    one = await slot(world, "guest")
    ends = asyncio.Queue()
    one.on_exit(ends.put_nowait)
    house = next(iter(world.driver._houses.values()))
    house._host._process.kill()
    async with asyncio.timeout(20):
        assert isinstance(await ends.get(), Gone)
    again = await slot(world, "guest")
    assert value(await run(again, file="z"))["files"] == ["z"]
