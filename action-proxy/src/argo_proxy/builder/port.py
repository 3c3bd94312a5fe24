"""The port `NativeImageBuilder`: a native-image, wherever it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from argo_proxy.builder.command import Limits
from argo_proxy.builder.progress import Progress


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A shared library to be built: `<name>.so` in `folder`."""

    name: str
    classpath: Sequence[Path]
    folder: Path
    features: Sequence[str]
    options: Sequence[str] = ()  # -H:… and -R:…
    properties: Mapping[str, str] = field(default_factory=dict)  # system properties that features read at build time
    builder_packages: Sequence[str] = ()  # packages of the image generator that the class path uses
    polyglot: bool = False  # with Truffle's run-time compilation
    limits: Limits = Limits()


class NativeImageBuilder(Protocol):
    """One native-image. Builds are the caller's to serialise; see `building.Workshop`."""

    @property
    def identity(self) -> str:
        """What tells its images from another's: goes into content hashes."""
        ...

    @property
    def java_home(self) -> Path:
        """A JDK with javac, of the version that images are built from."""
        ...

    @property
    def compile_classpath(self) -> Sequence[Path]:
        """Jars that entry points and features are compiled against."""
        ...

    @property
    def knows_internals(self) -> bool:
        """Are its insides those of 23.0, on which `adapter/svm` hangs?"""
        ...

    async def build(self, request: ImageRequest, *, log: Path, progress: Progress) -> Path:
        """The shared library. Raises BuildError; what is half-made in `request.folder` is the caller's to remove."""
        ...


class Exchange(Protocol):
    """What other machines have built from the same inputs. Neither method fails: it only saves a build."""

    async def fetch(self, name: str, folder: Path) -> bool:
        """Put the library of that product into `folder`; False where there is none to be had."""
        ...

    async def offer(self, name: str, folder: Path) -> None:
        """Let others have the library in `folder`."""
        ...
