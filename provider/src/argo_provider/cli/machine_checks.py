"""Checks of this machine and of the data folder. Each only looks; none changes anything."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import socket
import ssl
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from argo_provider.cli.findings import Finding, good, problem, warning
from argo_provider.scheduling.settings import machine_memory_mb
from argo_provider.settings import SandboxChoice, Settings
from argo_proxy.builder.background import trouble

GIB = 2**30
LOW_DISK, FULL_DISK = 4 * GIB, GIB // 4
FILES_WANTED = 4096
COMMAND_SECONDS = 15
_DATA_FILES = ("argo.db", "blobs")
_SET_CLOCK = ("timedatectl", "set-ntp", "true")
_INSTALL_BWRAP = ("apt-get", "install", "-y", "--no-install-recommends", "bubblewrap")


def machine_checks(settings: Settings, *, service_runs: bool) -> Iterator[Finding]:
    """All of them, in the order a person would look."""
    if not service_runs:
        yield port(settings)
    yield data_folder(settings.data_dir)
    yield disk(settings.data_dir)
    yield memory(settings)
    yield open_files()
    yield builds()
    yield clock(settings.data_dir)
    yield from tls(settings)


def port(settings: Settings) -> Finding:
    """Whether the service could listen where the settings say."""
    server = settings.server
    where = f"{server.host}:{server.port}"
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host.strip("[]"), server.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                fix = f"argofn serve --port {server.port + 1}, or find who has it: ss -ltnp 'sport = :{server.port}'"
                return problem("port", f"{where} is taken, and not by this service", fix)
            if error.errno == errno.EACCES:
                return problem("port", f"{where} is for root only", "argofn serve --port 3233")
            return problem("port", f"{where} is no address of this machine: {error}", "argofn serve --host 127.0.0.1")
    return good("port", f"{where} is free")


def data_folder(folder: Path) -> Finding:
    """That it can be used, and by its owner only: it holds parameters and hashes of keys."""
    if not folder.exists():
        parent = next(p for p in folder.absolute().parents if p.exists())
        if os.access(parent, os.W_OK):
            return good("data folder", f"{folder} will be made at the first start")
        return problem("data folder", f"{folder} cannot be made: {parent} is not yours", "argofn serve --data-dir DIR")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return problem("data folder", f"{folder} cannot be written", f"chown -R $(id -un) {folder}")
    for path in (folder, *(folder / name for name in _DATA_FILES)):
        if path.exists() and path.stat().st_mode & (stat.S_IRWXO | stat.S_IRWXG):
            mend = ("chmod", "-R", "go=", str(folder))
            return warning("data folder", f"others may read {path}", f"chmod -R go= {folder}", mend)
    return good("data folder", f"{folder} is writable, and closed to others")


def disk(folder: Path) -> Finding:
    """Room for records, code and images."""
    place = folder if folder.exists() else next(p for p in folder.absolute().parents if p.exists())
    free = shutil.disk_usage(place).free
    detail = f"{free / GIB:.1f} GiB free on the disk of {folder}"
    fix = f"make room, or keep things elsewhere: argofn serve --data-dir DIR (now: df -h {place})"
    if free < FULL_DISK:
        return problem("disk", detail, fix)
    return warning("disk", detail, fix) if free < LOW_DISK else good("disk", detail)


def memory(settings: Settings) -> Finding:
    """Whether the machine has what the pool may grant."""
    there, granted = machine_memory_mb(), settings.pool.memory_mb
    detail = f"sandboxes may use {granted} of this machine's {there} MB"
    if granted > there * 0.9:
        return warning("memory", detail, f"argofn serve --set pool.memory_mb={int(there * 0.6)}")
    if granted < settings.limits.memory_mb.high:
        return warning(
            "memory", f"{detail}: an action of {settings.limits.memory_mb.high} MB never fits", "add memory to it"
        )
    return good("memory", detail)


def open_files() -> Finding:
    """Each sandbox and each client holds some; the service raises its own limit as far as it may."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < FILES_WANTED:
        fix = f"ulimit -Hn {FILES_WANTED} as root, or LimitNOFILE={FILES_WANTED} in its unit"
        return warning("open files", f"the service may hold only {hard} files open", fix)
    return good("open files", "the service may hold enough of them")


