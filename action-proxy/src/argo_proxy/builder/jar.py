"""What can be told of a user's jar before anything is built from it."""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from argo_proxy.builder.errors import UserCodeError

NEWEST_JAVA = 17
_CLASS_MAGIC = 0xCAFEBABE
_JAVA_1_0 = 44
_MOST_UNPACKED = 512 << 20
_NETWORK_CLASSES = (b"java/net/URL", b"java/net/HttpURLConnection", b"java/net/http/")


@dataclass(frozen=True, slots=True)
class Library:
    """Maven coordinates of something packed into a jar."""

    group: str
    artifact: str
    version: str


@dataclass(frozen=True, slots=True)
class JarFacts:
    """`main_class` and `main_method` as they will be called; `calls_out`: it names classes that open URLs."""

    main_class: str
    main_method: str
    has_gson: bool
    calls_out: bool
    libraries: tuple[Library, ...]

    @property
    def main(self) -> str:
        return f"{self.main_class}#{self.main_method}"


def examine(path: Path, main: str) -> JarFacts:
    """Reads a jar. Raises UserCodeError, in the ordinary runtime's words, for one that could never run."""
    main_class, _, method = main.partition("#")
    try:
        with zipfile.ZipFile(path) as archive:
            return _facts(archive, main_class, method or "main")
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, struct.error) as broken:
        raise UserCodeError(f"the jar cannot be read: {broken}") from broken


def _facts(archive: zipfile.ZipFile, main_class: str, method: str) -> JarFacts:
    if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED:
        raise UserCodeError(f"the jar is larger than {_MOST_UNPACKED >> 20} MB unpacked")
    if damaged := archive.testzip():
        raise UserCodeError(f"the jar cannot be read: {damaged} is damaged")
    names = set(archive.namelist())
    entry = f"{main_class.replace('.', '/')}.class"
    if entry not in names:
        raise UserCodeError(f"java.lang.ClassNotFoundException: {main_class}")
    check_version(archive.read(entry), main_class)
    classes = [name for name in names if name.endswith(".class")]
    calls_out = any(word in data for data in map(archive.read, classes) for word in _NETWORK_CLASSES)
    return JarFacts(main_class, method, "com/google/gson/Gson.class" in names, calls_out, _libraries(archive))


def check_version(data: bytes, name: str) -> None:
    """Raises UserCodeError for what is not a class file, or one for a newer Java than images are built from."""
    magic, _minor, major = struct.unpack_from(">IHH", data)
    if magic != _CLASS_MAGIC:
        raise UserCodeError(f"java.lang.ClassFormatError: {name}")
    newest = NEWEST_JAVA + _JAVA_1_0
    if major > newest:
        raise UserCodeError(
            f"java.lang.UnsupportedClassVersionError: {name} has been compiled by a more recent version "
            f"of the Java Runtime (class file version {major}.0), "
            f"this version only recognizes class file versions up to {newest}.0"
        )


def _libraries(archive: zipfile.ZipFile) -> tuple[Library, ...]:
    found = []
    for name in sorted(archive.namelist()):
        if name.startswith("META-INF/maven/") and name.endswith("/pom.properties"):
            lines = archive.read(name).decode("utf-8", "replace").splitlines()
            fields = dict(line.split("=", 1) for line in lines if "=" in line)
            if {"groupId", "artifactId", "version"} <= fields.keys():
                found.append(
                    Library(fields["groupId"].strip(), fields["artifactId"].strip(), fields["version"].strip())
                )
    return tuple(found)
