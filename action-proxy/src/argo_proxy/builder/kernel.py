"""The specialised Linux kernel of the NIUk microVM, from Debian's source, and the initramfs that goes with it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from argo_proxy.builder import command, packages
from argo_proxy.builder.cache import Cache, content_hash
from argo_proxy.builder.debian import PrivateApt
from argo_proxy.builder.errors import BuildError
from argo_proxy.builder.progress import Progress
from argo_proxy.builder.sources import niuk_runtime

PART = "kernel"
_PACKAGE = "linux-source-6.1"
_LIMITS = command.Limits(seconds=1800.0, memory_mb=4096)
_TOOLS = {
    "gcc": "gcc",
    "make": "make",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "xz": "xz-utils",
    "strip": "binutils",
    "dpkg-deb": "dpkg",
}
_HEADERS = {"libelf.h": "libelf-dev"}


async def build(cache: Cache, progress: Progress) -> Path:
    """The kernel, an uncompressed ELF image (`vmlinux`) that QEMU boots through PVH. The first time takes 3 minutes.

    Raises ProvisionError where tools are missing and cannot be installed, BuildError where the build fails.
    """
    fragment = niuk_runtime() / "kernel/niuk.config"
    key = content_hash([fragment, Path(__file__)])

    async def make(folder: Path) -> None:
        log = cache.root / f"{PART}-{key}.log"
        await packages.need("building the kernel", _TOOLS, _HEADERS, log=log, progress=progress)
        await _Build(folder, fragment, log, progress).run()

    return await cache.obtain(PART, key, make, resumable=True) / "vmlinux"


class _Build:
    """One kernel build in `folder`."""

    def __init__(self, folder: Path, fragment: Path, log: Path, progress: Progress) -> None:
        self.folder = folder
        self.fragment = fragment
        self.log = log
        self.progress = progress
        self.tree = folder / "tree"

    async def run(self) -> None:
        if not (self.tree / "Makefile").is_file():
            await self._fetch()
        self.progress.step("configuring")
        await self._make("tinyconfig")
        await self._command("bash", "scripts/kconfig/merge_config.sh", "-m", ".config", str(self.fragment))
        await self._make("olddefconfig")
        self._check_configuration()
        self.progress.step("compiling")
        await self._make(f"-j{os.cpu_count() or 1}", "vmlinux")
        await self._command("strip", "-o", str(self.folder / "vmlinux"), "vmlinux")
        shutil.copyfile(self.tree / ".config", self.folder / "config")
        for leftover in ("tree", "apt", "downloads", "package"):
            shutil.rmtree(self.folder / leftover, ignore_errors=True)
        self.progress.step("built")

    async def _fetch(self) -> None:
        self.progress.step("fetching Debian's source")
        apt = PrivateApt(self.folder / "apt", self.log)
        await apt.update()
        downloads = self.folder / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        await self._command("apt-get", *apt.options(), "download", "-qq", _PACKAGE, folder=downloads)
        package = next(downloads.glob(f"{_PACKAGE}_*.deb"))
        (self.folder / "version").write_text(package.name.split("_")[1])
        await self._command("dpkg-deb", "-x", str(package), str(self.folder / "package"), folder=downloads)
        archive = self.folder / f"package/usr/src/{_PACKAGE}.tar.xz"
        unpacking = self.folder / "tree.partial"
        shutil.rmtree(unpacking, ignore_errors=True)
        unpacking.mkdir()
        await self._command("tar", "-xf", str(archive), "-C", str(unpacking), "--strip-components=1", folder=downloads)
        unpacking.rename(self.tree)

    def _check_configuration(self) -> None:
        """What the fragment asks for must be so: kconfig drops silently what depends on something that is off."""
        have = set((self.tree / ".config").read_text().splitlines())
        wanted = [line for line in self.fragment.read_text().splitlines() if line.endswith("=y")]
        if dropped := [line for line in wanted if line not in have]:
            raise BuildError(f"this kernel has no {', '.join(dropped)}", log=self.log)

    async def _make(self, *targets: str) -> None:
        reproducible = ["KBUILD_BUILD_TIMESTAMP=1970-01-01", "KBUILD_BUILD_USER=argo", "KBUILD_BUILD_HOST=argo"]
        await self._command("make", "ARCH=x86_64", *reproducible, *targets)

    async def _command(self, *arguments: str, folder: Path | None = None) -> None:
        await command.run(command.Command(arguments, log=self.log, folder=folder or self.tree, limits=_LIMITS))
