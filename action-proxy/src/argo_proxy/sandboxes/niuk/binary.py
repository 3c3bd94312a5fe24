"""Where the host's program is, and how it is built where it is not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from argo_proxy.builder import command, packages
from argo_proxy.builder.cache import content_hash
from argo_proxy.builder.errors import BuildError, ProvisionError
from argo_proxy.builder.progress import Progress

HOST_VARIABLE = "ARGO_NIUK_HOST"
_BUILD_SECONDS = 900.0
_TOOLS = {"cargo": "cargo-web"}  # Debian's plain cargo is too old


class HostBuildError(Exception):
    """The host's program could not be built; the text says why."""


def cache_folder() -> Path:
    """The folder that `./dev` uses too."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("ARGO_CACHE") or Path(base) / "argo")


def source_folder() -> Path:
    """The crate, in a checkout."""
    return Path(__file__).resolve().parents[5] / "niuk-runtime" / "host"


def find_host() -> Path | None:
    """The program named by ARGO_NIUK_HOST, else the one beside this package, else the one built from this checkout.

    One that was built from other sources than the checkout has now is none: it may not know what it is told.
    """
    named = os.environ.get(HOST_VARIABLE)
    candidates = [Path(named)] if named else [Path(__file__).with_name("niuk-host"), *_current()]
    return next((path for path in candidates if os.access(path, os.X_OK) and path.is_file()), None)


def is_outdated() -> bool:
    """There is none, but there was one before the checkout's sources changed: it is worth building again unasked."""
    return find_host() is None and _built().is_file() and bool(_sources())


async def build_host() -> Path:
    """Build the program from this checkout (about a minute the first time, nothing when it is current).

    Raises HostBuildError.
    """
    manifest = source_folder() / "Cargo.toml"
    if not manifest.is_file():
        raise HostBuildError("this is no checkout: set ARGO_NIUK_HOST to a built niuk-host")
    try:
        log = cache_folder() / "niuk-host-packages.log"
        await packages.need("building niuk-host", _TOOLS, {}, log=log, progress=Progress("niuk-host"))
    except ProvisionError as error:
        raise HostBuildError(str(error)) from error
    sources = await asyncio.to_thread(_sources)
    await asyncio.to_thread(cache_folder().mkdir, parents=True, exist_ok=True)
    build = command.Command(
        ["cargo", "build", "--release", "--locked", "--manifest-path", str(manifest)],
        log=cache_folder() / "niuk-host.log",
        environment={"CARGO_TARGET_DIR": str(_target()), "CARGO_TERM_COLOR": "never"},
        limits=command.Limits(seconds=_BUILD_SECONDS),
    )
    try:
        await command.run(build)
    except BuildError as error:
        raise HostBuildError(str(error)) from error
    _stamp().write_text(sources)
    return _built()


def _target() -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR") or cache_folder() / "cargo-target")


def _sources() -> str:
    """A hash of what the program is built from; "" where there is no checkout."""
    crate = source_folder()
    parts = [crate / "src", crate / "Cargo.toml", crate / "Cargo.lock"]
    return content_hash(parts) if all(part.exists() for part in parts) else ""


def _current() -> list[Path]:
    """What was built, if it was built from the sources as they are."""
    try:
        return [_built()] if _stamp().read_text() == _sources() else []
    except OSError:
        return []


def _stamp() -> Path:
    return _built().with_suffix(".sources")


def _built() -> Path:
    return _target() / "release" / "niuk-host"
