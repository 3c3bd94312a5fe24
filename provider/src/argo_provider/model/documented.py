"""A setting that carries its documentation: whoever owns it, the reference page and the checks read it the same way."""

from __future__ import annotations

from dataclasses import field
from typing import TypeVar

T = TypeVar("T")


def setting(default: T, doc: str, *, unit: str = "", low: float | None = None, high: float | None = None) -> T:
    """A field with its documentation; `low` and `high` are inclusive bounds of a number."""
    value: T = field(default=default, metadata={"doc": doc, "unit": unit, "low": low, "high": high})
    return value
