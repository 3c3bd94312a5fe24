"""The port `Sandbox` over NIUks: confined hosts where this machine can confine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.niuk import reports
from argo_proxy.sandboxes.niuk.binary import HOST_VARIABLE
from argo_proxy.sandboxes.niuk.consolidation import Room
from argo_proxy.sandboxes.niuk.driver import NiukDriver
from argo_proxy.sandboxes.niuk.frames import IsolatePolicy, Status
from argo_proxy.sandboxes.niuk.process import Library
from argo_proxy.sandboxes.niuk.slot import Compiled, InitRequest, NiukSlot, SlotEvents
from argo_proxy.sandboxes.niuk.walls import WallSettings
from argo_proxy.sandboxes.port import Answered, Gone, SandboxCreationError, SandboxSpec, Shortfall, TimedOut

from .functions import SECONDS, library_at

pytestmark = pytest.mark.integration
LIMIT = 1 << 20
JAVA = Runtime(kind="java:17", family="java", directory=Path("/"), command=("java",))


@dataclass
class Heard:
    misses: list[tuple[str, Status, bytes]] = field(default_factory=list)
    records: list[tuple[reports.Record, tuple[reports.Log, ...]]] = field(default_factory=list)
    runs: list[tuple[str, str, int]] = field(default_factory=list)

    def events(self) -> SlotEvents:
        return SlotEvents(
            on_miss=lambda *miss: self.misses.append(miss),
            on_record=lambda _, record, logs: self.records.append((record, logs)),
            on_run=lambda *run: self.runs.append(run),
        )


@dataclass
class AllCompiled:
    """Every action but `/guest/none` was built, and does what its parameters say."""

    library: Library
    policy: IsolatePolicy

    async def find(self, request: InitRequest) -> Compiled | None:
        return None if request.name == "none" else Compiled(self.library, policy=self.policy)


@contextlib.asynccontextmanager
async def driver_of(
    program: Path,
    library: Path,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    heard: Heard | None = None,
    waiting: int = 0,
    *,
    room: Room | None = None,
    policy: IsolatePolicy | None = None,
) -> AsyncIterator[NiukDriver]:
    monkeypatch.setenv(HOST_VARIABLE, str(program))
    settings = WallSettings(f"t{os.getpid()}", work / "run", (library.parent,))
    compiled = AllCompiled(library_at(library), policy or IsolatePolicy())
    driver = NiukDriver(settings, compiled, events=(heard or Heard()).events(), waiting=waiting, room=room)
    report = await driver.probe()
    if not report.available:
        pytest.fail(report.reason) if os.environ.get("CI") == "true" else pytest.skip(report.reason)
    try:
        yield driver
    finally:
        await driver.close()
    assert not settings.run_dir.exists(), "what ended in order leaves nothing"


def init_body(name: str, **env: str) -> bytes:
    platform = {
        "__OW_NAMESPACE": "guest",
        "__OW_ACTION_NAME": f"/guest/{name}",
        "__OW_ACTIVATION_ID": os.urandom(4).hex(),
    }
    return json.dumps(
        {"value": {"name": name, "main": "main", "binary": True, "code": "", "env": platform | env}}
    ).encode()


def run_body(value: object) -> bytes:
    body = {"value": value, "activation_id": "a1", "action_name": "/guest/f", "deadline": "99", "api_key": "k"}
    return json.dumps(body, separators=(",", ":")).encode()


async def slot_of(driver: NiukDriver, name: str = "f", **env: str) -> NiukSlot:
    slot = await driver.create(SandboxSpec(JAVA, memory_mb=128))
    answer = await slot.init(init_body(name, **env), timeout=SECONDS, limit=LIMIT)
    assert answer == Answered(200, b'{"ok":true}', 11), answer
    return slot


async def run(slot: NiukSlot, value: object, seconds: float = SECONDS) -> object:
    return await slot.run(run_body(value), timeout=seconds, limit=LIMIT)


async def test_slots_of_a_namespace_share_one_process(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch) as driver:
        slots = [await slot_of(driver, name) for name in ("f", "f", "g")]
        answers = await asyncio.gather(*(run(slot, {"do": "sleep", "ms": 20}) for slot in slots))
        assert {answer.status for answer in answers} == {200}
        house = driver.house("guest")
        assert len(house.functions) == 2
        process = house.process
        assert process is not None
        for slot in slots:
            await slot.destroy()
            await slot.destroy()
        assert house.process is None, "scaled to zero"
        await process.stop()


async def test_isolates_come_and_go_with_their_slots(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch, policy=IsolatePolicy(idle_ms=1)) as driver:
        slots = [await slot_of(driver, "f") for _ in range(3)]
        await slots[0].grow(3)
        process = driver.houses[0].process
        assert process is not None
        await slots[2].destroy()
        async with asyncio.timeout(SECONDS):
            while (idle := json.loads(await process.stats())["functions"][0]["idle"]) != 2:
                assert idle == 3
                await asyncio.sleep(0.01)
        assert (await run(slots[0], {"x": 1})).status == 200


async def test_what_a_full_niuk_does_not_take_goes_into_a_second_one(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch, room=Room(1000, most=2)) as driver:
        slots = [await slot_of(driver, "f")]
        [first] = driver.houses
        first.seen(840)
        slots += [await slot_of(driver, name) for name in ("g", "f", "g")]
        _, second = driver.houses
        assert [len(house.functions) for house in driver.houses] == [1, 2]
        assert first.process is not second.process
        answers = [await run(slot, {"x": number}) for number, slot in enumerate(slots)]
        assert [json.loads(answer.body) for answer in answers] == [{"x": number} for number in range(4)]
        second.seen(900)
        slots.append(await slot_of(driver, "h"))
        assert driver.houses == (first, second), "no more than may be: the emptier one takes it"
        assert len(first.functions) == 2
        for slot in slots[1:4]:
            await slot.destroy()
        assert driver.houses == (first,), "and what nobody uses any more goes"


async def test_a_function_sees_its_environment_and_its_output_is_collected(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch) as driver:
        slot = await slot_of(driver)
        answer = await run(slot, {"do": "env"})
        environment = json.loads(answer.body)["env"]
        assert environment["__OW_ACTIVATION_ID"] == "a1"
        assert environment["__OW_API_KEY"] == "k"
        await run(slot, {"do": "print", "lines": 3, "text": "hello", "stream": 2})
        logs = await slot.collect_logs(limit=1000, wait=0)
        assert [(line.stream, line.text) for line in logs.lines] == [("stderr", "hello")] * 3
        await run(slot, {"do": "print", "lines": 3, "text": "hello"})
        short = await slot.collect_logs(limit=60, wait=0)
        assert (len(short.lines), short.truncated) == (1, True)
        assert (await slot.collect_logs(limit=1000, wait=0)).lines == ()


async def test_what_went_wrong_is_told_in_the_ports_words(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    async with driver_of(host_program, fake_library, work, monkeypatch, heard) as driver:
        slot = await slot_of(driver)
        assert (await run(slot, {"do": "throw"})).status == 502
        assert await run(slot, {"do": "loop"}, seconds=0.05) == TimedOut()
        assert await run(slot, {"do": "oom"}) == Gone(out_of_memory=True)
        assert await run(slot, {"do": "exit"}) == Gone(sent=True)
        assert (await run(slot, {"do": "missing"})).status == 502
        assert [(action, status) for action, status, _ in heard.misses] == [("/guest/f", Status.MISSING)]
        assert {run[:2] for run in heard.runs} == {("guest", "/guest/f")}
        assert all(took > 0 for _, _, took in heard.runs)
        assert await run(slot, {"do": "crash"}) == Gone(shortfall=Shortfall.CRASHED)
        assert (await run(slot, {"x": 1})).body == b'{"x":1}'
        cut = await slot.run(run_body({"do": "big", "bytes": 1000}), timeout=SECONDS, limit=100)
        assert (len(cut.body), cut.length) == (100, 1010)


async def test_calls_inside_are_recorded_with_their_output(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    async with driver_of(host_program, fake_library, work, monkeypatch, heard) as driver:
        await slot_of(driver, "inner")
        slot = await slot_of(driver)
        inner = {"do": "print", "text": "from inside"}
        await run(slot, {"do": "invoke", "name": "inner", "params": inner})
        ((record, logs),) = heard.records
        assert record.function.startswith("/guest/inner@")
        assert [log.line for log in logs] == [b"from inside"]
        assert (await slot.collect_logs(limit=1000, wait=0)).lines == ()


async def test_a_function_that_was_not_built_goes_elsewhere(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch) as driver:
        slot = await driver.create(SandboxSpec(JAVA, memory_mb=128))
        answer = await slot.init(init_body("none"), timeout=SECONDS, limit=LIMIT)
        assert isinstance(answer, Answered)
        assert answer.status == 503
        python = Runtime(kind="python:3.11", family="python", directory=Path("/"), command=("python3",))
        with pytest.raises(SandboxCreationError):
            await driver.create(SandboxSpec(python, memory_mb=128))


async def test_hosts_run_confined(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch) as driver:
        await slot_of(driver)
        process = driver.house("guest").process
        assert process is not None
        host = await asyncio.to_thread(_deepest, process.pid)
        status, namespace = await asyncio.to_thread(_confinement, host)
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert [int(status[f"Cap{which}"], 16) for which in ("Inh", "Prm", "Eff", "Amb")] == [0, 0, 0, 0]
        if os.geteuid() == 0:
            ids = {int(number) for which in ("Uid", "Gid") for number in status[which].split()}
            assert len(ids) == 1
            assert min(ids) >= 1_000_000
            assert (int(status["CapBnd"], 16), status["Groups"].split()) == (0, [])
        assert os.sched_getscheduler(host) == os.SCHED_BATCH
        folders = await asyncio.to_thread(lambda: [path.stat() for path in (work / "run").glob("*/io")])
        assert [(found.st_uid, found.st_mode & 0o777) for found in folders] == [(os.geteuid(), 0o711)]
        assert namespace != await asyncio.to_thread(lambda: Path("/proc/self/ns/mnt").readlink())


def _confinement(pid: int) -> tuple[dict[str, str], Path]:
    inside = Path("/proc", str(pid))
    lines = (inside / "status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return status, (inside / "ns/mnt").readlink()


def _deepest(pid: int) -> int:
    """The host itself, below the shell's and bubblewrap's processes."""
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(children[0])
    return pid


async def test_what_a_crashed_service_left_is_swept(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch) as driver:
        await slot_of(driver)
        process = driver.house("guest").process
        assert process is not None
        assert await driver.sweep() == 1
        async with asyncio.timeout(SECONDS):
            while driver.house("guest").process is process:
                await asyncio.sleep(0.01)


async def test_a_swept_driver_keeps_a_confined_host_waiting(
    host_program: Path, fake_library: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with driver_of(host_program, fake_library, work, monkeypatch, waiting=1) as driver:
        assert await driver.sweep() == 0
        stock = driver._stock
        assert stock is not None
        await stock.filled()
        (waiting,) = stock._waiting
        await slot_of(driver)
        process = driver.house("guest").process
        assert process is not None
        assert process.pid == waiting.host.pid
