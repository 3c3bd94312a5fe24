"""The pure parts of process sandboxes, and what they do where less is allowed."""

import asyncio
import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest
import worlds

from argo_proxy.sandboxes.port import SandboxCreationError
from argo_proxy.sandboxes.process.cgroups import ControlGroups, Limits
from argo_proxy.sandboxes.process.confinement import Confinement, command_line
from argo_proxy.sandboxes.process.seccomp import compile_filter
from argo_proxy.sandboxes.process.users import UserIds

LIMITS = Limits(memory_bytes=128 << 20, cpus=0.5, pids=50)


def verdict(program: bytes, number: int, architecture: int, argument: int = 0) -> int:
    """Runs a filter as the kernel would."""
    data = struct.pack(
        "<IIQQ", number, architecture, 0, argument
    )  # number, machine, instruction pointer, first argument
    accumulator, place = 0, 0
    while True:
        code, if_true, if_false, operand = struct.unpack_from("<HBBI", program, place * 8)
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            return operand
        else:
            tests = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}
            place += if_true if tests[code] else if_false


@pytest.mark.unit
class TestSystemCallFilter:
    X86, ALLOW, EPERM, ENOSYS = 0xC000003E, 0x7FFF0000, 0x00050001, 0x00050026

    def test_lets_ordinary_calls_pass(self):
        program = compile_filter("x86_64")
        for number in (0, 1, 2, 9, 41, 57, 59, 202, 257, 281, 318):  # read … getrandom
            assert verdict(program, number, self.X86) == self.ALLOW

    @pytest.mark.parametrize("number", [101, 155, 161, 165, 166, 175, 250, 272, 298, 304, 308, 321, 323, 425])
    def test_refuses_what_only_administrators_need(self, number):
        assert verdict(compile_filter("x86_64"), number, self.X86) == self.EPERM

    def test_lets_threads_be_made_but_no_namespaces(self):
        program = compile_filter("x86_64")
        flags = {"thread": 0x003D0F00, "fork": 0x01200011, "user": 0x10000000, "mount": 0x00020011}
        found = {name: verdict(program, 56, self.X86, each) for name, each in flags.items()}
        assert found == {"thread": self.ALLOW, "fork": self.ALLOW, "user": self.EPERM, "mount": self.EPERM}

    def test_hides_clone3_and_foreign_numbers(self):
        program = compile_filter("x86_64")
        assert verdict(program, 435, self.X86) == self.ENOSYS
        assert verdict(program, 0x40000001, self.X86) == self.ENOSYS
        assert verdict(program, 1, 0x40000003) == self.ENOSYS

    def test_knows_two_machines(self):
        assert compile_filter("aarch64") is not None
        assert compile_filter("riscv64") is None


def confinement_of(folder: Path, **more: Any) -> Confinement:
    return Confinement(
        command=["true"],
        environment={},
        runtime=folder,
        socket_folder=folder,
        passwd=folder,
        group=folder,
        uid=1,
        tmp_bytes=1,
        pids=1,
        file_bytes=1,
        **more,
    )


@pytest.mark.unit
def test_only_a_command_that_sheds_its_rights_is_started_with_them(tmp_path):
    between = [word for word in ("chrt", "setpriv") if word in command_line(confinement_of(tmp_path))]
    assert between == ["chrt", "setpriv"]
    words = command_line(confinement_of(tmp_path, sheds_rights=True))
    assert not {"chrt", "setpriv"} & set(words)
    assert words[words.index("--chdir") :] == ["--chdir", "/tmp", "--", "true"]


@pytest.mark.unit
def test_folders_above_a_tool_are_open_before_anything_is_made_in_them(tmp_path):
    """bubblewrap makes what is missing for root alone: a tool below /var could not be reached by a sandbox's user."""
    tool = Path("/var/cache/argo/tool")
    words = command_line(confinement_of(tmp_path, tools=[tool]))
    for folder in tool.parents[:-1]:
        first = next(i for i, word in enumerate(words) if word == str(folder) or word.startswith(f"{folder}/"))
        assert words[first - 3 : first + 1] == ["--perms", "0755", "--dir", str(folder)]


