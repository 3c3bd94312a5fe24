"""A namespace's NIUk through crashes and replacements, with a real host."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop

from argo_proxy.sandboxes.niuk.client import NiukGone, NiukRefused
from argo_proxy.sandboxes.niuk.crashes import CrashLedger
from argo_proxy.sandboxes.niuk.frames import Flag, Status
from argo_proxy.sandboxes.niuk.house import Crash, NiukBanned, NiukHouse
from argo_proxy.sandboxes.niuk.launching import HostProcess, PlainLauncher, spawn

from .functions import SECONDS, function, library_at, run


@contextlib.asynccontextmanager
async def house_of(program: Path, work: Path, crashes: list[Crash] | None = None) -> AsyncIterator[NiukHouse]:
    house = NiukHouse("guest", PlainLauncher(program, work), on_crash=crashes.append if crashes is not None else None)
    try:
        yield house
    finally:
        await house.close()


async def until(holds: object) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():  # type: ignore[operator]
            await asyncio.sleep(0.005)


@pytest.mark.integration
async def test_many_functions_share_one_process(host_program: Path, fake_library: Path, work: Path) -> None:
    library = library_at(fake_library)
    async with house_of(host_program, work) as house:
        for name in ("f", "g"):
            assert await house.define(function(library, name)) is not None
        assert await house.define(function(library, "f")) is None
        done = await asyncio.gather(*(house.invoke(run(name, {"n": n})) for n in range(20) for name in ("f", "g")))
        assert all(one.result.status is Status.OK for one in done)
        assert house.process is not None
        figures = json.loads(await house.process.stats())
        assert [(one["function"], one["runs"]) for one in figures["functions"]] == [("f", 20), ("g", 20)]
        with pytest.raises(NiukRefused):
            await house.invoke(run("h", {}))


@pytest.mark.integration
async def test_a_crash_is_told_to_all_and_the_next_invocation_runs(
    host_program: Path, fake_library: Path, work: Path
) -> None:
    crashes: list[Crash] = []
    library = library_at(fake_library)
    async with house_of(host_program, work, crashes) as house:
        await house.define(function(library, "bad"))
        await house.define(function(library, "good"))
        outcomes = await asyncio.gather(
            house.invoke(run("good", {"do": "loop"})),
            house.invoke(run("bad", {"do": "crash"})),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [NiukGone, NiukGone]
        began = time.monotonic()
        assert (await house.invoke(run("good", {"x": 1}))).result.body == b'{"x":1}'
        assert time.monotonic() - began < SECONDS
        await until(lambda: crashes)
        assert set(crashes[0].ended.in_flight) == {"bad", "good"}
        assert crashes[0].ended.exit_code == -11


@pytest.mark.integration
async def test_a_function_that_crashed_it_twice_stays_out(host_program: Path, fake_library: Path, work: Path) -> None:
    crashes: list[Crash] = []
    library = library_at(fake_library)
    async with house_of(host_program, work, crashes) as house:
        await house.define(function(library, "bad"))
        await house.define(function(library, "good"))
        for count in (1, 2):
            with pytest.raises(NiukGone):
                await house.invoke(run("bad", {"do": "crash"}))
            await until(lambda count=count: len(crashes) == count)
        assert crashes[1].banned == ("bad",)
        with pytest.raises(NiukBanned):
            await house.define(function(library, "bad"))
        assert (await house.invoke(run("good", {}))).result.status is Status.OK


@pytest.mark.integration
async def test_a_stuck_host_is_replaced_while_others_finish(host_program: Path, fake_library: Path, work: Path) -> None:
    library = library_at(fake_library)
    async with house_of(host_program, work) as house:
        await house.define(function(library, "stuck"))
        await house.define(function(library, "slow"))
        old = house.process
        slow = asyncio.ensure_future(house.invoke(run("slow", {"do": "sleep", "ms": 2500})))
        done = await house.invoke(run("stuck", {"do": "stuck"}, timeout_ms=30))
        assert done.result.status is Status.TIMED_OUT
        assert Flag.STUCK in done.result.timing.flags
        await until(lambda: house.process is not old)
        assert (await house.invoke(run("slow", {"x": 1}))).result.body == b'{"x":1}'
        assert house.process is not old
        assert (await slow).result.body == b'{"slept":true}'


@pytest.mark.integration
def test_works_in_the_loop_that_the_service_uses(host_program: Path, fake_library: Path, work: Path) -> None:
    async def one_life() -> bytes:
        async with house_of(host_program, work) as house:
            await house.define(function(library_at(fake_library)))
            with pytest.raises(NiukGone):
                await house.invoke(run("f", {"do": "crash"}))
            return (await house.invoke(run("f", {"x": 1}))).result.body

    assert uvloop.run(one_life()) == b'{"x":1}'


@pytest.mark.integration
async def test_a_bad_init_is_the_callers_to_hear(host_program: Path, fake_library: Path, work: Path) -> None:
    async with house_of(host_program, work) as house:
        with pytest.raises(NiukRefused, match="bad init"):
            await house.define(function(library_at(fake_library), request=b'{"fail":1}'))
        assert house.functions == ()


@pytest.mark.integration
async def test_a_program_that_does_not_start_is_an_error_in_words(work: Path) -> None:
    async with house_of(Path("/bin/false"), work) as house:
        with pytest.raises(NiukGone):
            await house.start()


@pytest.mark.integration
async def test_what_a_host_held_is_given_back_once() -> None:
    freed: list[int] = []
    process = await spawn(("sleep", "60"), {"PATH": "/usr/bin:/bin"})
    host = HostProcess(process, lambda: freed.append(1), None)
    await asyncio.gather(host.end(), host.end())
    await host.end()
    assert (freed, host.exit_code) == ([1], -9)


@pytest.mark.unit
def test_pauses_grow_and_are_forgotten() -> None:
    ledger = CrashLedger()
    assert ledger.pause(0.0) == 0.0
    pauses = []
    for _ in range(12):
        ledger.crashed(("f",), 100.0)
        pauses.append(round(ledger.pause(100.0), 3))
    assert pauses[:4] == [0.0, 0.1, 0.2, 0.4]
    assert max(pauses) == 30.0
    assert ledger.pause(115.0) == 15.0
    assert ledger.pause(161.0) == 0.0


@pytest.mark.unit
def test_two_crashes_ban_a_function_and_no_other() -> None:
    ledger = CrashLedger()
    ledger.crashed(("f", "g", "f"), 0.0)
    ledger.crashed(("f",), 1.0)
    assert [ledger.is_banned(name) for name in "fgh"] == [True, False, False]
