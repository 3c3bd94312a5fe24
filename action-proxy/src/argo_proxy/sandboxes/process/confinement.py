"""What starts a confined process: sh (groups, rlimits) → chrt (scheduling) → bwrap (namespaces, view) → setpriv (user).

Pure. All of it is scheduled as a batch process: a function that wakes up does not take the processor from the service,
which would go on with cold caches after every request that it sends; it gets its share all the same.

bubblewrap builds the view as root where the service is root, so that a checkout below /root can be mounted, and the
user is changed last of all. Elsewhere bubblewrap uses a user namespace, and every sandbox keeps the service's own user.
A command that sees to user and scheduling itself (`sheds_rights`) is started by bubblewrap at once: each program in
between costs a millisecond or two of a start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from argo_proxy.sandboxes.folders import SOCKET_NAME

SOCKET_FOLDER = "/argo"
RUNTIME_FOLDER = "/runtime"
MARKER = "ARGO_SANDBOX"  # in the environment of every process of a sandbox: what the sweep looks for

_OPEN_FILES = 4096
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr")
_SHM_BYTES = 64 << 20

# What runtimes read of /etc: names, certificates, time zone, the linker's cache, and their own configuration.
_ETC = (
    "alternatives",
    "ca-certificates",
    "gai.conf",
    "host.conf",
    "hosts",
    "java-17-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "php",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "timezone",
)

# $1: files to write one's process id to, $2: the system call filter or "", $3: process limit,
# $4: data limit in KiB or "", $5: open files, $6: file size in 512-byte blocks; then the command.
_START = """
for group in $1; do echo 0 > "$group" || exit 125; done
ulimit -c 0 && ulimit -n "$5" && ulimit -f "$6" && ulimit -p "$3" || exit 125
if [ -n "$4" ]; then ulimit -d "$4" || exit 125; fi
if [ -n "$2" ]; then exec 9< "$2" || exit 125; fi
shift 6
exec "$@"
"""
_BATCH = ("chrt", "--batch", "0")


@dataclass(frozen=True, slots=True)
class Confinement:
    """Everything that shapes one confined process. Paths are of this machine but for `command`."""

    command: Sequence[str]
    environment: Mapping[str, str]
    runtime: Path  # mounted read-only at /runtime
    socket_folder: Path  # mounted writable at /argo
    passwd: Path
    group: Path
    uid: int | None  # None: the service is not root and keeps its user
    tmp_bytes: int
    pids: int
    file_bytes: int
    cgroup_files: Sequence[Path] = ()  # that it enters its control group by
    seccomp: Path | None = None
    data_kib: int | None = None  # where no control group holds the memory
    tools: Sequence[Path] = ()  # toolchains outside /usr, mounted read-only at their own place
    mount_proc: bool = True
    network: bool = True  # this machine's; else a loopback of its own, and nothing behind it
    sheds_rights: bool = False  # the command itself becomes `uid`, gives up all rights and is scheduled as batch
    links: Mapping[str, str] = field(default_factory=dict)  # top-level symlinks: "bin" → "usr/bin"


def command_line(confinement: Confinement) -> list[str]:
    """The whole argv."""
    groups = " ".join(map(str, confinement.cgroup_files))
    return [
        *("/bin/sh", "-c", _START, "argo-sandbox"),
        groups,
        str(confinement.seccomp or ""),
        str(confinement.pids),
        str(confinement.data_kib or ""),
        str(_OPEN_FILES),
        str(confinement.file_bytes // 512),
        *(() if confinement.sheds_rights else _BATCH),
        *_bubblewrap(confinement),
        *_change_user(confinement),
        *confinement.command,
    ]


def process_environment(confinement: Confinement, *, marker: str) -> dict[str, str]:
    """What the confined process finds in its environment: nothing of the service's own."""
    return {
        "PATH": _PATH,
        "HOME": "/tmp",  # noqa: S108 — the sandbox's own
        "LANG": "C.UTF-8",
        **confinement.environment,
        "ARGO_LISTEN": f"unix:{SOCKET_FOLDER}/{SOCKET_NAME}",
        MARKER: marker,
    }


