"""The guest image of an ordinary runtime: interpreter, launcher, the libraries they are linked with, our PID 1."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.builder import command
from argo_proxy.builder.cache import Cache, content_hash
from argo_proxy.builder.errors import BuilderError
from argo_proxy.builder.initramfs import pack
from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.microvm.image import ImageError, niuk_files
from argo_proxy.sandboxes.process.confinement import RUNTIME_FOLDER, toolchain_folders

PART = "runtime-guest"
USER = 1000  # as in runtime_init.c
_INIT = Path(__file__).with_name("runtime_init.c")
_CFLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-static")
_LIMITS = command.Limits(seconds=300.0, memory_mb=1024)
_PYTHON_LEFT_OUT = frozenset(
    {
        "test",
        "tests",
        "idlelib",
        "lib2to3",
        "tkinter",
        "turtledemo",
        "ensurepip",
        "pydoc_data",
        "pip",
        "setuptools",
        "gi",
    }
)
_JVM_LEFT_OUT = frozenset({"jmods", "src.zip", "legal", "man", "include", "ct.sym"})
_LIKE_ETC: Mapping[str, bytes] = {
    "etc/passwd": b"root:x:0:0:root:/:/sbin/nologin\naction:x:%d:%d:action:/tmp:/sbin/nologin\n" % (USER, USER),
    "etc/group": b"root:x:0:\naction:x:%d:\n" % USER,
    "etc/hosts": b"127.0.0.1 localhost\n",
    "etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/resolv.conf": b"nameserver 10.0.2.3\n",  # QEMU's user-mode network answers there, where there is one
}
_FOR_NAMES = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")  # glibc opens them by name


@dataclass(frozen=True, slots=True)
class Guest:
    """An image and what its runtime is started with; the sandbox adds its own environment."""

    image: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def size_mb(self) -> int:
        return (self.image.stat().st_size >> 20) + 1


async def guest_image(cache: Cache, runtime: Runtime, tools: Path) -> Guest:
    """Made once for a state of runtime and tools. Raises ImageError with what is missing."""
    tool = runtime.tool_directory(tools)
    inside = runtime.filled(runtime=Path(RUNTIME_FOLDER), tool=tool)
    try:
        files = await asyncio.to_thread(_collect, runtime, tool, inside.command)
        key = content_hash([_INIT, Path(__file__), *sorted(f"{name} {_state(path)}" for name, path in files.items())])

        async def make(folder: Path) -> None:
            log = cache.root / f"{PART}-{key}.log"
            init = folder / "init"
            await command.run(
                command.Command(["cc", *_CFLAGS, "-o", str(init), str(_INIT)], log=log, folder=folder, limits=_LIMITS)
            )
            whole = {**files, **await _libraries(files), "init": init}
            await asyncio.to_thread(_write, folder / "guest.cpio", whole, _links(tool))

        image = await cache.obtain(PART, key, make) / "guest.cpio"
    except (BuilderError, OSError) as error:
        raise ImageError(f"the guest image of {runtime.kind} could not be made: {error}") from error
    return Guest(image, _started(inside.command), inside.environment)


def _started(command: Sequence[str]) -> tuple[str, ...]:
    """The guest's kernel starts programs, not scripts."""
    return ("/bin/sh", *command) if _is_script(Path(command[0])) else tuple(command)


def _is_script(program: Path) -> bool:
    with program.open("rb") as file:
        return file.read(2) == b"#!"


def _collect(runtime: Runtime, tool: Path, command: Sequence[str]) -> dict[str, Path]:
    """Names inside and files of this machine, but for shared libraries."""
    found: dict[str, Path] = {}
    _add_tree(found, runtime.directory, RUNTIME_FOLDER)
    for folder in toolchain_folders(tool):
        _add_tree(found, folder, str(folder))
    interpreter = Path(command[0])
    if not interpreter.exists():
        raise ImageError(f"{interpreter} is not there: run action-proxy/runtimes/provision {runtime.kind}")
    found[_inside(interpreter)] = interpreter.resolve()
    for folder, left_out in _homes(tool, interpreter, site="-S" not in command):
        _add_tree(found, folder, str(folder), left_out)
    if _is_script(interpreter):  # and the shell that runs it
        found["bin/sh"] = Path("/bin/sh").resolve()
    return found


def _homes(tool: Path, interpreter: Path, *, site: bool) -> Iterator[tuple[Path, frozenset[str]]]:
    """Folders outside of the tool folder that the interpreter reads: its own library, by where it really lies."""
    for program in (interpreter, *(tool.glob("*") if tool.is_dir() else ())):
        real = program.resolve()
        if real.name.startswith("python3."):
            yield real.parents[1] / "lib" / real.name, _PYTHON_LEFT_OUT
            if site:
                yield real.parents[1] / "lib/python3/dist-packages", _PYTHON_LEFT_OUT
        elif real.name == "java":
            yield real.parents[1], _JVM_LEFT_OUT


def _add_tree(found: dict[str, Path], folder: Path, inside: str, left_out: frozenset[str] = frozenset()) -> None:
    """Links are followed: the guest has files only."""
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name not in left_out and not name.startswith("config-")]
        for name in names:
            path = Path(parent, name)
            if name not in left_out and path.is_file():
                found[_inside(Path(inside) / path.relative_to(folder))] = path.resolve()


async def _libraries(files: Mapping[str, Path]) -> dict[str, Path]:
    """What the programs and shared objects among `files` are linked with, under the paths of this machine."""
    found: dict[str, Path] = {}
    for path in {path for path in files.values() if _is_elf(path)}:
        try:
            linked = await niuk_files(path)
        except ImageError:  # statically linked, or a plug-in of something that is not here
            continue
        found |= {name: library for name, library in linked.items() if name != "init"}
    folders = {library.parent for library in found.values()}
    found |= {
        _inside(folder / name): folder / name for folder in folders for name in _FOR_NAMES if (folder / name).exists()
    }
    return found


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _links(tool: Path) -> dict[str, str]:
    """A JVM finds its own libraries from where it really lies."""
    found = tool.glob("*") if tool.is_dir() else ()
    return {_inside(path): str(path.resolve()) for path in found if path.is_symlink() and path.resolve().name == "java"}


def _write(path: Path, files: Mapping[str, Path], links: Mapping[str, str]) -> None:
    runnable = [name for name, source in files.items() if os.access(source, os.X_OK)]
    kept = {name: source for name, source in files.items() if name not in links}
    path.write_bytes(pack({**_LIKE_ETC, **kept}, executables=runnable, links=links))


def _inside(path: Path) -> str:
    return str(path).lstrip("/")


def _state(path: Path) -> str:
    """Whether a file is the same as before; reading a hundred megabytes at every start would cost a second."""
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}"


def words(environment: Mapping[str, str], argv: Iterable[str]) -> bytes:
    """What runtime_init.c reads from its last port. Raises ValueError for what would be read as something else."""
    texts = [*(f"{name}={text}" for name, text in environment.items()), "--", *argv]
    if any("\0" in text or not text for text in texts):
        raise ValueError("a word for the guest is empty or holds a NUL")
    return b"".join(text.encode() + b"\0" for text in texts) + b"\0"
