"""What an action runs, out of a file, an image, a sequence or another action: the `exec` of the API."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from argo_provider.cli.client.failures import Misused
from argo_provider.cli.client.names import parse

NATIVE_IMAGE = "openwhisk/dockerskeleton"
FAMILIES = {
    ".js": "nodejs", ".mjs": "nodejs", ".cjs": "nodejs", ".py": "python", ".php": "php", ".rb": "ruby", ".go": "go",
    ".jar": "java", ".swift": "swift", ".rs": "rust",
}  # fmt: skip
# A file at the top of an archive that only one language's archives have.
_MARKS = {
    "package.json": "nodejs", "index.js": "nodejs", "__main__.py": "python", "main.rb": "ruby", "index.php": "php",
    "main.go": "go", "exec": "native",
}  # fmt: skip
Exec = dict[str, Any]


def sequence(components: str, namespace: str) -> Exec:
    """`a,b,/ns/p/c` as a sequence."""
    names = [parse(each.strip(), namespace).qualified for each in components.split(",") if each.strip()]
    if not names:
        raise Misused("a sequence needs actions", "--sequence FIRST,SECOND")
    return {"kind": "sequence", "components": names}


def from_file(
    path: Path, *, kind: str | None = None, main: str | None = None, docker: str | None = None, native: bool = False
) -> Exec:
    """The code in `path`, as text or, if it is an archive, in base64. Misused if its kind cannot be known."""
    data = _read(path)
    binary = _is_binary(path, data)
    if docker or native:
        found: Exec = {"kind": "blackbox", "image": docker or NATIVE_IMAGE}
    else:
        found = {"kind": kind or kind_of(path, data)}
        if found["kind"] == "blackbox":
            found["image"] = NATIVE_IMAGE
    found["code"] = base64.b64encode(data).decode() if binary else data.decode()
    if binary:
        found["binary"] = True
    if main:
        found["main"] = main
    elif found["kind"].startswith("java"):
        raise Misused("Java needs to be told the class", f"--main CLASS: the class of {path.name} that has main")
    return found


def _read(path: Path) -> bytes:
    try:
        return _packed(path) if path.is_dir() else path.read_bytes()
    except OSError as error:
        raise Misused(f"cannot read {path}: {error.strerror or error}", f"ls -l {path}") from error


def _packed(folder: Path) -> bytes:
    """A folder as an archive; what starts with a dot stays away. The same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files_of(folder):
            entry = zipfile.ZipInfo(str(file.relative_to(folder)))
            entry.external_attr = (file.stat().st_mode & 0xFFFF) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def files_of(folder: Path) -> Iterable[Path]:
    """The files below a folder that make the action, in order."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            yield path


def _is_binary(path: Path, data: bytes) -> bool:
    if path.is_dir() or path.suffix in {".zip", ".jar", ".gz", ".tgz", ".bin"}:
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def kind_of(path: Path, data: bytes) -> str:
    """The kind that a file's name, or an archive's content, tells. Misused if neither does."""
    family = FAMILIES.get(path.suffix)
    if family is None and (path.is_dir() or zipfile.is_zipfile(io.BytesIO(data))):
        family = _family_of_archive(data)
    if family == "native":
        return "blackbox"
    if family is None:
        known = " ".join(sorted(FAMILIES))
        raise Misused(
            f"what {path.name} is written in cannot be known from it (known: {known})",
            "--kind KIND, for example --kind nodejs:default; an executable: --native",
        )
    return f"{family}:default"


def _family_of_archive(data: bytes) -> str | None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
    if "META-INF/MANIFEST.MF" in names:
        return "java"
    return next((family for mark, family in _MARKS.items() if mark in names), None)


def saved_name(name: str, found: Exec) -> str:
    """The file name that `action get --save` gives the code."""
    family = str(found.get("kind", "")).partition(":")[0]
    if found.get("binary"):
        return f"{name}.jar" if family == "java" else f"{name}.zip"
    suffix = next((suffix for suffix, each in FAMILIES.items() if each == family), "")
    return name + suffix


def saved_bytes(found: Exec) -> bytes:
    code = str(found.get("code", ""))
    return base64.b64decode(code) if found.get("binary") else code.encode()
