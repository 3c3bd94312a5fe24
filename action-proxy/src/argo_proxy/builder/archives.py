"""Archives on the Python that Debian 12 has: 3.11.2 lacks the filters for members that came with 3.11.4."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def member_filters() -> Iterator[None]:
    """Within it, `extractall` takes a filter on any Python. An old one filters nothing, so that the archives must be
    known: those of the assembly are, by their digests. `assembly` itself cannot ask which Python it runs on, for its
    text is part of the key of all that was ever built with it.
    """
    plain: Any = tarfile.TarFile.extractall
    if hasattr(tarfile, "data_filter"):
        yield
        return

    def extractall(archive: tarfile.TarFile, path: Any = ".", members: Any = None, **options: Any) -> None:
        options.pop("filter", None)
        plain(archive, path, members, **options)

    tarfile.TarFile.extractall = extractall  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        tarfile.TarFile.extractall = plain  # type: ignore[method-assign]