def top_level_links(root: Path = Path("/")) -> dict[str, str]:
    """The merged-/usr symlinks of this machine."""
    return {name: str((root / name).readlink()) for name in _SYSTEM_FOLDERS if (root / name).is_symlink()}


def toolchain_folders(tool: Path) -> tuple[Path, ...]:
    """A kind's tool folder, and the folders in /opt that the interpreters in it are links to. Reads the disk."""
    if not tool.is_dir():
        return ()
    targets = [path.resolve() for path in (*tool.iterdir(), *tool.glob("bin/*")) if path.is_symlink()]
    outside = {Path(*target.parts[:3]) for target in targets if target.is_relative_to("/opt")}
    return (tool, *sorted(outside))


def _bubblewrap(confinement: Confinement) -> list[str]:
    arguments = ["bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    arguments += ["--unshare-cgroup-try", "--hostname", "sandbox"]
    if not confinement.network:
        arguments.append("--unshare-net")
    if confinement.uid is None:
        arguments += ["--unshare-user", "--disable-userns"]
    else:
        arguments += ["--cap-drop", "ALL"]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):  # given up with the user
            arguments += ["--cap-add", capability]
    arguments += _system_view(confinement)
    arguments += _private_view(confinement)
    if confinement.seccomp is not None:
        arguments += ["--seccomp", "9"]
    return [*arguments, "--chdir", "/tmp", "--"]  # noqa: S108 — the sandbox's own


def _system_view(confinement: Confinement) -> list[str]:
    arguments: list[str] = []
    for name in _SYSTEM_FOLDERS:
        if name in confinement.links:
            arguments += ["--symlink", confinement.links[name], f"/{name}"]
        else:
            arguments += ["--ro-bind-try", f"/{name}", f"/{name}"]
    arguments += _open_folders_above(Path("/etc/passwd"))
    for name in _ETC:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path, name in ((confinement.passwd, "passwd"), (confinement.group, "group")):
        arguments += ["--ro-bind", str(path), f"/etc/{name}"]
    return arguments


def _private_view(confinement: Confinement) -> list[str]:
    """What only this sandbox has; after that the tools, which may lie below a folder that is private here."""
    tools: list[str] = []
    for tool in confinement.tools:
        tools += [*_open_folders_above(tool), "--ro-bind", str(tool), str(tool)]
    return [
        *("--proc", "/proc", "--dev", "/dev"),
        *("--size", str(_SHM_BYTES), "--perms", "1777", "--tmpfs", "/dev/shm"),  # noqa: S108 — the sandbox's own
        *("--size", str(confinement.tmp_bytes), "--perms", "1777", "--tmpfs", "/tmp"),  # noqa: S108 — the sandbox's own
        *_open_folders_above(Path("/var/tmp")),  # noqa: S108 — first: tools may lie below /var, too
        *("--symlink", "/tmp", "/var/tmp"),  # noqa: S108 — the sandbox's own
        *("--bind", str(confinement.socket_folder), SOCKET_FOLDER),
        *("--ro-bind", str(confinement.runtime), RUNTIME_FOLDER),
        *tools,
        *("--remount-ro", "/dev", "--remount-ro", "/"),
    ]


def _open_folders_above(path: Path) -> list[str]:
    """The folders above `path`, open to all: left to itself, bubblewrap makes them for root alone."""
    return [word for folder in reversed(path.parents[:-1]) for word in ("--perms", "0755", "--dir", str(folder))]


def _change_user(confinement: Confinement) -> list[str]:
    if confinement.uid is None or confinement.sheds_rights:
        return []
    ids = [f"--reuid={confinement.uid}", f"--regid={confinement.uid}", "--clear-groups"]
    return ["setpriv", *ids, "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs", "--"]
