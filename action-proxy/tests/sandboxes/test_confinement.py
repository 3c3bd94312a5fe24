"""What a function cannot do, however it tries: over every technology that runs real code."""

import asyncio
import os
import platform
import signal
import sys
from pathlib import Path

import pytest
import worlds
from functions import FILLS_TMP
from worlds import leftovers, run, value

from argo_proxy.sandboxes.port import Gone, SandboxCreationError, TimedOut
from argo_proxy.sandboxes.process import seccomp

pytestmark = pytest.mark.integration

ADMINISTRATIVE = (
    *("acct", "bpf", "chroot", "clock_settime", "delete_module", "finit_module", "init_module", "kexec_load", "mount"),
    *("open_by_handle_at", "perf_event_open", "pivot_root", "quotactl", "reboot", "setns", "swapoff", "swapon"),
)
KERNEL_FILES = ("/proc/kcore", *(f"/dev/{name}" for name in ("mem", "kmem", "kmsg", "sda", "vda", "kvm")))
KERNEL_KNOBS = (
    *(
        "/proc/sysrq-trigger",
        "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/cgroup.procs",
        "/sys/fs/cgroup/release_agent",
    ),
    *(f"/proc/sys/{name}" for name in ("kernel/core_pattern", "kernel/modprobe", "kernel/hostname", "vm/drop_caches")),
)
SOURCES = {
    "echo": "def main(args): return args",
    "eats_memory": """
def main(args):
    kept = []
    while True: kept.append(b"x" * (8 << 20))
""",
    "forks": """
import os
def main(args):
    while True:
        try: os.fork()
        except OSError: pass
""",
    "forks_and_counts": """
import os, time
def main(args):
    count = 0
    try:
        while count < 10000:
            if os.fork() == 0: time.sleep(60); os._exit(0)
            count += 1
    except OSError as error:
        return {"count": count, "error": error.errno}
""",
    "fills_tmp": FILLS_TMP,
    "floods_logs": """
import sys
def main(args):
    line = "x" * 99 + "\\n"
    for _ in range(1000): sys.stdout.write(line * 1000)
    sys.stdout.flush()
    return {"done": True}
""",
    "one_long_line": "def main(args): print('y' * (1 << 20), flush=True); return {}",
    "closes_streams": "import os\ndef main(args): os.close(1); os.close(2); return {'ok': True}",
    "ignores_signals": """
import signal, time
def main(args):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        try: signal.signal(number, signal.SIG_IGN)
        except ValueError: pass
    while True: pass
""",
    "garbage": """
import launcher_state, time
def main(args):
    launcher_state.sockets[-1].sendall(args["raw"].encode())
    time.sleep(60)
""",
    "answers_twice": """
import launcher_state
def main(args):
    answer = b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n'
    launcher_state.sockets[-1].sendall(answer + b'{}' + answer + b'[]')
    return {"third": True}
""",
    "looks_around": """
import grp, os, pwd
def look(path):
    try: return sorted(os.listdir(path))
    except OSError as error: return error.strerror
def main(args):
    def can_write(folder):
        try:
            with open(os.path.join(folder, "written"), "w") as file: file.write("x")
            return True
        except OSError: return False
    return {
        "seen": {path: look(path) for path in args["paths"]},
        "writable": [path for path in args["folders"] if can_write(path)],
        "processes": [name for name in os.listdir("/proc") if name.isdigit()],
        "environment": dict(os.environ),
        "ids": [os.getuid(), os.geteuid(), os.getgid(), *os.getgroups()],
        "status": open("/proc/self/status").read(),
        "hosts": look("/argo"),
        "names": [pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name],
    }
""",
    "knocks": """
import errno, os, socket
def main(args):
    def outcome(act, *arguments):
        try: return act(*arguments) or "done"
        except OSError as error: return errno.errorcode[error.errno]
    def connect(path):
        with socket.socket(socket.AF_UNIX) as one: one.connect(path)
    def read(path):
        with open(path, "rb") as file: return len(file.read(64))
    def write(path):
        with open(path, "wb", 0) as file: file.write(b"1")
    return {
        "connect": {path: outcome(connect, path) for path in args["sockets"]},
        "read": {path: outcome(read, path) for path in args["files"]},
        "write": {path: outcome(write, path) for path in args["knobs"]},
    }
""",
    "calls": """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def main(args):
    def outcome(number):
        return errno.errorcode[ctypes.get_errno()] if libc.syscall(number, 0, 0, 0, 0, 0) == -1 else "done"
    return {name: outcome(number) for name, number in args["numbers"].items()}
""",
    "dials": """
import errno, socket
def main(args):
    def outcome(host, port):
        try:
            with socket.create_connection((host, port), 10) as one: return one.recv(10).decode()
        except OSError as error: return errno.errorcode.get(error.errno, str(error))
    interfaces = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
    return {"answers": [outcome(*address) for address in args["addresses"]], "interfaces": interfaces}
""",
    "escapes": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def main(args):
    def tried(name, *arguments):
        return getattr(libc, name)(*arguments) == -1
    return {
        "unshare user": tried("unshare", 0x10000000),
        "unshare mount": tried("unshare", 0x00020000),
        "mount": tried("mount", b"none", b"/tmp", b"tmpfs", 0, None),
        "ptrace": libc.ptrace(16, 1, 0, 0) == -1,
        "setuid": tried("setuid", 0),
        "chroot": tried("chroot", b"/tmp"),
        "kill 1": args.get("skip_init") or tried("kill", 1, 9),
        "sethostname": tried("sethostname", b"x", 1),
        "mknod": tried("mknod", b"/tmp/sda", 0o60600, 0x800),
    }
""",
}


@pytest.fixture(params=["process", "container"])
async def world(request, tmp_path_factory):
    make = getattr(worlds, f"{request.param}_world")
    world = await make(SOURCES, tmp_path_factory.mktemp("w"))
    yield world
    await asyncio.gather(*(sandbox.destroy() for sandbox in world.started))
    await world.driver.close()
    assert leftovers(world.installation) == []


@pytest.fixture
async def neighbour(world):
    """Another sandbox, which must not feel what happens in the first."""
    sandbox = await world.start("echo")
    yield sandbox
    assert value(await run(sandbox, timeout=10, still="here")) == {"still": "here"}


class TestResources:
    async def test_memory_over_the_limit_ends_the_function_alone(self, world, neighbour):
        sandbox = await world.start("eats_memory", memory_mb=64)
        answer = await run(sandbox, timeout=60)
        assert isinstance(answer, Gone)
        assert answer.out_of_memory

    async def test_a_fork_bomb_burns_out_within_its_sandbox(self, world, neighbour):
        sandbox = await world.start("forks", pids=64)
        assert isinstance(await run(sandbox, timeout=2), TimedOut | Gone)
        assert value(await run(neighbour, timeout=10, n=1)) == {"n": 1}
        await sandbox.destroy()

    async def test_processes_are_counted(self, world, neighbour):
        answer = value(await run(await world.start("forks_and_counts", pids=40)))
        assert answer["count"] < 40
        assert answer["error"] == 11  # EAGAIN

    async def test_a_full_tmp_is_an_error_of_the_function(self, world, neighbour):
        sandbox = await world.start("fills_tmp", memory_mb=128)
        answer = value(await run(sandbox, timeout=60))
        assert answer["error"] == 28  # ENOSPC
        assert answer["written"] <= 64 << 20

    async def test_a_flood_of_logs_is_cut_and_does_not_block(self, world, neighbour):
        sandbox = await world.start("floods_logs", log_buffer_bytes=1 << 20)
        assert value(await run(sandbox, timeout=60)) == {"done": True}
        logs = await sandbox.collect_logs(limit=1 << 20, wait=30)
        assert logs.truncated
        assert logs.complete
        assert sum(len(line.text) for line in logs.lines) <= 1 << 20
        assert {line.text for line in logs.lines} == {"x" * 99}

    async def test_a_megabyte_in_one_line_comes_in_pieces(self, world):
        sandbox = await world.start("one_long_line")
        value(await run(sandbox))
        logs = await sandbox.collect_logs(limit=4 << 20, wait=10)
        assert "".join(line.text for line in logs.lines) == "y" * (1 << 20)
        assert max(len(line.text) for line in logs.lines) <= 16 * 1024


class TestBadManners:
    async def test_closed_streams_cost_only_the_logs(self, world):
        sandbox = await world.start("closes_streams")
        assert value(await run(sandbox)) == {"ok": True}
        logs = await sandbox.collect_logs(limit=1000, wait=0.2)
        assert not logs.complete

    async def test_ignored_signals_do_not_save_it(self, world):
        sandbox = await world.start("ignores_signals")
        assert await run(sandbox, timeout=0.3) == TimedOut()
        async with asyncio.timeout(10):
            await sandbox.destroy()

    @pytest.mark.parametrize(
        "raw", ["no HTTP at all\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n", "\0" * 100]
    )
    async def test_garbage_is_no_answer(self, world, raw):
        sandbox = await world.start("garbage")
        assert isinstance(await run(sandbox, timeout=20, raw=raw), Gone)

    async def test_a_second_answer_is_not_taken_for_the_next_request(self, world):
        sandbox = await world.start("answers_twice")
        for _ in range(3):
            assert value(await run(sandbox)) == {}


class TestWalls:
    async def test_it_sees_nothing_of_the_machine(self, world, monkeypatch, tmp_path):
        monkeypatch.setenv("ARGO_TEST_SECRET", "hunter2")
        (tmp_path / "secret").write_text("hunter2")
        await world.start("echo")
        sandbox = await world.start("looks_around")
        paths = ["/root", "/home", "/work", "/run", "/var/lib", "/etc/shadow", "/sys/fs/cgroup", str(tmp_path)]
        folders = ["/", "/usr", "/etc", "/argo", "/runtime", "/dev", "/proc", "/var", "/tmp", "/dev/shm"]
        answer = value(await run(sandbox, paths=paths, folders=folders))
        assert "secret" not in str(answer["seen"])
        assert not any(isinstance(seen, list) and "shadow" in seen for seen in answer["seen"].values())
        assert set(answer["writable"]) <= {"/tmp", "/dev/shm"}
        assert "/tmp" in answer["writable"]
        assert "hunter2" not in str(answer["environment"])
        assert answer["hosts"] in ("Permission denied", ["run.sock"])
        assert len(answer["processes"]) < 6

    async def test_it_has_no_privileges(self, world):
        first, second = await world.start("looks_around"), await world.start("looks_around")
        answers = [value(await run(each, paths=[], folders=[])) for each in (first, second)]
        for answer in answers:
            status = dict(line.split(":\t", 1) for line in answer["status"].splitlines() if ":\t" in line)
            for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(status[capabilities], 16) == 0
            assert status["NoNewPrivs"] == "1"
            assert status["Seccomp"] == "2"
            assert answer["names"] == ["action", "action"]
            assert 0 not in answer["ids"]
        if os.geteuid() == 0:
            assert not set(answers[0]["ids"]) & set(answers[1]["ids"])

    async def test_it_cannot_get_any(self, world):
        skip_init = world.driver.kind.value == "container"  # there it is process 1 itself, which is deaf to itself
        answer = value(await run(await world.start("escapes"), skip_init=skip_init))
        assert [name for name, refused in answer.items() if not refused] == []

    async def test_it_reaches_no_socket_that_is_not_its_own(self, world, neighbour):
        """The engine's, and those by which the service speaks to other sandboxes."""
        engines = [
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/run/containerd/containerd.sock",
            "/run/dbus/system_bus_socket",
        ]
        engines += [os.environ[name].removeprefix("unix://") for name in ("DOCKER_HOST",) if name in os.environ]
        others = [str(path) for path in world.driver._settings.run_dir.rglob("*.sock")]
        assert others, "the neighbour's socket"
        answer = value(await run(await world.start("knocks"), sockets=[*engines, *others], files=[], knobs=[]))
        assert set(answer["connect"].values()) <= {"ENOENT", "EACCES", "ENOTDIR"}, answer["connect"]

    async def test_it_can_neither_read_nor_turn_what_is_the_kernels(self, world):
        if world.driver.kind.value == "process":  # in a container process 1 is the function itself
            files = [*KERNEL_FILES, "/proc/1/mem", "/proc/1/environ", "/proc/1/root/etc/shadow"]
        else:
            files = [*KERNEL_FILES]
        answer = value(await run(await world.start("knocks"), sockets=[], files=files, knobs=KERNEL_KNOBS))
        refused = {"ENOENT", "EACCES", "EPERM", "EROFS", "ENOTDIR", "ENXIO"}
        outcomes = [*answer["read"].items(), *answer["write"].items()]
        masked = ("/proc/kcore", "done")  # by an engine: it is there, and empty
        reached = {path: seen for path, seen in outcomes if seen not in refused and (path, seen) != masked}
        assert reached == {}

    async def test_system_calls_for_administrators_are_refused(self, world):
        column = list(seccomp._ARCHITECTURES).index(platform.machine())
        numbers = {name: both[column] for name, both in seccomp._REFUSED.items()}
        if world.driver.kind.value == "container":  # the engine's own filter leaves a few to the checks behind it
            numbers = {name: numbers[name] for name in ADMINISTRATIVE}
        answer = value(await run(await world.start("calls"), numbers=numbers))
        assert {name: seen for name, seen in answer.items() if seen not in {"EPERM", "ENOSYS"}} == {}


class TestNetwork:
    METADATA = ("169.254.169.254", 80)

    @pytest.fixture
    async def service(self, world):
        """Where something of this machine listens that says hello."""

        async def greet(_reader, writer):
            writer.write(b"hello")
            await writer.drain()
            writer.close()

        host = "127.0.0.1" if world.driver.kind.value == "process" else world.driver._network.gateway
        server = await asyncio.start_server(greet, host, 0)
        yield (host, server.sockets[0].getsockname()[1])
        server.close()
        await server.wait_closed()

    async def test_without_one_it_reaches_neither_this_machine_nor_metadata(self, world, service):
        answer = value(await run(await world.start("dials"), addresses=[service]))
        assert answer["answers"] == ["hello"], "with one it does"
        offline = await world.start("dials", network=False)
        answer = value(await run(offline, addresses=[service, self.METADATA, ("192.0.2.1", 443)]))
        assert set(answer["answers"]) <= {"ENETUNREACH", "ECONNREFUSED"}
        assert "hello" not in answer["answers"]
        assert answer["interfaces"] == ["lo"]

    async def test_held_to_some_networks_it_reaches_no_others(self, world, service):
        if world.driver.kind.value != "process":
            with pytest.raises(SandboxCreationError, match="networks"):
                await world.create(egress=("192.0.2.0/24",))
            return
        wide = await world.start("dials", egress=("0.0.0.0/0",))
        answer = value(await run(wide, addresses=[service, self.METADATA]))
        assert answer["answers"] == ["EHOSTUNREACH", "EHOSTUNREACH"], "neither is reached because all is listed"
        host, port = service
        listed = await world.start("dials", egress=(f"{host}/32",))
        answer = value(await run(listed, addresses=[service, ("127.0.0.2", port), ("192.0.2.1", 443)]))
        assert answer["answers"] == ["hello", "EHOSTUNREACH", "EHOSTUNREACH"]
        other = await world.start(
            "dials", egress=("192.0.2.0/24",), environment={"__OW_API_HOST": f"http://{host}:{port}"}
        )
        answer = value(await run(other, addresses=[service, ("127.0.0.2", port)]))
        assert answer["answers"] == ["hello", "EHOSTUNREACH"], "the API is always reached"

    async def test_what_held_it_goes_with_it(self, world):
        if world.driver.kind.value != "process":
            pytest.skip("only processes are held to networks")
        sandbox = await world.create(egress=("192.0.2.0/24",))
        chains = {f"-N ARGO-EGRESS-{uid}" for uid in world.driver._users.all}
        assert chains & await packet_rules()
        await sandbox.destroy()
        assert not chains & await packet_rules()
        world.driver._egress.hold(world.driver._users.first, ("192.0.2.0/24",), "")
        await world.driver.sweep()
        assert not chains & await packet_rules()


async def packet_rules():
    shown = await asyncio.create_subprocess_exec("iptables", "-w", "10", "-S", stdout=asyncio.subprocess.PIPE)
    return {*(await shown.communicate())[0].decode().splitlines()}


CRASHING_SERVICE = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import worlds
from argo_proxy.sandboxes.port import SandboxSpec

async def main(technology, installation, folder):
    random = worlds.secrets.token_hex
    worlds.secrets.token_hex = lambda count: installation if count == 4 else random(count)
    world = await getattr(worlds, technology + "_world")({"echo": "def main(args): return args"}, Path(folder))
    for _ in range(2):
        await world.start("echo")
    print("up", flush=True)
    await asyncio.sleep(60)

asyncio.run(main(*sys.argv[2:]))
"""


class TestCrash:
    async def test_nothing_is_left_after_a_kill_and_a_sweep(self, world, tmp_path):
        technology = world.driver.kind.value
        folder = Path(__file__).parent
        number = world.installation.removeprefix("test")
        service = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-c", CRASHING_SERVICE, str(folder), technology, number, str(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        async with asyncio.timeout(60):
            assert await service.stdout.readline() == b"up\n"
            assert leftovers(world.installation)
            service.send_signal(signal.SIGKILL)
            await service.wait()
        assert await world.driver.sweep() >= 2
        async with asyncio.timeout(10):
            while leftovers(world.installation):
                await asyncio.sleep(0.05)
        assert await world.driver.sweep() == 0
