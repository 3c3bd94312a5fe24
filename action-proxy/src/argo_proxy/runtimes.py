"""The catalogue of language runtimes: read from `action-proxy/runtimes/*/runtime.json`, checked against a JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Runtime:
    """One kind of function that can run here.

    The launcher speaks /init and /run over HTTP/1.1 on `ARGO_LISTEN` ("unix:PATH" or "tcp:HOST:PORT").
    In `command` the texts `{runtime}` (launcher folder) and `{tool}` (toolchain folder, if any) are filled in by the driver.
    """

    kind: str  # "nodejs:20"
    family: str  # "nodejs"
    directory: Path  # the launcher's files, mounted read-only in the sandbox
    command: tuple[str, ...]
    default: bool = False
    deprecated: bool = False
    require_main: bool = False
    image: str = ""  # the name shown by `GET /`, and of the locally built image
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()  # Debian packages of its image, and of the host for the process driver
    probe: tuple[str, ...] = ()  # a command that prints its version where the runtime is installed
    version_prefix: str = ""  # what that version must start with
    stem_cells: int = 0  # how many uninitialised sandboxes the pool keeps ready
