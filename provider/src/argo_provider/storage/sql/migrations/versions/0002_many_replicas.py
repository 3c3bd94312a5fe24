"""Several replicas over one database: whose work a journal entry is, leases, and records in parts of a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("journal", sa.Column("owner", sa.String, nullable=False, server_default=""))
    op.create_table(
        "leases",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        _partition_activations()


def _partition_activations() -> None:
    """Old records are dropped a day at a time: deleting them row by row would cost as much as writing them did.

    A unique key of a partitioned table holds its partition key; that an id has one record is what the writer sees to.
    """
    op.execute("ALTER TABLE activations RENAME TO activations_unpartitioned")
    op.execute(
        "CREATE TABLE activations ("
        " seq bigint NOT NULL DEFAULT nextval('activations_seq_seq'),"
        " activation_id varchar(32) NOT NULL, namespace varchar NOT NULL, name varchar NOT NULL,"
        " start bigint NOT NULL, summary text NOT NULL, details text NOT NULL,"
        " CONSTRAINT pk_activations PRIMARY KEY (seq, start),"
        " CONSTRAINT uq_activations_activation_id_start UNIQUE (activation_id, start)"
        ") PARTITION BY RANGE (start)"
    )
    op.execute("ALTER SEQUENCE activations_seq_seq OWNED BY activations.seq")
    op.execute("ALTER TABLE activations_unpartitioned ALTER COLUMN seq DROP DEFAULT")
    op.execute("CREATE TABLE activations_default PARTITION OF activations DEFAULT")
    op.execute(
        "INSERT INTO activations (seq, activation_id, namespace, name, start, summary, details)"
        " SELECT seq, activation_id, namespace, name, start, summary, details FROM activations_unpartitioned"
    )
    op.execute("DROP TABLE activations_unpartitioned")
    for columns in (["namespace", "start", "seq"], ["namespace", "name", "start", "seq"]):
        op.create_index(f"ix_activations_{'_'.join(columns)}", "activations", columns)
