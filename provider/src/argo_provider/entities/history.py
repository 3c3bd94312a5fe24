"""What actions were before: the last versions of each, kept beside it and gone with it.

A version is kept before another takes its place, so that none is lost whenever the service is cut off; the one in force
is the action itself. Two documents each: a few words for lists and for the collector of code, and the whole.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec

from argo_provider.model.entities import Action
from argo_provider.model.names import FullName
from argo_provider.storage.collect import VERSIONS
from argo_provider.storage.port import Document, DocumentStore

MOST_VERSIONS = 50  # with the one in force
_WHOLE = "version-documents"


@dataclass(frozen=True, slots=True)
class Version:
    """One version in a few words. `code_bytes`: length of the code as it was sent."""

    version: str
    updated: int
    kind: str
    code_digest: str | None
    code_bytes: int
    binary: bool
    revision: int
    current: bool = False


class History:
    """Versions of actions, in the documents store."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    async def keep(self, action: Action) -> None:
        """Durable on return; to be called before `action` is replaced. Keeping one twice is keeping it once."""
        namespace, key = action.name.namespace, _key(action.name, action.revision)
        whole = msgspec.to_builtins(action)
        await asyncio.gather(
            self._documents.put(Document(_WHOLE, namespace, key, whole)),
            self._documents.put(Document(VERSIONS, namespace, key, _summary(action))),
        )

    async def trim(self, name: FullName) -> None:
        """Let the oldest go, when there are more than `MOST_VERSIONS` with the one in force."""
        kept = await self._kept(name)
        for document in kept[: max(0, len(kept) - (MOST_VERSIONS - 1))]:
            await self._drop(document)

    async def forget(self, name: FullName) -> None:
        """The action went, or a new one begins under its name."""
        for document in await self._kept(name):
            await self._drop(document)

    async def versions(self, current: Action) -> list[Version]:
        """Newest first, the one in force among them."""
        older = [_version(d) for d in await self._kept(current.name)]
        kept = [v for v in reversed(older) if v.revision != current.revision]
        return [_in_force(current), *kept][:MOST_VERSIONS]

    async def find(self, current: Action, version: str) -> Action | None:
        """The action as it was; of several of that version (an owner may repeat one) the newest."""
        for each in await self.versions(current):
            if each.version == version:
                return current if each.current else await self._whole(current.name, each.revision)
        return None

    async def _whole(self, name: FullName, revision: int) -> Action | None:
        found = await self._documents.get(_WHOLE, name.namespace, _key(name, revision))
        return None if found is None else msgspec.convert(found.body, Action)

    async def _kept(self, name: FullName) -> list[Document]:
        return await self._documents.list(VERSIONS, name.namespace, prefix=_prefix(name))

    async def _drop(self, document: Document) -> None:
        for bucket in (_WHOLE, VERSIONS):  # what is found again goes last
            await self._documents.delete(bucket, document.namespace, document.id)


def _prefix(name: FullName) -> str:
    """No name holds a slash, so that "a" begins like nothing but itself."""
    return f"{name.package}/{name.name}//" if name.package else f"{name.name}//"


def _key(name: FullName, revision: int) -> str:
    return f"{_prefix(name)}{revision:020d}"


def _summary(action: Action) -> dict[str, Any]:
    """`codeDigest` is what the collector of code looks for."""
    return {
        "version": action.version,
        "updated": action.updated,
        "kind": action.exec.kind,
        "codeDigest": action.exec.code_digest,
        "codeBytes": action.exec.code_size,
        "binary": action.exec.binary,
        "revision": action.revision,
    }


def _version(document: Document) -> Version:
    body = document.body
    return Version(
        body["version"],
        body["updated"],
        body["kind"],
        body["codeDigest"],
        body["codeBytes"],
        body["binary"],
        body["revision"],
    )


def _in_force(action: Action) -> Version:
    exec_ = action.exec
    return Version(
        action.version,
        action.updated,
        exec_.kind,
        exec_.code_digest,
        exec_.code_size,
        exec_.binary,
        action.revision,
        current=True,
    )
