"""Where the sources of what runs in a NIUk lie: in the wheel, or in the repository."""

from __future__ import annotations

from pathlib import Path

from argo_proxy.builder.errors import ProvisionError


def niuk_runtime() -> Path:
    """The folder `niuk-runtime`. Raises ProvisionError where this installation carries none."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "niuk_runtime", package.parents[2] / "niuk-runtime"):
        if (candidate / "include" / "argo_isolate.h").is_file():
            return candidate
    raise ProvisionError(
        "the sources of the NIUk runtime are not part of this installation", fix="install from the repository"
    )
