"""Tells, before a JavaScript function is moved to the engine, what it needs that the engine lacks: name, file and line.

It reads the code and runs nothing. What it cannot follow (a module whose name is computed) counts as a need that is
not met, so it may refuse a function that would have run; it is not to pass one that would not.
"""

from __future__ import annotations

import io
import json
import posixpath
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from argo_proxy.builder.javascript_tokens import Token, UnreadableSourceError, tokens

SOURCE_FILE = "/tmp/action.js"  # noqa: S108 -- the name that a single source has, here as under Node.js
_MODULES = """
assert assert/strict buffer console crypto events path path/posix process querystring string_decoder timers
timers/promises url util util/types
"""
_GLOBALS = """
fetch Request Response Headers FormData Blob File WebAssembly WebSocket Worker BroadcastChannel MessageChannel
MessagePort ReadableStream WritableStream TransformStream CompressionStream DecompressionStream TextDecoderStream
TextEncoderStream PerformanceObserver EventSource SharedWorker navigator
"""
_OF_CRYPTO = """
createCipheriv createDecipheriv createSign createVerify createECDH createDiffieHellman generateKeyPair
generateKeyPairSync generateKey generateKeySync createSecretKey createPublicKey createPrivateKey pbkdf2
pbkdf2Sync scrypt scryptSync hkdf hkdfSync sign verify publicEncrypt privateDecrypt X509Certificate subtle
"""
_OF_PROCESS = "binding dlopen stdin kill chdir setuid setgid getuid resourceUsage"
MODULES = frozenset(_MODULES.split())
_ABSENT_GLOBALS = frozenset(_GLOBALS.split())
_ABSENT_MEMBERS = {
    "crypto": frozenset(_OF_CRYPTO.split()),
    "process": frozenset(_OF_PROCESS.split()),
    "module": frozenset({"createRequire"}),
}
_MOST_BYTES = 256 << 20
_EXTENSIONS = ("", ".js", ".json", ".cjs", ".node")
_CONDITIONS = ("node", "require", "default", "module-sync")
_FILE_AND_NAME = re.compile(r"^([\w./-]+)\.([\w$]+)$")


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """Something that the engine does not have; `line` counts from 1, 0 where there is none."""

    file: str
    line: int
    module: str


def check_source(source: str) -> list[Need]:
    """The unmet needs of a function given as one text."""
    scan = _scan(SOURCE_FILE, source)
    return sorted(scan.needs | _external(scan))


def check_archive(data: bytes, main: str = "main") -> list[Need]:
    """The unmet needs of all modules that a zipped function reaches. An unreadable zip needs to be readable."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                return [Need("/", 0, "an archive of less than 256 MB")]
            files = {_absolute(name): archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as broken:
        return [Need("/", 0, f"a zip that can be read: {broken}")]
    named = _FILE_AND_NAME.match(main)
    return sorted(_Walk(Archive(files)).run(named[1] if named else ""))


def check(code: bytes, *, binary: bool, main: str = "main") -> list[Need]:
    """Either of the two; `code` is a zip's bytes or UTF-8 source."""
    return check_archive(code, main) if binary else check_source(code.decode("utf-8", "replace"))


@dataclass(slots=True)
class _Scan:
    """Of one file: modules required (name → line) and needs that no module can meet."""

    file: str
    required: dict[str, int] = field(default_factory=dict)
    needs: set[Need] = field(default_factory=set)

    def need(self, line: int, name: str) -> None:
        self.needs.add(Need(self.file, line, name))


def _scan(file: str, source: str) -> _Scan:
    scan = _Scan(file)
    try:
        found = tokens(source)
    except UnreadableSourceError as unreadable:
        scan.need(unreadable.line, f"source that can be read: {unreadable}")
        return scan
    padded = [*found, *[Token("mark", "", 0)] * 3]
    declared = {token.value for before, token in pairwise(padded) if before.value in _DECLARING}
    crypto = any(token.kind == "text" and token.value in ("crypto", "node:crypto") for token in found)
    for at, token in enumerate(found):
        if token.kind == "word":
            before = padded[at - 1] if at else Token("mark", "", 0)
            _look_at(scan, before, padded[at : at + 4], declared, crypto)
    return scan


_DECLARING = frozenset(("const", "let", "var", "function", "class"))


def _look_at(scan: _Scan, before: Token, here: Sequence[Token], declared: set[str], crypto: bool) -> None:
    word, second, third, fourth = here
    is_member = before.value == "." and before.kind == "mark"
    if word.value.startswith("\\"):
        scan.need(word.line, "a name written in escapes")
    elif word.value == "require" and not is_member and second.value == "(":
        if third.kind == "text" and fourth.value in (")", ","):
            scan.required.setdefault(third.value, word.line)
        else:
            scan.need(word.line, "a module whose name is computed")
    elif (
        word.value in ("import", "export") and not is_member and second.value != ":" and before.value not in ("{", ",")
    ):
        scan.need(word.line, "an ES module" if second.value != "(" else "import()")
    elif (
        word.value in _ABSENT_GLOBALS
        and not is_member
        and second.value != ":"
        and before.value != "typeof"
        and word.value not in declared
    ):
        scan.need(word.line, word.value)
    elif second.value == "." and third.value in _ABSENT_MEMBERS.get(word.value, ()):
        scan.need(word.line, f"{word.value}.{third.value}")
    elif (
        crypto and word.value in _ABSENT_MEMBERS["crypto"] and before.value in ("{", ",") and second.value in ("}", ",")
    ):
        # `const { createSign } = require('crypto')`: the name comes before the module, so the name is the need
        scan.need(word.line, f"crypto.{word.value}")