def builds() -> Finding:
    """Whether native builds can be kept out of callers' way here."""
    lacking = trouble()
    if not lacking:
        return good("builds", "native builds give way to whatever else wants a processor")
    fix = "run as root on a machine whose /sys/fs/cgroup is writable, with util-linux installed"
    return warning("builds", "; ".join(lacking), fix)


def clock(folder: Path) -> Finding:
    """Record times, alarms and TLS need one that is right."""
    newest = max((p.stat().st_mtime for p in (folder, *(folder / n for n in _DATA_FILES)) if p.exists()), default=0.0)
    now = time.time()
    if now < newest - 60:
        fix = "set it: timedatectl set-ntp true"
        return problem("clock", "it is earlier than what was written before", fix, _SET_CLOCK)
    if _output("timedatectl", "show", "--property=NTPSynchronized", "--value") == "no":
        return warning("clock", "nothing keeps it right", "timedatectl set-ntp true", _SET_CLOCK)
    return good("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def tls(settings: Settings) -> Iterator[Finding]:
    """That certificate and key fit, if TLS is on."""
    certificate, key = settings.server.tls_cert, settings.server.tls_key
    if certificate is None or key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        yield problem("TLS", f"{certificate} and {key} cannot be used: {error}", "openssl x509 -noout -text -in FILE")
        return
    if key.stat().st_mode & stat.S_IRWXO:
        yield warning("TLS", f"everybody may read {key}", f"chmod o= {key}", ("chmod", "o=", str(key)))
    elif subprocess.run(  # a day ahead, because it is read at start only
        ["openssl", "x509", "-noout", "-checkend", "86400", "-in", str(certificate)],
        capture_output=True,
        timeout=COMMAND_SECONDS,
        check=False,
    ).returncode:
        yield warning("TLS", f"{certificate} ends within a day, or has ended", "renew it, then restart the service")
    else:
        yield good("TLS", f"{certificate} fits its key")


def isolation(choice: SandboxChoice) -> Iterator[Finding]:
    """Which ways to isolate functions would work here; the running service knows better."""
    found = []
    if choice is not SandboxChoice.CONTAINER:
        found.append(_process())
    if choice is not SandboxChoice.PROCESS:
        found.append(_container())
    if choice is SandboxChoice.AUTO and any(finding.fix == "" for finding in found):
        found = [finding if not finding.fix else _lesser(finding) for finding in found]
    yield from found


def _lesser(finding: Finding) -> Finding:
    """One way is enough."""
    return good(finding.subject, f"not used: {finding.detail}")


def _process() -> Finding:
    if shutil.which("bwrap") is None:
        return problem("process sandbox", "bubblewrap is not installed", "apt-get install bubblewrap", _INSTALL_BWRAP)
    command = ("bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--dev", "/dev", "true")
    if _output(*command) is None:
        fix = "run as root, or: sysctl -w kernel.unprivileged_userns_clone=1"
        return problem("process sandbox", "bubblewrap cannot make namespaces here", fix)
    if _output("bwrap", "--unshare-net", *command[1:]) is None:
        detail = "bubblewrap works, but cannot take the network away here: argo.network and --network off fail"
        return warning("process sandbox", detail, "run it with CAP_NET_ADMIN, or use containers: --sandbox container")
    return good("process sandbox", "bubblewrap works")


def _container() -> Finding:
    if shutil.which("docker") is None and not Path("/var/run/docker.sock").exists():
        return problem("container sandbox", "no Docker engine is installed", "apt-get install docker.io")
    version = _output("docker", "version", "--format", "{{.Server.Version}}")
    if not version:
        fix = "systemctl start docker, or set DOCKER_HOST"
        return problem("container sandbox", "no Docker engine answers", fix, ("systemctl", "start", "docker"))
    return good("container sandbox", f"Docker {version} answers")


def _output(*command: str) -> str | None:
    """What a command prints; None if it is not there, fails, or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
