"""The catalogue of language runtimes: read from `runtimes/*/runtime.json`, checked against a JSON schema."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

MANIFEST = "runtime.json"
SCHEMA = "runtime.schema.json"
PROBE_SECONDS = 20.0


class CatalogueError(Exception):
    """A manifest that cannot be used; the text names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """One kind of function that can run here.

    The launcher speaks /init and /run over HTTP/1.1 on `ARGO_LISTEN` ("unix:PATH" or "tcp:HOST:PORT").
    In `command`, `environment` and `probe` the texts `{runtime}` (launcher folder) and `{tool}` (the kind's toolchain
    folder, made by `provision`) are filled in by `filled`.
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
    listed: bool = True  # whether `GET /` shows it
    image_aliases: tuple[str, ...] = ()  # blackbox images that this runtime stands for

    def tool_directory(self, tools: Path) -> Path:
        """Where `provision` puts this kind's interpreter and prepared launcher, under the folder `tools`."""
        return tools / self.kind.replace(":", "-")

    def filled(self, *, runtime: Path, tool: Path) -> Runtime:
        """The same runtime with its folders as they are seen from inside the sandbox."""

        def fill(text: str) -> str:
            return text.replace("{runtime}", str(runtime)).replace("{tool}", str(tool))

        return dataclasses.replace(
            self,
            command=tuple(fill(word) for word in self.command),
            probe=tuple(fill(word) for word in self.probe),
            environment={name: fill(text) for name, text in self.environment.items()},
        )


@dataclass(frozen=True, slots=True)
class ProbedRuntime:
    """Whether the process driver can start a kind on this host now."""

    runtime: Runtime
    available: bool
    version: str = ""
    reason: str = ""  # why not, or "" when available


class Catalogue:
    """The kinds of an installation, by name; immutable."""

    def __init__(self, runtimes: Iterable[Runtime]) -> None:
        self._by_kind: dict[str, Runtime] = {}
        self._defaults: dict[str, Runtime] = {}
        self._by_image: dict[str, Runtime] = {}
        for runtime in runtimes:
            self._add(runtime)

    def _add(self, runtime: Runtime) -> None:
        if runtime.kind in self._by_kind:
            raise CatalogueError(f"The kind '{runtime.kind}' is defined twice.")
        if runtime.default and runtime.family in self._defaults:
            other = self._defaults[runtime.family].kind
            raise CatalogueError(f"The family '{runtime.family}' has two defaults: '{other}' and '{runtime.kind}'.")
        self._by_kind[runtime.kind] = runtime
        if runtime.default:
            self._defaults[runtime.family] = runtime
        self._by_image.update(dict.fromkeys(runtime.image_aliases, runtime))

    def get(self, kind: str) -> Runtime | None:
        """The runtime of a kind as users write it: any case, blanks around it, `<family>:default`; None if unknown."""
        name = kind.strip().lower()
        family, _, version = name.partition(":")
        return self._defaults.get(family) if version == "default" else self._by_kind.get(name)

    def for_image(self, image: str) -> Runtime | None:
        """The runtime that stands for a well-known blackbox image ("openwhisk/dockerskeleton", any tag)."""
        name, _, _ = image.strip().partition(":")
        return self._by_image.get(name)

    def kinds(self) -> tuple[str, ...]:
        """Every kind that users may name, in order of family and version."""
        return tuple(sorted(kind for kind, runtime in self._by_kind.items() if runtime.listed))

    def families(self) -> dict[str, tuple[Runtime, ...]]:
        """The listed runtimes by family, for `GET /`."""
        grouped: dict[str, tuple[Runtime, ...]] = {}
        for kind in self.kinds():
            runtime = self._by_kind[kind]
            grouped[runtime.family] = (*grouped.get(runtime.family, ()), runtime)
        return grouped

    def runtimes(self) -> tuple[Runtime, ...]:
        """All of them, the unlisted too."""
        return tuple(self._by_kind.values())


