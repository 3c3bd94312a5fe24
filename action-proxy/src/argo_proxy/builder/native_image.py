"""What every native-image has in common, wherever it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from argo_proxy.builder import command
from argo_proxy.builder.errors import BuildError
from argo_proxy.builder.port import ImageRequest
from argo_proxy.builder.progress import Progress

_LEAST_HEAP_MB = 1024
_BESIDE_HEAP_MB = 1024  # what its JVM needs of the request's memory


def heap_mb(request: ImageRequest) -> int:
    return max(_LEAST_HEAP_MB, request.limits.memory_mb - _BESIDE_HEAP_MB)


async def run(
    arguments: Sequence[str],
    request: ImageRequest,
    log: Path,
    progress: Progress,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """The library that was asked for. Raises BuildError."""
    progress.step(f"native-image {request.name}")
    await command.run(command.Command(arguments, log=log, environment=environment, limits=request.limits))
    library = request.folder / f"{request.name}.so"
    if not library.is_file():
        raise BuildError(f"native-image made no {library.name}", log=log)
    return library