def _external(scan: _Scan) -> set[Need]:
    """Modules that are none of the engine's: a single source has no others."""
    return {
        Need(scan.file, line, name) for name, line in scan.required.items() if name.removeprefix("node:") not in MODULES
    }


def _absolute(name: str) -> str:
    return posixpath.normpath("/" + name.replace("\\", "/")).replace("//", "/")


@dataclass(frozen=True, slots=True)
class Archive:
    """Node's rules for finding a module, over files in memory (as `engine/js/modules.js` has them)."""

    files: Mapping[str, bytes]

    def resolve(self, name: str, folder: str) -> str | None:
        if name.startswith(("./", "../", "/")) or name in (".", ".."):
            path = posixpath.normpath(posixpath.join(folder, name))
            return (None if name.endswith("/") else self.as_file(path)) or self.as_folder(path)
        return self._in_packages(name, folder)

    def as_file(self, path: str) -> str | None:
        return next((path + extension for extension in _EXTENSIONS if path + extension in self.files), None)

    def as_folder(self, path: str) -> str | None:
        main = self._package(path).get("main")
        if isinstance(main, str) and main:
            entry = posixpath.normpath(posixpath.join(path, main))
            if found := self.as_file(entry) or self.as_file(posixpath.join(entry, "index")):
                return found
        return self.as_file(posixpath.join(path, "index"))

    def _package(self, folder: str) -> Mapping[str, object]:
        try:
            parsed = json.loads(self.files.get(posixpath.join(folder, "package.json"), b"{}"))
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    def is_module_package(self, file: str) -> bool:
        """Does the nearest package.json say that .js means ES module?"""
        folder = posixpath.dirname(file)
        while posixpath.join(folder, "package.json") not in self.files and folder != "/":
            folder = posixpath.dirname(folder)
        return self._package(folder).get("type") == "module"

    def _in_packages(self, name: str, folder: str) -> str | None:
        parts = name.split("/")
        width = 2 if name.startswith("@") else 1
        package, rest = "/".join(parts[:width]), "/".join(parts[width:])
        while True:
            root = posixpath.join(folder, "node_modules", package)
            if any(file.startswith(f"{root}/") for file in self.files):
                return self._in_package(root, rest)
            if folder == "/":
                return self.as_file(posixpath.join("/node_modules", name))
            folder = posixpath.dirname(folder)

    def _in_package(self, root: str, rest: str) -> str | None:
        exports = self._package(root).get("exports")
        target = _exported(exports, f"./{rest}" if rest else ".") if exports is not None else None
        path = posixpath.normpath(posixpath.join(root, target or rest or "."))
        return self.as_file(path) or self.as_folder(path)


def _exported(exports: object, subpath: str) -> str | None:
    table = exports if isinstance(exports, dict) and any(key.startswith(".") for key in exports) else {".": exports}
    if subpath in table:
        return _target(table[subpath])
    for pattern, value in table.items():
        before, star, after = pattern.partition("*")
        if star and subpath.startswith(before) and subpath.endswith(after):
            found = _target(value)
            return found and found.replace("*", subpath[len(before) : len(subpath) - len(after)])
    return None


def _target(value: object) -> str | None:
    if isinstance(value, str):
        return value
    options = value if isinstance(value, list) else []
    if isinstance(value, dict):
        options = [target for condition, target in value.items() if condition in _CONDITIONS]
    return next((found for found in map(_target, options) if found is not None), None)


class _Walk:
    """Follows an archive's modules from its entry."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.needs: set[Need] = set()
        self.seen: set[str] = set()

    def run(self, file: str) -> set[Need]:
        entry = (
            self.archive.as_folder("/")
            if file == ""
            else self.archive.as_file(f"/{file}") or self.archive.as_folder(f"/{file}")
        )
        if entry is None:
            return {Need("/", 0, f"the module {file or 'at its root'}")}
        waiting = [entry]
        while waiting:
            path = waiting.pop()
            if path not in self.seen:
                self.seen.add(path)
                waiting += self._visit(path)
        return self.needs

    def _visit(self, path: str) -> list[str]:
        if path.endswith(".node"):
            self.needs.add(Need(path, 0, "a native add-on"))
            return []
        if path.endswith(".json"):
            return []
        if path.endswith(".mjs") or (path.endswith(".js") and self.archive.is_module_package(path)):
            self.needs.add(Need(path, 1, "an ES module"))
            return []
        scan = _scan(path, self.archive.files[path].decode("utf-8", "replace"))
        self.needs |= scan.needs
        return [
            found for name, line in scan.required.items() if (found := self._required(path, name, line)) is not None
        ]

    def _required(self, path: str, name: str, line: int) -> str | None:
        if name.removeprefix("node:") in MODULES:
            return None
        found = None if name.startswith("node:") else self.archive.resolve(name, posixpath.dirname(path))
        if found is None:
            self.needs.add(Need(path, line, name))
        return found
