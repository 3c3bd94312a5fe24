"""A node as placement sees it, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    name: str
    cores: int = 4
    sandbox_memory_mb: int = 1024
    room_mb: int | None = 1024
    kinds: frozenset = frozenset({"nodejs:20"})
    images: bool = False
    usable: bool = True
    full: bool = False
    in_flight: int = 0
    places: int = 0
    artefacts: frozenset = frozenset()

    def free(self, key):
        return self.places
