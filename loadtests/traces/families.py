"""Six families of functions in three languages, as an action's `exec`: what a replay gives the functions of a trace.

Each waits for `wait_ms` and then computes for about a millisecond, from `seed`: equal seeds give equal answers.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parents[1] / "families"
_GSON = Path(__file__).resolve().parents[2] / "compat-tests/functions/java/gson"  # to compile with; runtimes have it
_JAR_DATE = "2020-01-01T00:00:00Z"  # the same jar each time
_SOURCES = {
    "java_orders": ("java:default", "Orders.java"),
    "nodejs_page": ("nodejs:default", "page.js"),
    "python_words": ("python:default", "words.py"),
    "java_digest": ("java:default", "Digest.java"),
    "nodejs_journey": ("nodejs:default", "journey.js"),
    "python_trend": ("python:default", "trend.py"),
}


@dataclass(frozen=True, slots=True)
class Family:
    """`exec`: the field of a PUT."""

    name: str
    exec: Mapping[str, Any]

    @property
    def language(self) -> str:
        return self.name.partition("_")[0]


def families() -> list[Family]:
    """All six; those in Java only where a compiler is (apt-get install openjdk-17-jdk-headless)."""
    return list(_made())


def _made() -> Iterator[Family]:
    for name, (kind, file) in _SOURCES.items():
        if kind.startswith("java"):
            if shutil.which("javac"):
                main = Path(file).stem
                code = base64.b64encode(_jar(_FOLDER / file)).decode()
                yield Family(name, {"kind": kind, "code": code, "main": main, "binary": True})
        else:
            yield Family(name, {"kind": kind, "code": (_FOLDER / file).read_text()})


def _jar(source: Path) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        words = ["javac", "--release", "8", "-Xlint:-options", "-sourcepath", str(_GSON), "-d", folder, str(source)]
        subprocess.run(words, check=True, timeout=120)
        jar = Path(folder) / "function.jar"
        words = ["jar", "--create", f"--date={_JAR_DATE}", "--file", str(jar), "-C", folder, f"{source.stem}.class"]
        subprocess.run(words, check=True, timeout=120)
        return jar.read_bytes()
