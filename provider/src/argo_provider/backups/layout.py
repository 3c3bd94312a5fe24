"""What a backup consists of: `argo.db`, `blobs/…` and `manifest.json`, in a folder or in a tar archive.

The manifest is written last: what has none was cut off.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "argo.db"
BLOBS = "blobs"
BLOB = re.compile(r"\Ablobs/[0-9a-f]{2}/[0-9a-f]{62}\Z")
_ARCHIVES = (".tar", ".tar.gz", ".tgz")


class BackupError(Exception):
    """It could not be done; the message says why, `fix` what to type."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(why)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `made`: epoch milliseconds; `schema`: the database's revision."""

    argofn: str
    schema: str
    made: int
    database_sha256: str
    blobs: int
    damaged: int = 0  # files of code that did not match their digest, and were left out
    format: int = FORMAT

    def encode(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, text: bytes) -> Manifest:
        """BackupError where it is none, or of a format that this version does not know."""
        found = _object(text)
        if isinstance(found.get("format"), int) and found["format"] > FORMAT:
            raise BackupError(
                f"the backup has format {found['format']}, this argofn {FORMAT}: a newer argofn made it",
                f"restore it with argofn {found.get('argofn', 'of that version')} or newer",
            )
        known = {field.name: found.get(field.name) for field in fields(cls)}
        if not all(isinstance(known[field.name], str if field.type == "str" else int) for field in fields(cls)):
            raise _no_backup()
        return cls(**known)  # type: ignore[arg-type]  # as just checked


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _no_backup()
    return found


def _no_backup() -> BackupError:
    return BackupError("its manifest.json is none of a backup's", "give what argofn backup wrote")


def is_archive(path: Path) -> bool:
    """By its name: where a backup is to be written, nothing is there yet."""
    return path.name.endswith(_ARCHIVES)
