"""How commands run that go on until they are stopped."""

from __future__ import annotations

import resource
from collections.abc import Coroutine
from typing import Any

_MOST_OPEN_FILES = 65_536


def run_for_long(service: Coroutine[Any, Any, None]) -> None:
    _raise_open_files()
    import uvloop  # noqa: PLC0415  # --help answers without the service's own imports

    uvloop.run(service)


def _raise_open_files() -> None:
    """Shells give 1024, which some hundred clients and sandboxes use up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
