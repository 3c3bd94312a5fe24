"""The clients, installed once per lock file, and how they are run: with no configuration but what a test gives."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from blackbox.runtimes import in_ci

HERE = Path(__file__).parent
PINNED = ("package.json", "package-lock.json", ".npmrc")
INSTALL_SECONDS = 900
RUN_SECONDS = 120.0


def cache_folder() -> Path:
    """`$ARGO_CACHE`, else `argo` in the user's cache folder."""
    chosen = os.environ.get("ARGO_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else base / "argo"


def unavailable(reason: str) -> None:
    """A failure in CI, a skip elsewhere."""
    if in_ci():
        pytest.fail(reason)
    pytest.skip(reason)


def install(folder: Path) -> str:
    """`npm ci` into the folder, unless it was done; what npm said if it failed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / ".complete").exists():
            return ""
        for name in PINNED:
            shutil.copy(HERE / name, folder / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        if done.returncode:
            return done.stderr[-2000:] or f"npm ci ended with status {done.returncode}"
        (folder / ".complete").touch()
        return ""


def clients_folder() -> Path:
    """Of the clients as they are pinned now."""
    pinned = b"".join((HERE / name).read_bytes() for name in PINNED)
    return cache_folder() / f"compat-clients-{hashlib.sha256(pinned).hexdigest()[:16]}"


@pytest.fixture(scope="session")
def modules() -> Path:
    """The node_modules folder with the pinned clients."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            unavailable(f"{tool} is not on PATH")
    folder = clients_folder()
    try:
        trouble = install(folder)
    except subprocess.TimeoutExpired:
        trouble = f"npm ci was not done after {INSTALL_SECONDS} s"
    if trouble:
        unavailable(f"the clients could not be installed: {trouble}")
    return folder / "node_modules"


@dataclass(frozen=True, slots=True)
class Run:
    """A finished client."""

    status: int
    output: str
    errors: str

    def __str__(self) -> str:
        return f"status {self.status}\n{self.output}\n{self.errors}"


class Runner:
    """Runs programs with a home of their own and no proxy: nothing of the user's configuration reaches them."""

    def __init__(self, home: Path) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self.environment = kept | {"HOME": str(home), "NO_COLOR": "1"}

    async def run(
        self, *command: str | Path, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> Run:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            cwd=folder,
            env=self.environment | dict(environment or {}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(RUN_SECONDS):
                output, errors = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"not done after {RUN_SECONDS:.0f} s: {command}") from None
        return Run(process.returncode or 0, output.decode(errors="replace"), errors.decode(errors="replace"))

    async def succeed(self, *command: str | Path, **options: object) -> str:
        """The output of a command that must succeed."""
        done = await self.run(*command, **options)
        assert done.status == 0, f"{' '.join(map(str, command))}\n{done}"
        return done.output


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(tmp_path_factory.mktemp("home"))
