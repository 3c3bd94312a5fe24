"""The kernel is built from Debian's source with what the fragment asks for. That it boots is shown in tests/microvm."""

from __future__ import annotations

import pytest

from argo_proxy.builder import kernel
from argo_proxy.builder.cache import Cache
from argo_proxy.builder.progress import Progress, to_stderr
from argo_proxy.builder.sources import niuk_runtime

from .conftest import made

pytestmark = pytest.mark.integration

MOST_BYTES = 24 << 20


def test_the_kernel_is_built_as_the_fragment_says(cache: Cache) -> None:
    image = made(kernel.build(cache, Progress("kernel", to_stderr)))
    assert image.read_bytes()[:4] == b"\x7fELF"
    assert image.stat().st_size < MOST_BYTES
    have = set((image.parent / "config").read_text().splitlines())
    wanted = {line for line in (niuk_runtime() / "kernel/niuk.config").read_text().splitlines() if line.endswith("=y")}
    assert wanted - have == set()
    assert not {"CONFIG_MODULES=y", "CONFIG_BLOCK=y", "CONFIG_PCI=y", "CONFIG_SYSFS=y"} & have


def test_a_second_build_finds_the_first(cache: Cache) -> None:
    progress: list[str] = []
    made(kernel.build(cache, Progress("kernel", progress.append)))
    assert progress == []
