"""Backups of a real data folder: what is in them, what is refused, and what stays as it was."""

import json
import os
import sqlite3
import tarfile
from contextlib import closing

import pytest

from argo_provider import __version__
from argo_provider.backups import BackupError, restore, take
from argo_provider.hosting import alone_over
from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.entities import Action, Exec
from argo_provider.model.names import FullName, new_activation_id
from argo_provider.storage.sql import Seal, StoreOptions, open_stores

pytestmark = pytest.mark.integration

NAME = FullName("guest", "kept")
CODE = b"what the function is"
FORMS = ("backup", "backup.tar", "backup.tar.gz")


def open_at(folder, **options):
    return open_stores(folder / "argo.db", folder / "blobs", StoreOptions(**options))


def record():
    response = Response(Status.SUCCESS, {"secret": "of-the-record"})
    return Activation("guest", "kept", "0.0.1", "s", new_activation_id(), 1, 2, response, 1)


@pytest.fixture
async def used(tmp_path):
    """A data folder with an action, its code, a record, and an accepted call that has not begun."""
    folder = tmp_path / "data"
    async with open_at(folder) as stores:
        await fill(stores)
    return folder


async def fill(stores):
    digest = await stores.blobs.put(CODE)
    await stores.entities.commit([Action(NAME, Exec("nodejs:20", code_digest=digest))])
    await stores.activations.record(record())
    await stores.activations.accept([JournalEntry(new_activation_id(), "guest", 1, b"{}")])


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != "lock"}


async def kept(folder, **options):
    """The action's code, and whether accepted calls count as begun."""
    async with open_at(folder, **options) as stores:
        action = await stores.entities.get(NAME)
        code = await stores.blobs.get(action.exec.code_digest)
        return code, [entry.claimed for entry in await stores.activations.unfinished()]


@pytest.mark.parametrize("form", FORMS)
async def test_what_was_there_is_there_again(tmp_path, used, form):
    taken = take(used, tmp_path / form)
    assert (taken.manifest.blobs, taken.manifest.argofn) == (1, __version__)
    _, aside = restore(tmp_path / form, tmp_path / "new")
    assert aside is None
    assert await kept(tmp_path / "new") == (CODE, [True]), "what may have run since does not run again"
    restore(tmp_path / form, tmp_path / "again", run_accepted=True)
    assert await kept(tmp_path / "again") == (CODE, [False])


@pytest.mark.parametrize("form", FORMS)
async def test_a_backup_is_for_its_owner_only(tmp_path, used, form):
    take(used, tmp_path / form)
    restore(tmp_path / form, tmp_path / "new")
    for top in (tmp_path / form, tmp_path / "new"):
        found = [top, *top.rglob("*")]
        open_to_others = [p for p in found if p.name != "lock" and p.stat().st_mode & 0o077]
        assert open_to_others == []


async def test_a_backup_is_taken_beside_open_stores_and_has_what_they_acknowledged(tmp_path):
    async with open_at(tmp_path / "data") as stores:
        await fill(stores)
        await stores.entities.commit([Action(FullName("guest", "late"), Exec("nodejs:20"))])
        take(tmp_path / "data", tmp_path / "backup")
        await stores.entities.commit([Action(FullName("guest", "later"), Exec("nodejs:20"))])
    restore(tmp_path / "backup", tmp_path / "new")
    async with open_at(tmp_path / "new") as stores:
        found = [await stores.entities.get(FullName("guest", name)) is not None for name in ("late", "later")]
    assert found == [True, False]


async def test_what_is_sealed_stays_sealed(tmp_path):
    seal = Seal([os.urandom(32)])
    async with open_at(tmp_path / "data", seal=seal) as stores:
        await fill(stores)
    take(tmp_path / "data", tmp_path / "backup.tar")
    assert b"of-the-record" not in (tmp_path / "backup.tar").read_bytes()
    restore(tmp_path / "backup.tar", tmp_path / "new")
    assert (await kept(tmp_path / "new", seal=seal))[0] == CODE


async def test_a_folder_in_use_is_replaced_only_when_told_and_set_aside(tmp_path, used):
    take(used, tmp_path / "backup")
    async with open_at(used) as stores:
        await stores.entities.commit([Action(FullName("guest", "newer"), Exec("nodejs:20"))])
    before = contents(used)
    with pytest.raises(BackupError, match="has data already"):
        restore(tmp_path / "backup", used)
    assert contents(used) == before
    _, aside = restore(tmp_path / "backup", used, replace=True)
    assert contents(aside) == before
    async with open_at(used) as stores:
        assert await stores.entities.get(FullName("guest", "newer")) is None


async def test_nothing_is_restored_under_a_running_service(tmp_path, used):
    take(used, tmp_path / "backup")
    with alone_over(used), pytest.raises(BackupError, match="another service runs"):
        restore(tmp_path / "backup", used, replace=True)


async def test_nothing_is_overwritten_by_a_backup(tmp_path, used):
    (tmp_path / "backup").mkdir()
    with pytest.raises(BackupError, match="exists already"):
        take(used, tmp_path / "backup")
    with pytest.raises(BackupError, match=r"no argo\.db"):
        take(tmp_path, tmp_path / "other")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup", "data"]


async def test_damaged_code_is_left_out_and_counted(tmp_path, used):
    (blob,) = (used / "blobs").glob("??/*")
    blob.write_bytes(b"something else")
    taken = take(used, tmp_path / "backup")
    assert (taken.manifest.blobs, taken.manifest.damaged) == (0, 1)


def with_manifest(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def cut_off(folder):
    (folder / "manifest.json").unlink()


def without_code(folder):
    next(folder.glob("blobs/*/*")).unlink()


def other_code(folder):
    next(folder.glob("blobs/*/*")).write_bytes(b"something else")


def other_database(folder):
    with (folder / "argo.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"something else")


def newer_schema(folder):
    from hashlib import sha256

    with closing(sqlite3.connect(folder / "argo.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    with_manifest(folder, database_sha256=sha256((folder / "argo.db").read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (cut_off, "was cut off"),
        (without_code, "0 of 1 files of code"),
        (other_code, "is damaged"),
        (other_database, "does not match its digest"),
        (newer_schema, "has schema 9999"),
        (lambda folder: with_manifest(folder, format=2), "a newer argofn made it"),
        (lambda folder: with_manifest(folder, blobs="one"), "none of a backup's"),
    ],
)
async def test_what_is_not_whole_or_newer_is_refused_and_changes_nothing(tmp_path, used, harm, said):
    take(used, tmp_path / "backup")
    harm(tmp_path / "backup")
    before = contents(used)
    with pytest.raises(BackupError, match=said):
        restore(tmp_path / "backup", used, replace=True)
    assert contents(used) == before


async def test_an_archive_that_ends_early_is_refused(tmp_path, used):
    whole = take(used, tmp_path / "backup.tar.gz").path.read_bytes()
    (tmp_path / "half.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupError, match="cannot be read as an archive"):
        restore(tmp_path / "half.tar.gz", tmp_path / "new")
    with pytest.raises(BackupError, match="no backup"):
        restore(tmp_path / "none.tar", tmp_path / "new")


async def test_an_archive_does_not_decide_where_it_is_written(tmp_path, used):
    take(used, tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar", "a") as tar:
        tar.add(used / "argo.db", "../escaped")
        link = tarfile.TarInfo(f"blobs/aa/{'b' * 62}")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    restore(tmp_path / "backup.tar", tmp_path / "new")
    assert not (tmp_path / "escaped").exists()
    assert len(list((tmp_path / "new" / "blobs").glob("*/*"))) == 1
