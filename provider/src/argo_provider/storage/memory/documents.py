"""Documents in a dictionary."""

from __future__ import annotations

import msgspec

from argo_provider.storage.port import Document


class MemoryDocumentStore:
    """Bodies are kept encoded, so that a caller who changes what it put changes nothing here."""

    def __init__(self) -> None:
        self._bodies: dict[tuple[str, str, str], bytes] = {}

    async def put(self, document: Document) -> None:
        self._bodies[document.bucket, document.namespace, document.id] = msgspec.json.encode(document.body)

    async def get(self, bucket: str, namespace: str, id: str) -> Document | None:  # noqa: A002
        body = self._bodies.get((bucket, namespace, id))
        return None if body is None else Document(bucket, namespace, id, msgspec.json.decode(body))

    async def delete(self, bucket: str, namespace: str, id: str) -> bool:  # noqa: A002
        return self._bodies.pop((bucket, namespace, id), None) is not None

    async def list(self, bucket: str, namespace: str | None = None, *, prefix: str = "") -> list[Document]:
        return [
            Document(b, n, i, msgspec.json.decode(body))
            for (b, n, i), body in sorted(self._bodies.items())
            if b == bucket and namespace in {None, n} and i.startswith(prefix)
        ]

    def drop_namespace(self, namespace: str) -> None:
        self._bodies = {key: body for key, body in self._bodies.items() if key[1] != namespace}
