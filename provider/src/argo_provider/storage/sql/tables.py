"""The tables, as the queries see them. `migrations/` creates them; a test holds both equal.

JSON is kept as text, so that a person with a database shell can read it, unless keys for secrets at rest are given. The
empty package is "", because a key column cannot be NULL.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

from argo_provider.storage.sql.sealing import SealedBytes, SealedText

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

_SERIAL = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER names SQLite's row id

entities = Table(
    "entities",
    metadata,
    Column("namespace", String, primary_key=True),
    Column("package", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("collection", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("document", SealedText, nullable=False),
)
Index(None, entities.c.namespace, entities.c.collection, entities.c.updated, entities.c.revision)

counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
ENTITY_REVISION = "entity_revision"

namespaces = Table(
    "namespaces",
    metadata,
    Column("namespace", String, primary_key=True),
    Column("subject", String, nullable=False),
    Column("key_id", String, nullable=False, unique=True),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("limits", Text, nullable=False),
)

further_keys = Table(  # beside the one in `namespaces`
    "further_keys",
    metadata,
    Column("key_id", String, primary_key=True),
    Column("namespace", String, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
)
Index(None, further_keys.c.namespace)

activations = Table(
    "activations",
    metadata,
    Column("seq", _SERIAL, primary_key=True, autoincrement=True),
    Column("activation_id", String(32), nullable=False, unique=True),
    Column("namespace", String, nullable=False),
    Column("name", String, nullable=False),  # as lists filter by it: "action" or "package/action"
    Column("start", BigInteger, nullable=False),
    Column("summary", Text, nullable=False),  # the record without logs and result
    Column("details", SealedText, nullable=False),  # last: a list that needs only the summary never reads its pages
)
Index(None, activations.c.namespace, activations.c.start, activations.c.seq)
Index(None, activations.c.namespace, activations.c.name, activations.c.start, activations.c.seq)

journal = Table(
    "journal",
    metadata,
    Column("seq", _SERIAL, primary_key=True, autoincrement=True),
    Column("activation_id", String(32), nullable=False, unique=True),
    Column("namespace", String, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("claimed", Boolean, nullable=False),
    Column("payload", SealedBytes, nullable=False),
    Column("owner", String, nullable=False, server_default=""),  # the replica that sees to it; "" where there is one
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String, nullable=False),
    Column("expires", BigInteger, nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("bucket", String, primary_key=True),
    Column("namespace", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("body", SealedText, nullable=False),
)
