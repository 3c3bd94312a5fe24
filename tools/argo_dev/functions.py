"""An echo function in each language, as benches create it, and the bare start of its interpreter to compare with."""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GSON = Path("/usr/share/java/gson.jar")
_JAVA = """import com.google.gson.JsonObject;
public class Echo { public static JsonObject main(JsonObject args) { return args; } }
"""
_JAR_DATE = "2020-01-01T00:00:00Z"  # the same jar each time: one native build serves all that have it
_SKELETON = "openwhisk/dockerskeleton"  # the name that clients give to "any executable"
_GO = """package main
func Main(args map[string]interface{}) map[string]interface{} { return args }
"""
_SHELL = """#!/bin/sh
printf '%s' "$1"
"""


@dataclass(frozen=True, slots=True)
class EchoFunction:
    """`exec`: the fields of a PUT; `bare`: words that start the same interpreter and end at once."""

    kind: str
    exec: Mapping[str, Any]
    bare: tuple[str, ...] = ()


def echo_functions() -> dict[str, EchoFunction]:
    """By the name that results carry; Java only where a compiler is."""
    found = [
        _plain("nodejs:20", "function main(args) { return args }", ("node", "-e", "0")),
        _plain("python:3.11", "def main(args): return args", ("python", "-c", "0")),
        _plain("ruby:3.1", "def main(args) args end", ("ruby", "-e", "0")),
        _plain("php:8.2", "<?php function main(array $args): array { return $args; }", ("php", "-r", ";")),
        _plain("go:1.19", _GO, ()),
        EchoFunction("binary", _binary("blackbox", _SHELL.encode(), image=_SKELETON), ("sh", "-c", ":")),
    ]
    if shutil.which("javac") and GSON.exists():
        found.append(EchoFunction("java:17", _binary("java:17", _jar(), main="Echo"), ("java", "-version")))
    return {function.kind: function for function in found}


def _plain(kind: str, code: str, bare: tuple[str, ...]) -> EchoFunction:
    return EchoFunction(kind, {"kind": kind, "code": code}, bare)


def _binary(kind: str, content: bytes, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "code": base64.b64encode(content).decode(), "binary": True, **more}


def _jar() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Echo.java").write_text(_JAVA)
        subprocess.run(["javac", "-cp", str(GSON), "-d", folder, f"{folder}/Echo.java"], check=True, timeout=120)
        jar = Path(folder) / "echo.jar"
        words = ["jar", "--create", f"--date={_JAR_DATE}", "--file", str(jar), "-C", folder, "Echo.class"]
        subprocess.run(words, check=True, timeout=120)
        return jar.read_bytes()
