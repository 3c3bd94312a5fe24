"""Activation records and the journal of accepted work."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    select,
    update,
)

from argo_provider.errors import Overloaded, WriteInDoubt
from argo_provider.model.activation import Activation, JournalEntry
from argo_provider.storage.filters import listed_name, matches
from argo_provider.storage.port import ActivationQuery, Page
from argo_provider.storage.sql import gathered, partitions
from argo_provider.storage.sql.database import Database
from argo_provider.storage.sql.encoding import decode_activation, decode_details, encode, encode_summary
from argo_provider.storage.sql.leases import now_ms
from argo_provider.storage.sql.namespaces import delete_some_activations
from argo_provider.storage.sql.sealing import SealedText, seals
from argo_provider.storage.sql.tables import activations, journal, leases
from argo_provider.storage.sql.upsert import insert_new, insert_new_rows
from argo_provider.storage.sql.writer import Bulk, Writer

_IDS_PER_QUERY = 5000
_MOST_PROMISES = 100_000  # kept by replicas that were promised to, and recorded elsewhere
_ROW_WEIGHT = 512  # bytes a queued row takes beside its texts


_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_BY_ID = select(activations.c.summary, activations.c.details).where(
    activations.c.activation_id == bindparam("activation_id"), activations.c.namespace == bindparam("namespace")
)
_WRITTEN = select(activations.c.activation_id).where(activations.c.activation_id.in_(_IDS))
_STRIKE = delete(journal).where(journal.c.activation_id.in_(_IDS))
_STRIKE_TEXT = f"DELETE FROM {journal.name} WHERE activation_id IN (SELECT value FROM json_each(?))"  # noqa: S608 — our own name
_ENTRIES = select(journal).order_by(journal.c.seq)
_CLAIM = (
    update(journal)
    .where(journal.c.activation_id.in_(_IDS), ~journal.c.claimed)
    .values(claimed=True)
    .returning(journal.c.activation_id)
)


class RecordRow(NamedTuple):
    """A record as it is written; the fields are columns."""

    activation_id: str
    namespace: str
    name: str
    start: int
    summary: str
    details: str

    @property
    def weight(self) -> int:
        return len(self.summary) + len(self.details) + _ROW_WEIGHT

    @classmethod
    def of(cls, activation: Activation) -> RecordRow:
        return cls(
            activation.activation_id,
            activation.namespace,
            listed_name(activation),
            activation.start,
            encode_summary(activation),
            encode((activation.logs, activation.response.result)),
        )

    def activation(self, *, docs: bool) -> Activation:
        return _activation(self.summary, self.details if docs else None)


class Promises:
    """Activations that may stand in the journal. Too many to be remembered, and all may."""

    def __init__(self, most: int = _MOST_PROMISES) -> None:
        self._most = most
        self._known: set[str] = set()
        self._all = False

    def add(self, activation_ids: Iterable[str]) -> None:
        self._known.update(activation_ids)
        if len(self._known) > self._most:
            self._all = True
            self._known.clear()

    def discard(self, activation_id: str) -> None:
        self._known.discard(activation_id)

    def __contains__(self, activation_id: object) -> bool:
        return self._all or activation_id in self._known


class SqlActivationStore:
    """`owner`: the replica that it is opened for, and the name of the lease by which it lives; "" for one process."""

    def __init__(self, database: Database, writer: Writer, owner: str = "") -> None:
        self._database = database
        self._writer = writer
        self._owner = owner
        self._promises = Promises()
        self._unwritten: dict[str, RecordRow] = {}

    async def accept(self, entries: Sequence[JournalEntry]) -> None:
        rows = [_journal_row(entry, self._owner) for entry in entries]
        self._promises.add(entry.activation_id for entry in entries)  # before anybody can know of them
        try:
            await self._writer.write(_accept, rows, sum(len(e.payload) + _ROW_WEIGHT for e in entries))
        except WriteInDoubt:
            self._take_back([entry.activation_id for entry in entries])
            raise

    def _take_back(self, activation_ids: builtins.list[str]) -> None:
        """Whether they were written is not known, and nobody was promised anything: a later start must not run them."""
        with suppress(Overloaded):
            self._writer.enqueue(None, partial(_strike_unclaimed, ids=activation_ids), _ROW_WEIGHT, lambda _: None)

    async def claim(self, activation_id: str) -> bool:
        claimed: bool = await self._writer.write(_claim, activation_id, _ROW_WEIGHT)
        return claimed

    async def record(self, activation: Activation) -> None:
        row = RecordRow.of(activation)
        await self._writer.write(_record, row, row.weight)
        self._promises.discard(row.activation_id)

    def enqueue(self, activation: Activation) -> None:
        row = RecordRow.of(activation)
        activation_id = row.activation_id
        if activation_id in self._unwritten:
            return
        self._writer.enqueue(self._recording(activation_id), row, row.weight, lambda _: self._written(activation_id))
        self._unwritten[activation_id] = row

    def _written(self, activation_id: str) -> None:
        self._unwritten.pop(activation_id, None)
        self._promises.discard(activation_id)

    def _recording(self, activation_id: str) -> Bulk:
        """What nobody was promised has no journal entry, and no other replica can have made a record of it."""
        return _record if not self._owner or activation_id in self._promises else _record_own

    async def get(self, namespace: str, activation_id: str) -> Activation | None:
        unwritten = self._unwritten.get(activation_id)
        if unwritten is not None:
            return unwritten.activation(docs=True) if unwritten.namespace == namespace else None
        key = {"activation_id": activation_id, "namespace": namespace}
        row = await self._database.read(lambda c: c.execute(_BY_ID, key).first())
        return None if row is None else _activation(row.summary, row.details)

    async def list(self, query: ActivationQuery, page: Page, *, docs: bool) -> list[Activation]:
        unwritten = self._matching(query)
        return await self._database.read(lambda c: _list(c, query, page, unwritten, docs))

    async def count(self, query: ActivationQuery) -> int:
        unwritten = self._matching(query)
        statement = count_statement(query)
        return await self._database.read(
            lambda c: c.execute(statement).scalar_one() + len(_still_unwritten(c, unwritten))
        )

    def _matching(self, query: ActivationQuery) -> builtins.list[RecordRow]:
        return [r for r in self._unwritten.values() if matches(query, r.namespace, r.name, r.start)]

    async def unfinished(self) -> builtins.list[JournalEntry]:
        return await self._database.read(lambda c: [_entry(row) for row in c.execute(_ENTRIES)])

    async def adopt(self) -> builtins.list[JournalEntry]:
        entries = await self._writer.run(lambda c: _adopt(c, self._owner))
        self._promises.add(entry.activation_id for entry in entries)
        return entries

    async def sweep(self, before: int) -> int:
        swept = await self._writer.run(lambda c: _sweep_partitions(c, before))
        namespace = ""
        while (following := await self._next_namespace(namespace)) is not None:
            namespace = following
            old = and_(activations.c.namespace == namespace, activations.c.start < before)
            while deleted := await self._writer.run(partial(delete_some_activations, condition=old)):
                swept += deleted
        return swept

    async def _next_namespace(self, after: str) -> str | None:
        """By name, along the index: there is none on the start alone, because every write would pay for it."""
        query = select(func.min(activations.c.namespace)).where(activations.c.namespace > after)
        return await self._database.read(lambda c: c.execute(query).scalar())

    async def flush(self) -> None:
        await self._writer.flush()


def _activation(summary: str, details: str | None) -> Activation:
    activation = decode_activation(summary)
    if details is None:
        return activation
    logs, result = decode_details(details)
    return replace(activation, logs=logs, response=replace(activation.response, result=result))


def _journal_row(entry: JournalEntry, owner: str) -> dict[str, Any]:
    return {
        "activation_id": entry.activation_id,
        "namespace": entry.namespace,
        "accepted": entry.accepted,
        "claimed": entry.claimed,
        "payload": entry.payload,
        "owner": owner,
    }


def _entry(row: Row[Any]) -> JournalEntry:
    return JournalEntry(row.activation_id, row.namespace, row.accepted, row.payload, row.claimed)


def _adopt(connection: Connection, owner: str) -> list[JournalEntry]:
    """All there are for one process; for a replica, those of owners whose leases have ended."""
    if not owner:
        return [_entry(row) for row in connection.execute(_ENTRIES)]
    living = select(leases.c.holder).where(leases.c.name == leases.c.holder, leases.c.expires > now_ms(connection))
    orphaned = journal.c.owner.not_in(living) & (journal.c.owner != owner)
    adopted = connection.execute(update(journal).where(orphaned).values(owner=owner).returning(journal))
    return [_entry(row) for row in sorted(adopted, key=lambda r: r.seq)]


def _sweep_partitions(connection: Connection, before: int) -> int:
    if not partitions.is_partitioned(connection):
        return 0
    partitions.make_ahead(connection, connection.execute(select(now_ms(connection))).scalar_one())
    return partitions.drop_before(connection, before)


def _accept(connection: Connection, items: Sequence[Sequence[dict[str, Any]]]) -> Sequence[None]:
    rows = [row for entries in items for row in entries]
    if rows:
        connection.execute(insert_new(connection, journal), rows)
    return [None] * len(items)


def _strike_unclaimed(connection: Connection, ids: Sequence[str]) -> None:
    connection.execute(_STRIKE.where(~journal.c.claimed), {"ids": ids})


def _claim(connection: Connection, activation_ids: Sequence[str]) -> Sequence[bool]:
    claimed = set(connection.execute(_CLAIM, {"ids": activation_ids}).scalars())
    results = []
    for activation_id in activation_ids:
        results.append(activation_id in claimed)
        claimed.discard(activation_id)  # of two claims in one batch, the first has it
    return results


def _record(connection: Connection, rows: Sequence[RecordRow]) -> Sequence[None]:
    rows = _sealed(connection, rows)
    if partitions.is_partitioned(connection):
        gathered.record(connection, rows)
        return [None] * len(rows)
    insert_new_rows(connection, activations, RecordRow._fields, rows)
    _strike(connection, [r.activation_id for r in rows])
    return [None] * len(rows)


def _record_own(connection: Connection, rows: Sequence[RecordRow]) -> Sequence[None]:
    """Records that can be there only if this was tried before."""
    if not partitions.is_partitioned(connection):
        return _record(connection, rows)
    gathered.record_own(connection, _sealed(connection, rows))
    return [None] * len(rows)


def _sealed(connection: Connection, rows: Sequence[RecordRow]) -> Sequence[RecordRow]:
    """What goes past SQLAlchemy to the driver is sealed here."""
    if not seals(connection.dialect):
        return rows
    to_sealed = SealedText().process_bind_param
    return [row._replace(details=to_sealed(row.details, connection.dialect) or "") for row in rows]


def _strike(connection: Connection, ids: Sequence[str]) -> None:
    if connection.dialect.name == "sqlite":  # one value, whatever their number: nothing is made for each
        connection.exec_driver_sql(_STRIKE_TEXT, (encode(ids),))
    else:
        connection.execute(_STRIKE, {"ids": ids})


def _where(query: ActivationQuery) -> ColumnElement[bool]:
    conditions = [activations.c.namespace == query.namespace]
    if query.name is not None:
        conditions.append(activations.c.name == query.name)
    if query.since is not None:
        conditions.append(activations.c.start >= query.since)
    if query.upto is not None:
        conditions.append(activations.c.start <= query.upto)
    return and_(*conditions)


def count_statement(query: ActivationQuery) -> Select[Any]:
    return select(func.count()).select_from(activations).where(_where(query))


def list_statement(query: ActivationQuery, skip: int, limit: int, *, docs: bool) -> Select[Any]:
    columns = [activations.c.start, activations.c.summary, *([activations.c.details] if docs else [])]
    return (
        select(*columns)
        .where(_where(query))
        .order_by(activations.c.start.desc(), activations.c.seq.desc())
        .offset(skip)
        .limit(limit)
    )


def _list(
    connection: Connection, query: ActivationQuery, page: Page, unwritten: Sequence[RecordRow], docs: bool
) -> list[Activation]:
    """The page of written and unwritten records together.

    At most `len(fresh)` unwritten ones precede a written one, so the window's written ones start no earlier than
    `skip - len(fresh)`.
    """
    fresh = _still_unwritten(connection, unwritten)
    skipped = max(0, page.skip - len(fresh))
    statement = list_statement(query, skipped, page.skip + page.limit - skipped, docs=docs)
    written = [(r.start, _activation(r.summary, r.details if docs else None)) for r in connection.execute(statement)]
    merged = [(r.start, r.activation(docs=docs)) for r in reversed(fresh)] + written
    merged.sort(key=lambda item: -item[0])
    return [a for _, a in merged[page.skip - skipped : page.skip - skipped + page.limit]]


def _still_unwritten(connection: Connection, rows: Sequence[RecordRow]) -> list[RecordRow]:
    """Without those that were committed before this snapshot."""
    written: set[str] = set()
    for begin in range(0, len(rows), _IDS_PER_QUERY):
        ids = [r.activation_id for r in rows[begin : begin + _IDS_PER_QUERY]]
        written.update(connection.execute(_WRITTEN, {"ids": ids}).scalars())
    return [r for r in rows if r.activation_id not in written]
