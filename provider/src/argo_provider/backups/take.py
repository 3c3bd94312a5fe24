"""Take a backup: a snapshot of the database and all code, consistent although the service goes on writing.

Code is content-addressed and is there before any action names it, so what the snapshot names is found by looking twice:
before the snapshot, because what is deleted later is deleted from disk later too, and after it, for what came meanwhile
(the collector leaves files of the last hour alone).
"""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from argo_provider import __version__
from argo_provider.backups.layout import (
    BLOB,
    BLOBS,
    DATABASE,
    MANIFEST,
    BackupError,
    Manifest,
    is_archive,
)
from argo_provider.storage.files.folders import make_private, sync
from argo_proxy.builder.cache import file_digest


@dataclass(frozen=True, slots=True)
class Taken:
    """A finished backup."""

    path: Path
    bytes: int
    manifest: Manifest


class _Sink(Protocol):
    """Where the parts go; the database lies in the workspace already."""

    def blob(self, name: str, data: bytes) -> None: ...

    def finish(self, manifest: bytes) -> Path:
        """Everything is on disk; returns what is to be named like the backup."""
        ...


def take(data_dir: Path, target: Path) -> Taken:
    """Write a backup of `data_dir` to `target`: an archive where it is named so, else a folder. BackupError."""
    source = data_dir / DATABASE
    if not source.is_file():
        raise BackupError(f"there is no {DATABASE} in {data_dir}", "name the service's folder: --data-dir DIR")
    if target.exists() or target.is_symlink():
        raise BackupError(f"{target} exists already", "choose another name, or remove it")
    try:
        with _workspace(target) as workspace:
            sink: _Sink = _Archive(workspace, target) if is_archive(target) else _Folder(workspace)
            manifest = _fill(sink, data_dir, workspace)
            finished = sink.finish(manifest.encode())
            size = sum(each.stat().st_size for each in (finished, *finished.rglob("*")) if each.is_file())
            finished.rename(target)
        sync(target.parent)
    except OSError as error:
        raise BackupError(
            f"the backup could not be written: {error.strerror or error}", "see df, and the rights of the folder"
        ) from error
    except sqlite3.Error as error:
        raise BackupError(f"the database could not be read: {error}", "argofn doctor") from error
    return Taken(target, size, manifest)


@contextmanager
def _workspace(target: Path) -> Iterator[Path]:
    """A folder beside the target, so that the finished backup appears by a rename; gone afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(sink: _Sink, data_dir: Path, workspace: Path) -> Manifest:
    copied: set[str] = set()
    damaged: set[str] = set()
    _copy_blobs(data_dir, sink, copied, damaged)
    made = time.time_ns() // 1_000_000
    schema = snapshot(data_dir / DATABASE, workspace / DATABASE)
    _copy_blobs(data_dir, sink, copied, damaged)
    digest = file_digest(workspace / DATABASE)
    return Manifest(__version__, schema, made, digest, len(copied), len(damaged))


def snapshot(source: Path, copy: Path) -> str:
    """Copy the database as it is at one moment, while others write to it; its schema's revision."""
    copy.touch(mode=0o600)
    live = sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)
    with closing(live), closing(sqlite3.connect(copy)) as still:
        live.backup(still)  # in one step: begun anew at every commit, it would never end under load
        return schema_of(still)


def schema_of(database: sqlite3.Connection) -> str:
    """BackupError where it is no database of ours."""
    try:
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        row = None
    if row is None:
        raise BackupError("the database has no schema of argofn's", "name the service's folder: --data-dir DIR")
    return str(row[0])


def _copy_blobs(data_dir: Path, sink: _Sink, copied: set[str], damaged: set[str]) -> None:
    """Those that were not copied before."""
    for path in sorted((data_dir / BLOBS).glob("*/*")):
        name = path.relative_to(data_dir).as_posix()
        if name in copied or not BLOB.match(name):
            continue
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue  # collected just now: no action names it
        if sha256(data).hexdigest() != f"{path.parent.name}{path.name}":
            damaged.add(name)
            continue
        sink.blob(name, data)
        copied.add(name)


class _Folder:
    """The workspace itself becomes the backup."""

    def __init__(self, workspace: Path) -> None:
        self._root = workspace

    def blob(self, name: str, data: bytes) -> None:
        path = self._root / name
        make_private(path.parent)
        _write(path, data)

    def finish(self, manifest: bytes) -> Path:
        sync(self._root / DATABASE)
        _write(self._root / MANIFEST, manifest)
        for folder in (*(each for each in self._root.rglob("*") if each.is_dir()), self._root):
            sync(folder)
        return self._root


class _Archive:
    """A tar file in the workspace."""

    def __init__(self, workspace: Path, target: Path) -> None:
        self._database = workspace / DATABASE
        self._path = workspace / target.name
        self._path.touch(mode=0o600)
        self._tar = tarfile.open(self._path, "w" if target.name.endswith(".tar") else "w:gz")  # noqa: SIM115  # closed in `finish`

    def blob(self, name: str, data: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = len(data), 0o600, int(time.time())
        self._tar.addfile(entry, io.BytesIO(data))

    def finish(self, manifest: bytes) -> Path:
        self._tar.add(self._database, DATABASE)
        self.blob(MANIFEST, manifest)
        self._tar.close()
        sync(self._path)
        return self._path


def _write(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123  # with its mode
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
