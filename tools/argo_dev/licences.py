"""Writes THIRD_PARTY_LICENSES.md: what the packages, images and native builds of Argo bring, and under which licence.

    python -m argo_dev.licences

From the lock files: Python by the metadata of what is installed, npm by its locks, Rust by cargo, GraalVM's parts by
the pins of the toolchain. A test holds the list complete against the same files.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "THIRD_PARTY_LICENSES.md"
NPM_LOCKS = ("provider/dashboard/package-lock.json", "action-proxy/runtimes/nodejs/package-lock.json")
_HOST = ROOT / "niuk-runtime" / "host" / "Cargo.toml"
_PINS = ROOT / "niuk-runtime" / "toolchain" / "pins.json"

# As their POMs and repositories say; what comes new to the pins must be looked up there.
_GPL_CE = "GPL-2.0-only WITH Classpath-exception-2.0"
_MAVEN = {
    "com.google.code.gson": "Apache-2.0",
    "com.ibm.icu": "Unicode-DFS-2016",
    "org.graalvm.buildtools": "UPL-1.0",
    "org.graalvm.compiler": _GPL_CE,
    "org.graalvm.js": "UPL-1.0 AND MIT",
    "org.graalvm.nativeimage": _GPL_CE,
    "org.graalvm.regex": "UPL-1.0",
    "org.graalvm.sdk": "UPL-1.0",
    "org.graalvm.truffle": "UPL-1.0",
}
_HEAD = """# Third-party licences

Argo itself is under the Apache License 2.0, see [LICENSE](LICENSE). This is what its packages need or carry, and what
its native builds link; written by `python -m argo_dev.licences`, and a test holds it complete.

Interpreters and libraries that Debian brings (Node.js, OpenJDK, CPython, Ruby, PHP, Go, Docker Engine, QEMU,
bubblewrap, SQLite, the Linux kernel) are not part of Argo: their licences are in `/usr/share/doc/*/copyright`.
The specialised kernel of a NIUk is built on the user's machine from Debian's source of Linux (GPL-2.0-only).
"""


class Part(NamedTuple):
    """One third-party package."""

    name: str
    version: str
    licence: str


def main() -> None:
    sections = {
        "Python: what the service needs": python_parts(),
        "npm: what the dashboard and the Node.js runtime carry": npm_parts(),
        "Rust: what the NIUk's host links": rust_parts(),
        "GraalVM and Maven: what native images are built with and carry": maven_parts(),
    }
    lines = [_HEAD]
    for title, parts in sections.items():
        rows = [f"| {p.name} | {p.version} | {p.licence.replace('|', '/')} |" for p in sorted(set(parts))]
        lines += [f"## {title}", "", "| package | version | licence |", "| --- | --- | --- |", *rows, ""]
    PAGE.write_text("\n".join(lines))


def python_names() -> list[str]:
    """The distributions that requirements.lock pins."""
    return re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)


def python_parts() -> Iterator[Part]:
    for name in python_names():
        try:
            found = metadata.metadata(name)
        except metadata.PackageNotFoundError:  # for another platform or Python
            continue
        yield Part(name, str(found["Version"]), _python_licence(found))


def _python_licence(found: Any) -> str:
    expression = found.get("License-Expression")
    classifiers = [line for line in found.get_all("Classifier") or () if line.startswith("License ::")]
    classified = [line.rpartition(" :: ")[2] for line in classifiers]
    stated = str(found.get("License") or "").strip()
    short = stated if stated and "\n" not in stated and len(stated) < 60 else ""
    return str(expression or short or ", ".join(classified) or "see its files")


def npm_parts() -> Iterator[Part]:
    """What is installed for use, not for building; a lock without licences gives none."""
    for lock in NPM_LOCKS:
        for place, package in json.loads((ROOT / lock).read_text())["packages"].items():
            if place and not package.get("dev"):
                name = place.rpartition("node_modules/")[2]
                yield Part(name, package["version"], package.get("license", "see its package"))


def rust_parts() -> Iterator[Part]:
    """What the host itself links: no build tools, no test tools."""
    command = ["cargo", "tree", "--locked", "--manifest-path", str(_HOST), "--edges", "normal", "--prefix", "none"]
    done = subprocess.run([*command, "--format", "{p}|{l}"], capture_output=True, text=True, check=True, timeout=300)
    for line in set(done.stdout.splitlines()):
        package, _, licence = line.partition("|")
        name, version = package.split()[:2]
        if name != "niuk-host":
            yield Part(name, version.removeprefix("v"), licence)


def maven_parts() -> Iterator[Part]:
    for name, pin in json.loads(_PINS.read_text()).items():
        yield Part(f"{pin['group']}:{name}", pin["version"], _MAVEN[pin["group"]])


if __name__ == "__main__":
    main()
