"""The policy's state as plain JSON, so that it survives restarts; strict when it is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from argo_provider.optimizer.record import Record
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.sizes import Sizes

VERSION = 1


class SnapshotError(Exception):
    """A document that no policy of this version wrote; the message says where it differs."""


@dataclass(frozen=True, slots=True)
class _Document:
    version: int
    functions: list[Record]
    builds: dict[str, list[float]]
    sizes: Sizes = field(default_factory=Sizes)


def dump(records: Sequence[Record], builds: Mapping[str, list[float]], sizes: Sizes) -> dict[str, Any]:
    """Dictionaries, lists, text and numbers only."""
    written = msgspec.json.encode(_Document(VERSION, list(records), dict(builds), sizes))
    plain: dict[str, Any] = msgspec.json.decode(written)
    return plain


def dump_one(record: Record) -> dict[str, Any]:
    """One of the functions of `dump`."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    return plain


def assemble(rest: Mapping[str, Any], functions: Sequence[Any]) -> dict[str, Any]:
    """A document for `load`: what is no function's own, and each function as it was dumped last."""
    return {**rest, "functions": [*functions]}


def load(document: Any, settings: OptimizerSettings) -> tuple[list[Record], dict[str, list[float]], Sizes]:
    """Raises SnapshotError. Windows and weights are those of today's settings."""
    try:
        read = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise SnapshotError(f"the optimiser's state cannot be read: {error}") from error
    if read.version != VERSION:
        raise SnapshotError(f"the optimiser's state is of version {read.version}, and this one reads {VERSION}")
    for record in read.functions:
        record.signals.short.window = settings.short_window_seconds
        record.signals.long.window = settings.long_window_seconds
        record.signals.smoothing = settings.smoothing
    return read.functions, read.builds, read.sizes
