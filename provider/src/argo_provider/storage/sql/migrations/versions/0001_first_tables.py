"""First tables: entities, counters, namespaces, activations, journal, documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _entities()
    _namespaces()
    _activations()
    _journal()
    _documents()


def _entities() -> None:
    op.create_table(
        "entities",
        sa.Column("namespace", sa.String, primary_key=True),
        sa.Column("package", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("collection", sa.String, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("published", sa.Boolean, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index(
        "ix_entities_namespace_collection_updated_revision",
        "entities",
        ["namespace", "collection", "updated", "revision"],
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "entity_revision", "value": 0}])


def _namespaces() -> None:
    op.create_table(
        "namespaces",
        sa.Column("namespace", sa.String, primary_key=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("limits", sa.Text, nullable=False),
        sa.UniqueConstraint("key_id", name="uq_namespaces_key_id"),
    )


def _activations() -> None:
    op.create_table(
        "activations",
        sa.Column("seq", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("activation_id", sa.String(32), nullable=False),
        sa.Column("namespace", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.UniqueConstraint("activation_id", name="uq_activations_activation_id"),
    )
    op.create_index("ix_activations_namespace_start_seq", "activations", ["namespace", "start", "seq"])
    op.create_index("ix_activations_namespace_name_start_seq", "activations", ["namespace", "name", "start", "seq"])


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("activation_id", sa.String(32), nullable=False),
        sa.Column("namespace", sa.String, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("claimed", sa.Boolean, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("activation_id", name="uq_journal_activation_id"),
    )


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("bucket", sa.String, primary_key=True),
        sa.Column("namespace", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
