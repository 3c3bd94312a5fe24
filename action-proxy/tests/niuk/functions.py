"""What the tests of this folder share: the fake library as a function, and what it is asked to do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from argo_proxy.sandboxes.niuk import frames
from argo_proxy.sandboxes.niuk.process import Library, NativeFunction

SECONDS = 20.0


def library_at(path: Path) -> Library:
    return Library(path, hashlib.sha256(path.read_bytes()).digest())


def function(library: Library, name: str = "f", **changes: object) -> NativeFunction:
    return NativeFunction(name, library, address=f"/guest/{name}", **changes)  # type: ignore[arg-type]


def run(name: str, params: object, timeout_ms: int = 10_000) -> frames.Run:
    return frames.Run(name, json.dumps(params, separators=(",", ":")).encode(), timeout_ms, 10_000)
