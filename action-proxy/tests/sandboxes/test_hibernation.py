"""A sandbox whose memory was put out to swap is as it was: what its function holds, what it answers, what it may use."""

import asyncio
import mmap
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import worlds
from worlds import run, value

from argo_proxy.sandboxes import paging
from argo_proxy.sandboxes.hibernator import SwapError, SwapHibernator, has_swap, swap_file, why_no_hibernation
from argo_proxy.sandboxes.port import Gone, HibernatingSandbox
from argo_proxy.sizes import sizes

pytestmark = pytest.mark.integration

HELD_MB = 24
SOURCES = {
    "remembers": f"held = bytes(range(256)) * ({HELD_MB} << 12)\n"
    "def main(args):\n"
    "    more = b'x' * (args.get('mb', 0) << 20)\n"
    "    return {'sum': sum(held[::4096]) + sum(held[255::4096]), 'more': len(more) >> 20}\n",
}
SUM = 255 * (HELD_MB << 8)
SLEEPER = """
import mmap, os, sys, time
own = bytearray(os.urandom(1 << 20) * 16)
shared = mmap.mmap(-1, 4 << 20)
shared[:] = bytes(4 << 20)
before = hash(bytes(own))
print("ready", flush=True)
sys.stdin.readline()
print(hash(bytes(own)) == before, flush=True)
sys.stdin.readline()
"""

CHANGED_PAGES = 200
CHANGER = """
import mmap, os, sys
with open(sys.argv[1], "rb") as file:
    own = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
pages = range(0, len(own), 2 * mmap.PAGESIZE)
for page in pages:
    own[page] = 7
print("ready", flush=True)
for _ in sys.stdin:
    print(all(own[page] == 7 for page in pages), flush=True)
"""


@pytest.fixture(scope="module")
def swap(tmp_path_factory):
    """Swap of our own, whatever the machine has."""
    path = tmp_path_factory.mktemp("swap") / "swap"
    with asyncio.Runner() as runner:
        file = swap_file(path, 512)
        try:
            runner.run(file.__aenter__())
        except SwapError as error:
            worlds.missing(f"no swap can be made here: {error}")
        if reason := why_no_hibernation():
            worlds.missing(reason)
        yield path
        runner.run(file.__aexit__(None, None, None))


@pytest.fixture(params=["process", "container", "zygote"])
async def world(request, swap, tmp_path_factory):
    world = await getattr(worlds, f"{request.param}_world")(SOURCES, tmp_path_factory.mktemp("w"))
    yield world
    await asyncio.gather(*(sandbox.destroy() for sandbox in world.started))
    await world.driver.close()


def swapped_mb(pids) -> int:
    return sum(sizes(Path(f"/proc/{pid}/status")).get("VmSwap", 0) for pid in pids) >> 20


def in_memory_mb(group) -> int:
    """As the kernel charges it: what processes map, and what is cached for them."""
    counted = group / "memory.current" if (group / "memory.current").exists() else group / "memory.usage_in_bytes"
    return int(counted.read_text()) >> 20


class TestHibernation:
    async def test_what_a_function_holds_goes_out_and_comes_back(self, world):
        hibernator, sandbox = SwapHibernator(), await world.start("remembers")
        assert isinstance(sandbox, HibernatingSandbox)
        assert value(await run(sandbox)) == {"sum": SUM, "more": 0}
        home = await sandbox.residence()
        for _ in range(2):
            put_out = await hibernator.put_out(home)
            await hibernator.let_go(home)
            assert swapped_mb(home.processes) >= HELD_MB - 4
            assert in_memory_mb(home.group) < HELD_MB // 2, "not even in the kernel's cache"
            hibernator.call_back(put_out)
            assert value(await run(sandbox)) == {"sum": SUM, "more": 0}

    async def test_it_may_use_no_more_memory_than_before(self, world):
        sandbox = await world.start("remembers", memory_mb=128)
        home = await sandbox.residence()
        await SwapHibernator().put_out(home)
        await SwapHibernator().let_go(home)
        assert value(await run(sandbox, mb=48)) == {"sum": SUM, "more": 48}
        answer = await run(sandbox, mb=160)
        assert isinstance(answer, Gone)
        assert answer.out_of_memory

    async def test_one_that_has_ended_has_nothing_to_put_out(self, world):
        sandbox, hibernator = await world.start("remembers"), SwapHibernator()
        home = await sandbox.residence()
        await sandbox.destroy()
        hibernator.call_back(await hibernator.put_out(home))
        await hibernator.let_go(home)
        after = await sandbox.residence()
        assert after is None or not after.processes


