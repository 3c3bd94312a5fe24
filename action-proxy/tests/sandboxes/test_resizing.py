"""A sandbox that was made before its function's memory limit was known is like one that was made for it."""

import asyncio

import pytest
import worlds
from functions import FILLS_TMP
from worlds import run, value

from argo_proxy.sandboxes.port import Answered, Gone

pytestmark = pytest.mark.integration

SOURCES = {
    "holds": "def main(args): return {'held': len(b'x' * (args['mb'] << 20)) >> 20}",
    "fills_tmp": FILLS_TMP,
}
NO_SPACE = 28


@pytest.fixture
async def world(tmp_path_factory):
    world = await worlds.process_world(SOURCES, tmp_path_factory.mktemp("w"))
    if not world.driver.resizes:
        worlds.missing("this machine sets no limits of running processes")
    yield world
    await asyncio.gather(*(sandbox.destroy() for sandbox in world.started))
    await world.driver.close()


async def resized(world, name: str, before: int, after: int):
    sandbox = await world.create(memory_mb=before, grows_to_mb=512)
    sandbox.resize(after)
    answer = await world.init(sandbox, name)
    assert isinstance(answer, Answered), answer
    assert answer.status == 200, answer
    return sandbox


@pytest.mark.parametrize(("before", "after"), [(256, 64), (64, 256), (256, 256)])
async def test_memory_is_what_it_was_resized_to(world, before, after):
    sandbox = await resized(world, "holds", before, after)
    assert value(await run(sandbox, mb=after // 2)) == {"held": after // 2}
    answer = await run(sandbox, mb=after + 8)
    assert isinstance(answer, Gone)
    assert answer.out_of_memory


@pytest.mark.parametrize(("before", "after"), [(256, 64), (64, 256)])
async def test_so_is_the_temporary_folder(world, before, after):
    sandbox = await resized(world, "fills_tmp", before, after)
    found = value(await run(sandbox))
    assert found["error"] == NO_SPACE
    assert after // 4 < found["written"] >> 20 <= after // 2


async def test_a_sandbox_that_cannot_be_resized_gets_no_user_code(world):
    sandbox = await world.create(memory_mb=128)
    sandbox.resize(64)
    sandbox._holdings.group.limit = refuses
    answer = await world.init(sandbox, "holds")
    assert answer == Gone(out_of_memory=False, exit_code=None, sent=False)


def refuses(_limits):
    raise OSError("no")