def test_user_ids_are_apart_and_come_back():
    ids = UserIds("one")
    taken = [ids.take() for _ in range(1000)]
    assert len(set(taken)) == 1000
    assert min(taken) >= 1_000_000
    with pytest.raises(SandboxCreationError, match="in use"):
        ids.take()
    ids.give_back(taken[7])
    assert ids.take() == taken[7]
    assert UserIds("two").first != ids.first


@pytest.mark.unit
class TestControlGroups:
    """Against a folder that looks like the kernel's; the real ones are met in test_confinement."""

    def test_version_2_sets_all_limits_below_one_folder(self, tmp_path):
        (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
        (tmp_path / "cgroup.subtree_control").write_text("")
        (tmp_path / "argo-x").mkdir()
        (tmp_path / "argo-x/cgroup.subtree_control").write_text("memory")
        group = ControlGroups("x", tmp_path).create("p1", LIMITS)
        folder = tmp_path / "argo-x/p1"
        assert group.folders == (folder,)
        assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"
        assert (tmp_path / "argo-x/cgroup.subtree_control").read_text() == "+cpu +pids"
        written = {
            name: (folder / name).read_text() for name in ("memory.max", "memory.swap.max", "cpu.max", "pids.max")
        }
        expected = {"memory.max": str(128 << 20), "memory.swap.max": "0", "cpu.max": "50000 100000", "pids.max": "50"}
        assert written == expected

    def test_version_2_tells_of_memory_and_use(self, tmp_path):
        (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
        (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids")
        (tmp_path / "argo-x").mkdir()
        (tmp_path / "argo-x/cgroup.subtree_control").write_text("cpu memory pids")
        group = ControlGroups("x", tmp_path).create("p1", LIMITS)
        folder = tmp_path / "argo-x/p1"
        assert not group.out_of_memory()
        (folder / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n")
        (folder / "memory.current").write_text("4096\n")
        (folder / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
        (folder / "pids.current").write_text("3\n")
        assert group.out_of_memory()
        assert (group.memory_bytes(), group.cpu_seconds(), group.pids()) == (4096, 1.5, 3)

    def test_missing_controllers_are_named(self, tmp_path):
        (tmp_path / "memory").mkdir()
        assert "no cpu, pids controller" in ControlGroups("x", tmp_path).usable()


UNPRIVILEGED = """
import asyncio, os, sys
from pathlib import Path
from typing import Any
sys.path.insert(0, sys.argv[1])
import worlds
from worlds import run, value

async def main(folder):
    world = await worlds.process_world({"echo": "def main(args): return args"}, Path(folder))
    sandbox = await world.start("echo")
    assert value(await run(sandbox, a=1)) == {"a": 1}
    assert (await sandbox.stats()).memory_bytes > 0
    await sandbox.destroy()
    print((await world.driver.probe()).degraded)

asyncio.run(main(sys.argv[2]))
"""


ORDINARY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


async def as_ordinary_user(*argv: str) -> tuple[int | None, str, str]:
    """Exit status, output and errors of a command run as `nobody`."""
    process = await asyncio.create_subprocess_exec(
        *ORDINARY,
        *argv,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    async with asyncio.timeout(60):
        output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


@pytest.mark.integration
@pytest.mark.skipif(os.geteuid() != 0, reason="drops from root to an ordinary user")
async def test_an_ordinary_user_gets_sandboxes_too_and_is_told_what_they_lack():
    status, _, trouble = await as_ordinary_user(sys.executable, "-c", "import argo_proxy, docker, msgspec")
    if status != 0:
        pytest.skip(f"this Python or checkout is out of an ordinary user's reach: {trouble.strip()[-200:]}")
    _, folder, _ = await as_ordinary_user("mktemp", "-d")
    here = str(Path(worlds.__file__).parent)
    status, output, trouble = await as_ordinary_user(
        *(sys.executable, "-W", "ignore", "-c", UNPRIVILEGED, here, folder.strip())
    )
    if "cannot start a confined process" in trouble or "process sandboxes:" in trouble:
        pytest.skip(f"user namespaces are not allowed here: {trouble.strip()[-200:]}")
    assert status == 0, trouble
    assert "not root" in output
    assert "control groups are not writable" in output