@pytest.fixture
def sleeper():
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.fixture
def changer(tmp_path):
    """It has changed pages of a file that it has mapped for itself."""
    file = tmp_path / "mapped"
    file.write_bytes(bytes(2 * CHANGED_PAGES * mmap.PAGESIZE))
    with subprocess.Popen(
        [sys.executable, "-c", CHANGER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def changed_in_memory(changer) -> int:
    """Pages of the mapped file that are in its memory, and its own."""
    lines = iter(Path(f"/proc/{changer.pid}/smaps").read_text().splitlines())
    next(line for line in lines if line.endswith("/mapped"))
    return int(next(line for line in lines if line.startswith("Anonymous:")).split()[1]) * 1024 // mmap.PAGESIZE


def wakes_whole(sleeper) -> bool:
    sleeper.stdin.write("\n")
    sleeper.stdin.flush()
    return sleeper.stdout.readline() == "True\n"


@pytest.mark.usefixtures("swap")
class TestPaging:
    @pytest.mark.parametrize("tells", [True, False], ids=["ranges known", "older kernel"])
    def test_private_memory_goes_and_shared_memory_stays(self, sleeper, monkeypatch, tells):
        if not tells:
            monkeypatch.setattr(paging, "_address_space", lambda: 0)
        (out,) = paging.put_out([sleeper.pid])
        assert bool(out.ranges) is (tells and paging._address_space() > 0)
        assert swapped_mb([sleeper.pid]) >= 16
        assert sizes(Path(f"/proc/{sleeper.pid}/status"))["RssShmem"] >= 4 << 20
        with ThreadPoolExecutor(1) as readers:
            paging.call_back([out], readers)
        assert wakes_whole(sleeper)

    def test_more_than_a_call_takes_is_told_in_parts(self, sleeper, monkeypatch):
        monkeypatch.setattr(paging, "_MOST_BYTES", 3 * mmap.PAGESIZE)
        monkeypatch.setattr(paging, "_REGIONS", 2)
        paging.put_out([sleeper.pid])
        assert swapped_mb([sleeper.pid]) >= 16
        assert wakes_whole(sleeper)

    def test_what_was_changed_of_a_file_comes_back_from_the_second_time_on(self, changer):
        (first,) = paging.put_out([changer.pid])
        assert not first.changed
        assert changed_in_memory(changer) < CHANGED_PAGES // 2
        assert wakes_whole(changer)
        (second,) = paging.put_out([changer.pid], {changer.pid})
        assert changed_in_memory(changer) < CHANGED_PAGES // 2
        with ThreadPoolExecutor(2) as readers:
            paging.call_back([second], readers)
        assert changed_in_memory(changer) == CHANGED_PAGES
        assert wakes_whole(changer)

    def test_pages_that_are_gone_are_passed_over(self, changer):
        (out,) = paging.put_out([changer.pid], {changer.pid})
        gone, pages = changer.pid, len(out.changed) // 2
        assert pages >= CHANGED_PAGES
        changer.kill()
        changer.wait()
        with ThreadPoolExecutor(1) as readers:
            paging.call_back([paging.PutOut(gone, out.ranges, out.changed)], readers)

    def test_nothing_is_put_out_where_there_is_no_room_for_it(self, sleeper, monkeypatch):
        monkeypatch.setattr(paging, "swap_bytes", lambda: (1 << 30, paging._SWAP_KEPT + (8 << 20)))
        with pytest.raises(paging.NoSwap, match="only 8 MB of swap are left"):
            paging.put_out([sleeper.pid])
        assert swapped_mb([sleeper.pid]) == 0

    def test_a_process_that_is_not_there_is_passed_over(self):
        assert paging.put_out([2**22 - 1]) == []


class TestSwapFile:
    def test_it_is_this_users_alone_and_gone_afterwards(self, tmp_path):
        async def used() -> None:
            async with swap_file(tmp_path / "swap", 16):
                assert has_swap()
                assert (tmp_path / "swap").stat().st_mode & 0o777 == 0o600
                async with swap_file(tmp_path / "swap", 16):  # one that a killed service left is taken as it is
                    assert has_swap()

        if os.geteuid():
            worlds.missing("only root makes swap")
        asyncio.run(used())
        assert not (tmp_path / "swap").exists()

    def test_what_cannot_be_made_is_said_and_leaves_nothing(self, tmp_path):
        async def used(folder, size) -> None:
            async with swap_file(folder / "swap", size):
                raise AssertionError("never comes here")

        with pytest.raises(SwapError, match="No such file"):
            asyncio.run(used(tmp_path / "nowhere", 16))
        with pytest.raises(SwapError, match=r"No space|[Tt]oo large"):
            asyncio.run(used(tmp_path, 1 << 30))
        assert list(tmp_path.iterdir()) == []
