"""Starting a zygote: confined as a process sandbox is."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from argo_proxy.runtimes import Runtime
from argo_proxy.sandboxes.folders import SandboxFolder
from argo_proxy.sandboxes.niuk.launching import ConfinedLauncher
from argo_proxy.sandboxes.process.cgroups import ControlGroup
from argo_proxy.sandboxes.process.confinement import RUNTIME_FOLDER, Confinement

_IMPORT = re.compile(r"^[ \t]*(?:import[ \t]+([\w., \t]+)|from[ \t]+([\w.]+)[ \t]+import)", re.MULTILINE)
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_LOOKED_AT = 256 * 1024  # of a function's source
_MOST_MODULES = 32


def imports_of(source: str) -> tuple[str, ...]:
    """The modules that a source seems to import: what its zygote tries to import beforehand. Sorted."""
    found = set()
    for listed, one in _IMPORT.findall(source[:_LOOKED_AT]):
        for name in (one or listed).split(","):
            words = name.split()
            if words and _MODULE.fullmatch(words[0]):
                found.add(words[0])
    return tuple(sorted(found)[:_MOST_MODULES])


@dataclass(frozen=True, slots=True)
class ZygoteLauncher(ConfinedLauncher):
    """`program` is the kind's interpreter; what is launched speaks the protocol of runtimes/python/zygote.py."""

    runtime: Runtime | None = None
    tool: Path = Path()
    modules: tuple[str, ...] = ()
    seccomp: Path | None = None

    def _confinement(self, folder: SandboxFolder, group: ControlGroup | None, uid: int | None, fd: int) -> Confinement:
        if self.runtime is None:
            raise ValueError("a zygote needs a runtime")
        inside = self.runtime.filled(runtime=Path(RUNTIME_FOLDER), tool=self.tool)
        command = [inside.command[0], str(self.tool / "launcher/zygote.py"), str(fd), *self.modules]
        return replace(
            ConfinedLauncher._confinement(self, folder, group, uid, fd),
            command=command,
            environment=inside.environment,
            runtime=self.runtime.directory,
            seccomp=self.seccomp,
            sheds_rights=False,  # an interpreter does not: setpriv does it before user code is near
        )
