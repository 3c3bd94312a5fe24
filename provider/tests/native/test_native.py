"""What the native adapters keep on disk, and what the builder's errors mean."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from argo_provider.native.failures import kind_of
from argo_provider.native.libraries import Libraries
from argo_provider.native.sweeping import ArtefactSweep
from argo_provider.optimizer.events import ArtefactGone
from argo_provider.optimizer.model import FailureKind, FunctionId
from argo_provider.optimizer.ports import Artefact
from argo_provider.optimizer.shelf import Shelf
from argo_provider.storage.memory.documents import MemoryDocumentStore
from argo_proxy.builder.cache import Cache
from argo_proxy.builder.errors import BuildError, LimitError, ProvisionError, UserCodeError
from argo_proxy.sandboxes.niuk.slot import InitRequest

pytestmark = pytest.mark.unit
F = FunctionId("guest", "/guest/f")
CODE = b"a jar"
DIGEST = f"sha256:{hashlib.sha256(CODE).hexdigest()}"


def request(code: bytes = CODE, namespace: str = "guest", main: str = "Main") -> InitRequest:
    return InitRequest(namespace, "/guest/f", "f", main, True, base64.b64encode(code).decode(), {})


def built(folder: Path, name: str, size: int = 100) -> Path:
    path = folder / f"{name}.so"
    path.write_bytes(name.encode().ljust(size, b"\0"))
    return path


async def kept(libraries: Libraries, function: FunctionId, library: Path) -> Artefact:
    place, digest, size = await libraries.keep(function.namespace, library)
    return Artefact("p", place, digest, size)


@pytest.fixture
def libraries(tmp_path: Path) -> Libraries:
    made = Libraries(tmp_path / "libraries", patience_seconds=0.05)
    made.make_folders()
    return made


async def test_a_function_finds_the_library_of_its_own_code_only(tmp_path: Path, libraries: Libraries) -> None:
    artefact = await kept(libraries, F, built(tmp_path, "one"))
    assert libraries.adopt(F, artefact, DIGEST, "Main", code=False)
    found = await libraries.find(request())
    assert found is not None
    assert (found.library.path, found.code) == (artefact.library, b"")
    assert found.policy.patience_ms == 50
    for other in (request(b"other"), request(main="Other"), request(namespace="else")):
        assert await libraries.find(other) is None
    libraries.disown(F)
    assert await libraries.find(request()) is None


async def test_an_engine_gets_the_code_beside_it(tmp_path: Path, libraries: Libraries) -> None:
    place, digest, size = await libraries.keep(None, built(tmp_path, "engine"))
    assert place.parent == libraries.shared
    assert libraries.adopt(F, Artefact("p", place, digest, size), DIGEST, "Main", code=True)
    found = await libraries.find(request())
    assert found is not None
    assert found.code == CODE


async def test_namespaces_share_no_folder_and_no_library_survives_its_source(
    tmp_path: Path, libraries: Libraries
) -> None:
    library = built(tmp_path, "one")
    mine, theirs = [await kept(libraries, FunctionId(ns, "/x/f"), library) for ns in ("guest", "else")]
    assert mine.library.parent != theirs.library.parent
    library.unlink()
    assert mine.library.read_bytes() == theirs.library.read_bytes()


async def test_a_library_that_is_gone_or_cut_short_is_not_adopted(tmp_path: Path, libraries: Libraries) -> None:
    artefact = await kept(libraries, F, built(tmp_path, "one"))
    os.truncate(artefact.library, 10)
    assert not libraries.adopt(F, artefact, DIGEST, "Main", code=False)
    artefact.library.unlink()
    assert not libraries.adopt(F, artefact, DIGEST, "Main", code=False)


async def test_what_nobody_uses_is_swept_then_what_was_used_longest_ago(tmp_path: Path, libraries: Libraries) -> None:
    shelf, gone = Shelf(MemoryDocumentStore()), list[ArtefactGone]()
    functions = [FunctionId("guest", f"/guest/{name}") for name in ("old", "young")]
    for age, function in zip((1000, 2000), functions, strict=True):
        artefact = await kept(libraries, function, built(tmp_path, function.path[-3:], 700_000))
        await shelf.put(function, artefact)
        os.utime(artefact.library, (age, age))
    orphan = await kept(libraries, F, built(tmp_path, "orphan"))
    cache = Cache(tmp_path / "cache")
    for age, key in ((1000, "a" * 16), (2000, "b" * 16)):
        folder = cache.root / f"java-function-{key}"
        folder.mkdir(parents=True)
        built(folder, "function", 700_000)
        os.utime(folder, (age, age))
    await ArtefactSweep(libraries, shelf, cache, 1, gone.append).sweep()
    assert not orphan.library.exists()
    assert [event.function for event in gone] == functions[:1]
    assert list(shelf.all()) == functions[1:]
    assert [artefact.library.exists() for artefact in shelf.all().values()] == [True]
    assert [folder.name[-1] for folder in cache.root.glob("java-function-*")] == ["b"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UserCodeError("java.lang.ClassNotFoundException: A"), FailureKind.USER_CODE),
        (LimitError("the build took more than 900 s"), FailureKind.LIMIT),
        (ProvisionError("no source packages"), FailureKind.BUILDER),
        (OSError(errno.ENOSPC, "No space left on device"), FailureKind.DISK),
        (PermissionError("no"), FailureKind.BUILDER),
        (BuildError("native-image ended with 1: No space left on device"), FailureKind.DISK),
        (BuildError("native-image ended with 137: killed"), FailureKind.LIMIT),
        (BuildError("native-image ended with 1: java.lang.OutOfMemoryError"), FailureKind.LIMIT),
        (BuildError("native-image ended with 1: com.oracle.svm.core.util.VMError"), FailureKind.BUILDER),
        (BuildError("native-image ended with 1: unsupported feature in a.B"), FailureKind.USER_CODE),
    ],
)
def test_whose_fault_a_failed_build_was(error: Exception, kind: FailureKind) -> None:
    assert kind_of(error) is kind


def test_an_artefact_survives_json(tmp_path: Path) -> None:
    artefact = Artefact("p", tmp_path / "x.so", "00", 7, 2)
    value: Any = artefact.as_json()
    assert Artefact.of_json(value) == artefact