def recorder_environment(recorder: Path | None) -> dict[str, str]:
    """What a Java launcher has to know of the recorder beside it; `recorder`: the agent's jar as seen from inside.

    It writes into the sandbox's own temporary folder, which is bounded; the launcher gives it out at /recorded.
    """
    if recorder is None:
        return {}
    folder = "/tmp/argo-recorded"  # noqa: S108 — the sandbox's own
    return {"ARGO_JAVA_OPTIONS": f"-javaagent:{recorder}={folder}", "ARGO_RECORDED": folder}


def runtimes_directory() -> Path:
    """The launchers that came with this code: in an installed wheel, else in the source tree."""
    here = Path(__file__).resolve().parent
    installed = here / "runtimes_data"
    return installed if installed.is_dir() else here.parents[1] / "runtimes"


def default_tools_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the service has `provision` put interpreters: a folder of these launchers' own.

    Tool folders are rebuilt in place, and services of two versions on one machine must not do that to each other.
    """
    cache = environ.get("ARGO_CACHE")
    base = environ.get("XDG_CACHE_HOME")
    root = Path(cache) if cache else (Path(base) if base else Path.home() / ".cache") / "argo"
    return root / f"runtimes-{_launchers_key()}"


@functools.cache
def _launchers_key() -> str:
    """Changes with any file of the launchers or of their recipes, not with what tools leave beside them."""
    root, digest = runtimes_directory(), hashlib.sha256()
    for file in sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        name = file.relative_to(root)
        if not any(part.startswith(".") for part in name.parts):
            digest.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def load_catalogue(directories: Iterable[Path] | None = None) -> Catalogue:
    """Reads `*/runtime.json` under each folder (default: the launchers that came with this code).

    Raises CatalogueError for a manifest that breaks the schema, and for kinds or defaults defined twice.
    """
    roots = (runtimes_directory(),) if directories is None else directories
    manifests = [manifest for root in roots for manifest in sorted(root.glob(f"*/{MANIFEST}"))]
    return Catalogue(runtime for manifest in manifests for runtime in _read_manifest(manifest))


async def probe_host(catalogue: Catalogue, tools: Path) -> dict[str, ProbedRuntime]:
    """Which kinds have their interpreter here, by kind; every probe runs at once and has a time limit."""
    runtimes = catalogue.runtimes()
    probed = await asyncio.gather(*(probe_runtime(runtime, tools) for runtime in runtimes))
    return {result.runtime.kind: result for result in probed}


async def probe_runtime(runtime: Runtime, tools: Path) -> ProbedRuntime:
    """Runs the probe command of one kind from its tool folder."""
    tool = runtime.tool_directory(tools)
    words = runtime.filled(runtime=runtime.directory, tool=tool).probe
    if not words:
        return ProbedRuntime(runtime, available=True)
    if not tool.is_dir():
        return ProbedRuntime(runtime, available=False, reason=f"{runtime.kind} is not provisioned here")
    try:
        output = await _output_of(words)
    except (OSError, TimeoutError) as error:
        return ProbedRuntime(runtime, available=False, reason=f"{words[0]} cannot be run: {error or 'no answer'}")
    if not output.startswith(runtime.version_prefix):
        reason = f"{words[0]} is {output or 'silent'}, not {runtime.version_prefix}*"
        return ProbedRuntime(runtime, available=False, version=output, reason=reason)
    return ProbedRuntime(runtime, available=True, version=output)


async def _output_of(words: tuple[str, ...]) -> str:
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*words, stdin=null, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return output.decode(errors="replace").partition("\n")[0].strip()


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((runtimes_directory() / SCHEMA).read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def _read_manifest(path: Path) -> list[Runtime]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogueError(f"{path} cannot be read: {error}") from error
    for problem in _validator().iter_errors(manifest):
        raise CatalogueError(f"{path}: {problem.json_path}: {problem.message}")
    shared = {name: value for name, value in manifest.items() if name not in {"kinds", "family"}}
    return [_runtime(path.parent, manifest["family"], shared | entry) for entry in manifest["kinds"]]


def _runtime(directory: Path, family: str, entry: dict[str, Any]) -> Runtime:
    if not entry.get("command"):
        raise CatalogueError(f"{directory / MANIFEST}: the kind '{entry['kind']}' has no command")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    return Runtime(family=family, directory=directory, **values)
