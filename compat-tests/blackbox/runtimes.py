"""Which kinds the service has, and what it means when one is missing."""

import os
from typing import Any

import pytest

NEEDED_FAMILIES = ("nodejs", "python", "java")


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


def need_kind(runtimes: dict[str, Any], kind: str) -> str:
    """The kind itself where the service lists it; else a skip, or a failure for a family that CI must have."""
    family = kind.split(":", maxsplit=1)[0]
    listed = [each["kind"] for each in runtimes.get(family, [])]
    if kind in listed or (kind.endswith(":default") and listed):
        return kind
    reason = f"the service lists no runtime {kind} (of {family}: {listed})"
    if in_ci() and family in NEEDED_FAMILIES:
        pytest.fail(reason)
    pytest.skip(reason)
