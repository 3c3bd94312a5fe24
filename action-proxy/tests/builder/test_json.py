"""The adapter's way from bytes to Gson's objects and back, against Gson's own, on HotSpot."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from argo_proxy.builder.sources import niuk_runtime
from argo_proxy.builder.workshop import Workshop

from .conftest import made

pytestmark = pytest.mark.integration
ROUNDS = 20_000


def test_it_reads_and_writes_what_gson_does(workshop: Workshop, tmp_path: Path) -> None:
    adapter = niuk_runtime() / "adapter"
    (gson,) = made(workshop.jars("gson"))
    names = [adapter / f"java/argo/function/{name}.java" for name in ("JsonReader", "JsonWriter")]
    sources = [*map(str, names), str(adapter / "tests/fixtures/JsonAgainstGson.java")]
    home = workshop.builder.java_home / "bin"
    subprocess.run([str(home / "javac"), "-d", str(tmp_path), "-cp", str(gson), *sources], check=True, timeout=120)
    done = subprocess.run(
        [str(home / "java"), "-cp", f"{tmp_path}:{gson}", "JsonAgainstGson", "7", str(ROUNDS)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == f"same {ROUNDS}", done.stderr[-2000:]
