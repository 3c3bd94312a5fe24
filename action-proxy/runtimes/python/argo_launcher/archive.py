"""Unpacks a zip into an empty folder: bounded in entries and bytes, and never outside that folder."""

import os
import stat
import zipfile
import zlib

MAX_BYTES = int(os.environ.get("ARGO_MAX_UNPACKED_BYTES") or 512 * 1024 * 1024)
MAX_ENTRIES = int(os.environ.get("ARGO_MAX_UNPACKED_ENTRIES") or 100_000)
CHUNK = 1024 * 1024
MADE_ON_UNIX = 3


class ArchiveError(Exception):
    """Why an archive was refused, for the user who made it."""


def unpack(source, folder):
    """`source`: a file object; raises ArchiveError."""
    root = os.path.realpath(folder)
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            _check_size(entries)
            links = [entry for entry in entries if not _unpack_entry(archive, entry, root)]
            for entry in links:  # last: until then no path of the archive can lead through one
                _make_link(archive, entry, root)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError) as error:
        raise ArchiveError(str(error)) from error


def _check_size(entries):
    if len(entries) > MAX_ENTRIES:
        raise ArchiveError(f"it has {len(entries)} entries, more than the {MAX_ENTRIES} allowed")
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise ArchiveError(f"it unpacks to more than the {MAX_BYTES} bytes allowed")


def _target(entry, root):
    name = entry.filename
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
        raise ArchiveError(f"the entry '{name}' leads outside of it")
    return os.path.join(root, name)


def _mode(entry):
    return entry.external_attr >> 16 if entry.create_system == MADE_ON_UNIX else 0


def _unpack_entry(archive, entry, root):
    """Writes a file or folder; False for a symbolic link, which is left for later."""
    target = _target(entry, root)
    if entry.is_dir():
        os.makedirs(target, exist_ok=True)
        return True
    if stat.S_ISLNK(_mode(entry)):
        return False
    os.makedirs(os.path.dirname(target), exist_ok=True)
    left = entry.file_size
    with archive.open(entry) as packed, open(target, "wb") as unpacked:
        while chunk := packed.read(CHUNK):
            left -= len(chunk)
            if left < 0:
                raise ArchiveError(f"the entry '{entry.filename}' has not the size it declares")
            unpacked.write(chunk)
    if _mode(entry) & 0o111:
        os.chmod(target, 0o755)
    return True


def _make_link(archive, entry, root):
    target = _target(entry, root)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    parent = os.path.realpath(os.path.dirname(target))
    if parent != root and not parent.startswith(root + os.sep):
        raise ArchiveError(f"the entry '{entry.filename}' leads outside of it")
    os.symlink(archive.read(entry).decode(), target)
