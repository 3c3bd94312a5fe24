"""The assembled builder: its CPU check compares for real, and a second provision finds the first."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest

from argo_proxy.builder import assembled
from argo_proxy.builder.assembled import AssembledBuilder
from argo_proxy.builder.cache import Cache
from argo_proxy.builder.progress import Progress, to_stderr
from argo_proxy.builder.sources import niuk_runtime

from .conftest import made

pytestmark = pytest.mark.integration

NEEDED, NOT_NEEDED = b"\xfe", b"\xff"  # native-image keeps its mask negated


@pytest.fixture(scope="module")
def toolchain(cache: Cache) -> AssembledBuilder:
    return made(assembled.provision(cache, Progress("toolchain", to_stderr)))


@pytest.fixture(scope="module")
def check(toolchain: AssembledBuilder, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = tmp_path_factory.mktemp("cpu") / "cpu.so"
    source = niuk_runtime() / "toolchain/native/cpu_features.c"
    flags = ["-Wall", "-Wextra", "-Werror", "-fsanitize=undefined", "-fno-sanitize-recover", "-shared", "-fPIC"]
    include = toolchain.home / "clib/include"
    subprocess.run(["gcc", *flags, f"-I{include}", str(source), "-o", str(library)], check=True, timeout=60)
    return ctypes.CDLL(str(library))


def features_here(check: ctypes.CDLL, count: int) -> bytes:
    found = ctypes.create_string_buffer(count)
    check.determineCPUFeatures(found)
    return found.raw


def names(toolchain: AssembledBuilder) -> list[str]:
    header = (toolchain.home / "clib/include/amd64cpufeatures.h").read_text()
    return [line.split()[1].rstrip(";") for line in header.splitlines() if line.startswith("  char")]


def test_what_the_cpu_has_agrees_with_the_kernel(toolchain: AssembledBuilder, check: ctypes.CDLL) -> None:
    flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split()
    fields = names(toolchain)
    have = dict(zip(fields, features_here(check, len(fields)), strict=True))
    for field, flag in (
        ("fSSE4_2", "sse4_2"),
        ("fPOPCNT", "popcnt"),
        ("fAVX2", "avx2"),
        ("fBMI2", "bmi2"),
        ("fAES", "aes"),
        ("fLZCNT", "abm"),
    ):
        assert have[field] == (flag in flags), field


def test_an_image_for_this_cpu_passes_and_one_for_another_does_not(
    toolchain: AssembledBuilder, check: ctypes.CDLL
) -> None:
    fields = names(toolchain)
    have = features_here(check, len(fields))
    assert check.checkCPUFeatures(b"".join(NEEDED if one else NOT_NEEDED for one in have)) == 0
    assert check.checkCPUFeatures(NOT_NEEDED * len(fields)) == 0
    absent = have.index(0)
    for_another = NOT_NEEDED * absent + NEEDED + NOT_NEEDED * (len(fields) - absent - 1)
    assert check.checkCPUFeatures(for_another) == 1


def test_a_second_provision_finds_the_first(cache: Cache, toolchain: AssembledBuilder) -> None:
    progress: list[str] = []
    assert made(assembled.provision(cache, Progress("toolchain", progress.append))) == toolchain
    assert progress == []
    assert not (toolchain.home / "work").exists()
