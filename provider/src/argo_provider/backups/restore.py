"""Put a backup back into a data folder that no service runs over. What was there is set aside, not deleted."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

from argo_provider.backups.layout import BLOB, BLOBS, DATABASE, MANIFEST, BackupError, Manifest
from argo_provider.backups.take import schema_of
from argo_provider.hosting import StartError, alone_over
from argo_provider.storage.files.folders import sync
from argo_provider.storage.sql.schema import HEAD
from argo_proxy.builder.cache import file_digest

_STAGING = ".restoring"
_PARTS = (f"{DATABASE}-wal", f"{DATABASE}-shm", DATABASE, BLOBS)  # a log must not outlive its database


def restore(
    source: Path, data_dir: Path, *, replace: bool = False, run_accepted: bool = False
) -> tuple[Manifest, Path | None]:
    """Make `data_dir` what it was when `source` was taken; where what it had before lies now, if it had anything.

    Everything is checked before anything is changed. `run_accepted`: run the calls that were accepted and had not begun
    then; they may have run since, so otherwise they end as recorded errors. BackupError.
    """
    try:
        with alone_over(data_dir):
            return _alone(source, data_dir, replace=replace, run_accepted=run_accepted)
    except StartError as error:
        raise BackupError(str(error), "stop it first; or restore into another folder with --data-dir") from error
    except OSError as error:
        raise BackupError(
            f"the backup could not be restored: {error.strerror or error}", "see df, and the rights of the folder"
        ) from error


def _alone(source: Path, data_dir: Path, *, replace: bool, run_accepted: bool) -> tuple[Manifest, Path | None]:
    used = any((data_dir / part).exists() for part in (DATABASE, BLOBS))
    if used and not replace:
        raise BackupError(
            f"{data_dir} has data already", "choose another folder with --data-dir, or say --replace to set it aside"
        )
    with _staging(data_dir) as staging:
        manifest = _unpack(source, staging)
        _check(manifest, staging, run_accepted=run_accepted)
        aside = _set_aside(data_dir) if used else None
        for part in (BLOBS, DATABASE):
            (staging / part).rename(data_dir / part)
        sync(data_dir)
    return manifest, aside


@contextmanager
def _staging(data_dir: Path) -> Iterator[Path]:
    folder = data_dir / _STAGING
    shutil.rmtree(folder, ignore_errors=True)  # of a restore that was cut off
    (folder / BLOBS).mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(source: Path, staging: Path) -> Manifest:
    """All parts, each blob checked against its digest."""
    manifest = None
    blobs = 0
    for name, data in _parts(source, staging):
        if name == MANIFEST:
            manifest = Manifest.parse(data)
        elif name != DATABASE:
            _blob(staging / name, data)
            blobs += 1
    if manifest is None:
        raise BackupError(f"{source} has no {MANIFEST}: it is no backup, or was cut off", "give a whole one")
    if blobs != manifest.blobs or not (staging / DATABASE).is_file():
        raise BackupError(f"{source} is not whole: {blobs} of {manifest.blobs} files of code", "give a whole one")
    return manifest


def _parts(source: Path, staging: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents; the database is written where it belongs and has no contents here."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source).as_posix()
            if name == DATABASE and path.is_file():
                shutil.copyfile(path, staging / DATABASE)
            elif path.is_file() and (name == MANIFEST or BLOB.match(name)):
                yield name, path.read_bytes()
        return
    if not source.is_file():
        raise BackupError(f"there is no backup {source}", "name what argofn backup wrote")
    try:
        yield from _archived(source, staging)
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(f"{source} cannot be read as an archive: {error}", "give a whole one") from error


def _archived(source: Path, staging: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(source) as tar:
        for entry in tar:
            # Only names that a backup has: nothing in an archive decides where it is written.
            content = tar.extractfile(entry) if entry.isreg() else None
            if content is None:
                continue
            if entry.name == DATABASE:
                with (staging / DATABASE).open("wb") as file:
                    shutil.copyfileobj(content, file)
            elif entry.name == MANIFEST or BLOB.match(entry.name):
                yield entry.name, content.read()


def _blob(path: Path, data: bytes) -> None:
    if sha256(data).hexdigest() != f"{path.parent.name}{path.name}":
        raise BackupError(f"the backup's {path.parent.name}/{path.name} is damaged", "give another backup")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)
    sync(path)


def _check(manifest: Manifest, staging: Path, *, run_accepted: bool) -> None:
    """BackupError unless the database is whole and of a schema that this version knows."""
    path = staging / DATABASE
    if file_digest(path) != manifest.database_sha256:
        raise BackupError("the backup's database is damaged: it does not match its digest", "give another backup")
    path.chmod(0o600)
    try:
        with closing(sqlite3.connect(path)) as database:
            schema = schema_of(database)
            if schema > HEAD:
                raise BackupError(
                    f"the backup has schema {schema}, this argofn knows {HEAD}: argofn {manifest.argofn} made it",
                    f"restore it with argofn {manifest.argofn} or newer",
                )
            (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise BackupError(f"the backup's database is damaged: {verdict}", "give another backup")
            if not run_accepted:
                database.execute("UPDATE journal SET claimed = 1")
            database.commit()
    except sqlite3.Error as error:
        raise BackupError(f"the backup's database cannot be used: {error}", "give another backup") from error
    sync(path)


def _set_aside(data_dir: Path) -> Path:
    folder = data_dir / f"replaced-{time.strftime('%Y%m%d-%H%M%S')}"
    folder.mkdir(mode=0o700)
    for part in _PARTS:
        if (data_dir / part).exists():
            (data_dir / part).rename(folder / part)
    return folder
