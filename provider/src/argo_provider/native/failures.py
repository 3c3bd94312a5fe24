"""What the builder's errors mean for a function."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from argo_provider.optimizer.model import FailureKind
from argo_provider.optimizer.ports import BuildFailed
from argo_proxy.builder.errors import BuilderError, BuildError, LimitError, ProvisionError, UserCodeError

_NO_ROOM = ("No space left on device", "Disk quota exceeded")
_OUT_OF_MEMORY = ("java.lang.OutOfMemoryError", "GC overhead limit", "ended with 137", "ended with -9")
_BUILDERS_OWN = ("VMError", "GraalError", "Fatal error: Unhandled exception", "internal compiler error", "javac ended")
_LONGEST = 600


@contextmanager
def told_as_build_failures() -> Iterator[None]:
    """Whatever the builder raises inside comes out as BuildFailed."""
    try:
        yield
    except BuildFailed:
        raise
    except (BuilderError, OSError) as error:
        raise BuildFailed(kind_of(error), _short(error)) from error


def kind_of(error: Exception) -> FailureKind:
    """Whose fault it was."""
    text = str(error)
    if (isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}) or _any(_NO_ROOM, text):
        return FailureKind.DISK
    if isinstance(error, UserCodeError):
        return FailureKind.USER_CODE
    if isinstance(error, LimitError) or _any(_OUT_OF_MEMORY, text):
        return FailureKind.LIMIT
    if isinstance(error, ProvisionError | OSError) or _any(_BUILDERS_OWN, text):
        return FailureKind.BUILDER
    return FailureKind.USER_CODE if isinstance(error, BuildError) else FailureKind.BUILDER


def _short(error: Exception) -> str:
    text = error.reason if isinstance(error, BuildError | ProvisionError) else str(error)
    return text[:_LONGEST]


def _any(words: tuple[str, ...], text: str) -> bool:
    return any(word in text for word in words)
