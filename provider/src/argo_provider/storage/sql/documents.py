"""Small JSON documents."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, select

from argo_provider.storage.port import Document
from argo_provider.storage.sql.database import Database
from argo_provider.storage.sql.encoding import decode_json, encode
from argo_provider.storage.sql.tables import documents
from argo_provider.storage.sql.upsert import upsert
from argo_provider.storage.sql.writer import Writer

_LAST = "\U0010ffff"  # behind all that may follow a prefix


class SqlDocumentStore:
    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def put(self, document: Document) -> None:
        body = encode(document.body)
        await self._writer.run(lambda c: _put(c, document, body), size=len(body))

    async def get(self, bucket: str, namespace: str, id: str) -> Document | None:  # noqa: A002
        query = select(documents).where(_is(bucket, namespace, id))
        row = await self._database.read(lambda c: c.execute(query).first())
        return None if row is None else _document(row)

    async def delete(self, bucket: str, namespace: str, id: str) -> bool:  # noqa: A002
        statement = delete(documents).where(_is(bucket, namespace, id))
        return await self._writer.run(lambda c: c.execute(statement).rowcount) == 1

    async def list(self, bucket: str, namespace: str | None = None, *, prefix: str = "") -> list[Document]:
        query = select(documents).where(documents.c.bucket == bucket).order_by(documents.c.namespace, documents.c.id)
        if namespace is not None:
            query = query.where(documents.c.namespace == namespace)
        return await self._database.read(lambda c: [_document(row) for row in c.execute(_beginning(c, query, prefix))])


def _beginning(connection: Connection, query: Select[Any], prefix: str) -> Select[Any]:
    """SQLite's LIKE takes capitals for small letters, but it orders by bytes; elsewhere LIKE is exact."""
    if not prefix:
        return query
    if connection.dialect.name == "sqlite":
        return query.where(documents.c.id >= prefix, documents.c.id < prefix + _LAST)
    return query.where(documents.c.id.startswith(prefix, autoescape=True))


def _is(bucket: str, namespace: str, document_id: str) -> ColumnElement[bool]:
    return and_(documents.c.bucket == bucket, documents.c.namespace == namespace, documents.c.id == document_id)


def _document(row: Row[Any]) -> Document:
    return Document(row.bucket, row.namespace, row.id, decode_json(row.body))


def _put(connection: Connection, document: Document, body: str) -> None:
    row = {"bucket": document.bucket, "namespace": document.namespace, "id": document.id, "body": body}
    connection.execute(upsert(connection, documents), row)
