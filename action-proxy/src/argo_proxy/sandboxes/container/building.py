"""How images come to be: a base by debootstrap, and a container whose leftovers are committed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import docker

from argo_proxy.builder import command
from argo_proxy.sandboxes.container.engine import Engine, EngineError

Step = Callable[[str], Awaitable[None]]

_SUITE = "bookworm"
_BOOTSTRAP_SECONDS = 1800.0
_KEPT_LINES = 8

# What lets a recipe reach the registries that this machine uses; mounted read-only where it exists, never copied.
_BORROWED = (
    "/etc/apt/apt.conf.d",
    "/etc/apt/auth.conf.d",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d",
    "/etc/npmrc",
    "/etc/pip.conf",
    "/etc/resolv.conf",
    "/etc/ssl/certs/ca-certificates.crt",
    "/usr/share/keyrings",
)
_BORROWED_HOME = (".npmrc", ".m2/settings.xml", ".config/go/env")
_BORROWED_VARIABLES = (
    "GOPROXY",
    "GOSUMDB",
    "GOFLAGS",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
)


class BuildError(Exception):
    """An image could not be made; the text says what failed and how."""


async def debootstrap(folder: Path, step: Step) -> Path:
    """A tar archive, in `folder`, of a minimal Debian from this machine's own mirror."""
    if os.geteuid() != 0:
        raise BuildError("the base image is built by debootstrap, which must run as root")
    if shutil.which("debootstrap") is None:
        await step("installing debootstrap")
        await _run(["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600", "install", "debootstrap"], step)
    root, archive = folder / "root", folder / "root.tar"
    mirror = await asyncio.to_thread(debian_mirror)
    await step("debootstrapping the base image")
    options = ["--variant=minbase", "--include=ca-certificates"]
    await _run(["debootstrap", *options, _SUITE, str(root), *([mirror] if mirror else [])], step)
    # The mirror is this machine's business: the image gets them mounted while it builds.
    await asyncio.to_thread((root / "etc/apt/sources.list").write_text, "")
    excluded = [
        f"--exclude=./{name}" for name in ("var/cache/apt/archives/*", "var/lib/apt/lists/*", "proc/*", "sys/*")
    ]
    await _run(["tar", "-C", str(root), "-cf", str(archive), "--numeric-owner", *excluded, "."], step)
    return archive


def debian_mirror(apt: Path = Path("/etc/apt")) -> str:
    """The first archive in this machine's apt sources, "" if there is none. Reads the disk."""
    for path in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[:1] in (["deb"], ["URIs:"]):
                urls = [word for word in words[1:] if "://" in word and "security" not in word]
                if urls:
                    return urls[0]
    return ""


async def build_in_container(
    engine: Engine,
    *,
    base: str,
    script: str,
    recipes: Path,
    fetched: Path,
    target: tuple[str, str],
    changes: list[str],
    labels: Mapping[str, str],
    step: Step,
) -> None:
    """Run `script` as root in a container of `base`, with `recipes` at /recipes, and commit it as `target`.

    `fetched` holds what `fetch` downloaded for it: the recipes find it by ARGO_FETCHED.
    """

    def create(client: docker.APIClient) -> str:
        host_config = client.create_host_config(binds=_binds(recipes, fetched), network_mode="host")
        created = client.create_container(
            base,
            command=["/bin/sh", "-c", script],
            environment=_environment(),
            host_config=host_config,
            labels=dict(labels),  # a build that a crash cuts off is swept like a sandbox
        )
        return str(created["Id"])

    container = await engine.call(create)
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    try:
        await engine.call(lambda client: client.start(container))
        await _follow(engine, container, last, step)
        ended = await engine.call_long(lambda client: client.wait(container))
        if ended["StatusCode"] != 0:
            raise BuildError(f"the recipe of {target[0]} failed: {' / '.join(last)}")
        repository, tag = target
        await engine.call_long(lambda client: client.commit(container, repository=repository, tag=tag, changes=changes))
    finally:
        with contextlib.suppress(*EngineError):
            await engine.call(lambda client: client.remove_container(container, force=True, v=True))


async def _follow(engine: Engine, container: str, last: deque[str], step: Step) -> None:
    """Report each line that the recipe prints, until it ends."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read(client: docker.APIClient) -> None:
        rest = b""
        try:
            stream: Any = client.logs(container, stream=True, follow=True)
            for chunk in stream:
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    loop.call_soon_threadsafe(lines.put_nowait, line.decode(errors="replace").strip())
        finally:
            loop.call_soon_threadsafe(lines.put_nowait, None)

    reading = asyncio.ensure_future(engine.call_long(read))
    try:
        while (line := await lines.get()) is not None:
            if line:
                last.append(line)
                await step(line)
    finally:
        await reading


async def fetch(recipes: Path, kind: str, tools: Path, step: Step) -> Path:
    """The folder with what no Debian package of `kind` carries, downloaded here: the image needs no npm for it."""
    await _run([str(recipes / "provision"), "--tools", str(tools), "--fetch", kind], step)
    fetched = tools / ".fetched"
    await asyncio.to_thread(fetched.mkdir, parents=True, exist_ok=True)
    return fetched


def _binds(recipes: Path, fetched: Path) -> dict[str, Mapping[str, str]]:
    binds: dict[str, Mapping[str, str]] = {
        str(recipes): {"bind": "/recipes", "mode": "ro"},
        str(fetched): {"bind": "/fetched", "mode": "ro"},
    }
    for path in _BORROWED:
        if Path(path).exists():
            binds[str(Path(path).resolve())] = {"bind": path, "mode": "ro"}
    for name in _BORROWED_HOME:
        path = str(Path.home() / name)
        if Path(path).exists():
            binds[path] = {"bind": f"/root/{name}", "mode": "ro"}
    return binds


def _environment() -> dict[str, str]:
    borrowed = {name: os.environ[name] for name in _BORROWED_VARIABLES if name in os.environ}
    npm = {name: value for name, value in os.environ.items() if name.lower() == "npm_config_registry"}
    return borrowed | npm | {"HOME": "/root", "ARGO_FETCHED": "/fetched", "LC_ALL": "C.UTF-8"}


async def _run(argv: list[str], step: Step) -> None:
    """Run a command of this machine, each line of its output a step. Raises BuildError."""
    last: deque[str] = deque(maxlen=_KEPT_LINES)
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        async with asyncio.timeout(_BOOTSTRAP_SECONDS), command.aside(*argv, environment=environment) as process:
            assert process.stdout is not None  # noqa: S101 — asked for above
            async for line in process.stdout:
                last.append(line.decode(errors="replace").strip())
                await step(last[-1])
            status = await process.wait()
    except TimeoutError:
        raise BuildError(f"`{argv[0]}` did not end within {_BOOTSTRAP_SECONDS:.0f} s") from None
    if status != 0:
        raise BuildError(f"`{' '.join(argv)}` failed: {' / '.join(last)}")
