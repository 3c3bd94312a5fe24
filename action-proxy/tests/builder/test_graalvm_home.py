"""The adapter over an installed GraalVM says the same to its native-image as the assembled one does; here a stand-in takes it down."""

from __future__ import annotations

from pathlib import Path

import pytest

from argo_proxy.builder.command import Limits
from argo_proxy.builder.errors import BuildError
from argo_proxy.builder.graalvm_home import GraalvmHome, probe
from argo_proxy.builder.port import ImageRequest
from argo_proxy.builder.progress import Progress

pytestmark = pytest.mark.unit

STAND_IN = """#!/bin/sh
if [ "$1" = --version ]; then echo 'native-image 21.0.2 2024-01-16'; exit; fi
printf '%s\\n' "$@" > "$(dirname "$0")/said"
case $* in *fail*) echo 'it does not compile'; exit 1;; esac
while [ $# -gt 0 ]; do [ "$1" = -o ] && : > "$2.so"; shift; done
"""


async def installed(folder: Path) -> GraalvmHome:
    tool = folder / "bin/native-image"
    tool.parent.mkdir(parents=True)
    tool.write_text(STAND_IN)
    tool.chmod(0o755)
    return await probe(folder)


def request(folder: Path, name: str = "function") -> ImageRequest:
    return ImageRequest(
        name=name,
        classpath=[folder / "a.jar", folder / "b"],
        folder=folder,
        features=["argo.function.FunctionFeature", "com.oracle.svm.truffle.TruffleFeature"],
        options=["-H:ConfigurationFileDirectories=x"],
        properties={"argo.main": "A#b"},
        builder_packages=["com.oracle.svm.core"],
        limits=Limits(seconds=30.0, memory_mb=4096),
    )


async def test_it_builds_a_shared_library(tmp_path: Path) -> None:
    home = await installed(tmp_path / "graalvm")
    made = await home.build(request(tmp_path), log=tmp_path / "log", progress=Progress("test"))
    assert made == tmp_path / "function.so"
    assert (tmp_path / "graalvm/bin/said").read_text().splitlines() == [
        "-J-Xmx3072m",
        "-J--add-exports=org.graalvm.nativeimage.builder/com.oracle.svm.core=ALL-UNNAMED",
        "-J-Dargo.main=A#b",
        "--shared",
        "--no-fallback",
        "-cp",
        f"{tmp_path}/a.jar:{tmp_path}/b",
        "--features=argo.function.FunctionFeature",
        "-o",
        f"{tmp_path}/function",
        "-H:ConfigurationFileDirectories=x",
    ]


async def test_a_failed_build_tells_its_last_words(tmp_path: Path) -> None:
    home = await installed(tmp_path / "graalvm")
    with pytest.raises(BuildError, match="it does not compile"):
        await home.build(request(tmp_path, "fail"), log=tmp_path / "log", progress=Progress("test"))
    assert home.identity == "graalvm native-image 21.0.2 2024-01-16"
