"""The images of our own kinds: built here, from Debian, by the same recipes that provision a host.

A base image is debootstrapped once. A kind's image is what is left when `runtimes/provision KIND` has run in a
container of it. What a recipe needs of this machine to reach its registries (apt's sources, npm's and pip's
configuration, certificates) is only mounted while it runs: none of it gets into the image.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import docker
import docker.errors

from argo_proxy.runtimes import Runtime, default_tools_directory
from argo_proxy.sandboxes.container.building import BuildError, build_in_container, debootstrap, fetch
from argo_proxy.sandboxes.container.engine import Engine, EngineError
from argo_proxy.sandboxes.container.recipe import INSTALLATION_LABEL
from argo_proxy.sandboxes.port import Provision

Progress = Callable[[Provision], Awaitable[None]]

_BASE = "argo/base"
_BASE_TAG = "bookworm-1"
_TOOLS = Path("/opt/argo/tools")
_LAUNCHERS = Path("/opt/argo/runtimes")


class Images:
    """Which images are here, and the making of those that are not. One build at a time."""

    def __init__(self, engine: Engine, installation: str) -> None:
        self._engine = engine
        self._installation = installation
        self._found: dict[str, str] = {}  # kind → reference
        self._building = asyncio.Lock()

    def reference(self, runtime: Runtime) -> str | None:
        """The image of a kind, if it was found or built since the start."""
        return self._found.get(runtime.kind)

    async def present(self, image: str) -> bool:
        """Whether the engine has an image. Raises one of `EngineError` for other trouble than its absence."""
        try:
            await self._engine.call(lambda client: _inspect(client, image))
        except (docker.errors.ImageNotFound, docker.errors.APIError):
            return False
        return True

    async def pull(self, image: str) -> None:
        """From its registry. Raises one of `EngineError`."""
        repository, tag = split_reference(image)
        await self._engine.call_long(lambda client: client.pull(repository, tag=tag))

    async def provision(self, runtime: Runtime, progress: Progress) -> Provision:
        """Find or build the image of a kind; each step is reported."""
        recipe = await asyncio.to_thread(recipe_digest, runtime)
        image = f"{runtime.image or 'argo/action-' + runtime.kind.replace(':', '-v')}:{recipe}"
        trouble = ""
        try:
            if not await self.present(image):
                async with self._building:
                    await self._build(runtime, image, progress)
        except BuildError as error:
            trouble = str(error)
        except EngineError as error:
            trouble = f"the engine failed: {error}"
        if not trouble:
            self._found[runtime.kind] = image
        done = Provision(runtime.kind, ready=not trouble, step="" if trouble else "ready", error=trouble)
        await progress(done)
        return done

    async def _build(self, runtime: Runtime, image: str, progress: Progress) -> None:
        async def step(text: str) -> None:
            await progress(Provision(runtime.kind, ready=False, step=text))

        base = await self.base(step)
        await step(f"building {image}")
        repository, tag = split_reference(image)
        fetched = await fetch(runtime.directory.parent, runtime.kind, default_tools_directory(), step)
        await build_in_container(
            self._engine,
            base=base,
            script=_script(runtime),
            recipes=runtime.directory.parent,
            fetched=fetched,
            target=(repository, tag),
            changes=_changes(runtime),
            labels={INSTALLATION_LABEL: self._installation},
            step=step,
        )

    async def base(self, step: Callable[[str], Awaitable[None]]) -> str:
        """The Debian that all images begin with; built where it is missing. Raises BuildError."""
        base = f"{_BASE}:{_BASE_TAG}"
        if not await self.present(base):
            await self._build_base(base, step)
        return base

    async def _build_base(self, base: str, step: Callable[[str], Awaitable[None]]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="argo-base-", dir=os.environ.get("ARGO_BUILD_DIR", "/var/tmp")))  # noqa: S108
        try:
            archive = await debootstrap(folder, step)
            await step("importing the base image")
            repository, tag = split_reference(base)
            await self._engine.call_long(
                lambda client: client.import_image_from_file(str(archive), repository=repository, tag=tag)
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def recipe_digest(runtime: Runtime) -> str:
    """Changes with whatever goes into a kind's image. Reads the disk."""
    digest = hashlib.sha256(f"{_BASE_TAG}\n{runtime.kind}\n{runtime.command}\n{runtime.environment}\n".encode())
    shared = runtime.directory.parent
    files = [*runtime.directory.rglob("*"), *(shared / "python").rglob("*"), shared / "provision", shared / "shared.sh"]
    for path in sorted(set(files)):
        if path.is_file() and path.suffix != ".pyc" and "node_modules" not in path.parts:
            digest.update(f"{path.relative_to(shared)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _inspect(client: docker.APIClient, image: str) -> None:
    client.inspect_image(image)  # type: ignore[no-untyped-call]


def _script(runtime: Runtime) -> str:
    """What runs as root in the container that becomes the image; /recipes is mounted."""
    family = runtime.directory.name
    packages = " ".join(runtime.packages)
    return "\n".join(
        (
            "set -eu",
            "export DEBIAN_FRONTEND=noninteractive",
            "apt-get -q -y update >/dev/null",
            f"apt-get -q -y install --no-install-recommends util-linux openssl {packages} >/dev/null",
            f"mkdir -p {_LAUNCHERS}",
            f"cp -r /recipes/. {_LAUNCHERS}/",
            f"{_LAUNCHERS}/provision --tools {_TOOLS} {runtime.kind}",
            f"find {_LAUNCHERS} -mindepth 1 -maxdepth 1 ! -name {family} -exec rm -rf {{}} +",
            "apt-get -q -y clean && rm -rf /var/lib/apt/lists/* /root/.npm /root/.cache",
            f"chmod -R go+rX {_LAUNCHERS.parent}",
        )
    )


def _changes(runtime: Runtime) -> list[str]:
    """The image's own configuration, as `docker commit --change` takes it."""
    inside = runtime.filled(runtime=_LAUNCHERS / runtime.directory.name, tool=runtime.tool_directory(_TOOLS))
    environment = {"LANG": "C.UTF-8"} | dict(inside.environment)
    return [
        "ENTRYPOINT []",
        f"CMD {json.dumps(list(inside.command))}",
        "WORKDIR /tmp",
        f"EXPOSE {8080}",
        *(f"ENV {name}={json.dumps(value)}" for name, value in environment.items()),
    ]


def split_reference(image: str) -> tuple[str, str]:
    """Repository and tag ("latest" where none is given) or digest."""
    if "@" in image:
        repository, _, digest = image.partition("@")
        return repository, digest
    match = re.fullmatch(r"(.+?)(?::([\w][\w.-]{0,127}))?", image)
    if match is None:
        return image, "latest"
    return match[1], match[2] or "latest"
