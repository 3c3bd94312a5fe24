"""Build hook of hatchling: the built dashboard goes into wheel and sdist. `./dev package` builds it first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILT = Path("provider") / "dashboard" / "dist"
_IN_WHEEL = "argo_provider/dashboard_page"


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """An sdist keeps the page where a clone has it, so that a wheel can be made of it without npm."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # a clone, whose service is told by ./dev where the page lies
            return
        built = Path(self.root) / _BUILT
        if not (built / "index.html").is_file():
            raise RuntimeError("the dashboard is not built: run ./dev package, which builds it and then the packages")
        target = _IN_WHEEL if self.target_name == "wheel" else _BUILT.as_posix()
        build_data["force_include"][str(built)] = target
