"""Plain data that is made for every invocation (as `argo_proxy.records`, which the model does not know)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A slotted dataclass that type checkers hold frozen, and nothing at runtime: that costs four times its making.

    It hashes as a frozen one would, for who keeps it in a set; whoever set a field after all would lose it there.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
