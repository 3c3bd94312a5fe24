"""Lists stay quick at any size: every query walks an index in order, none sorts or scans a table."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from argo_provider.storage.port import ActivationQuery
from argo_provider.storage.sql import gathered, schema
from argo_provider.storage.sql.activations import count_statement, list_statement
from argo_provider.storage.sql.opening import open_database
from argo_provider.storage.sql.tables import activations

pytestmark = pytest.mark.integration

QUERIES = [
    ActivationQuery("guest"),
    ActivationQuery("guest", since=5, upto=9),
    ActivationQuery("guest", "hello"),
    ActivationQuery("guest", "utils/echo", since=5, upto=9),
]


@pytest.fixture
async def plan_of(tmp_path):
    database = open_database(tmp_path / "argo.db")
    await database.write(schema.upgrade)

    async def plan(statement):
        sql = statement.compile(dialect=database.dialect, compile_kwargs={"literal_binds": True})
        return await database.read(lambda c: [r.detail for r in c.execute(text(f"EXPLAIN QUERY PLAN {sql}"))])

    yield plan
    await database.close()


@pytest.mark.parametrize("docs", [False, True])
@pytest.mark.parametrize("query", QUERIES, ids=str)
async def test_list_walks_one_index_in_order(plan_of, query, docs):
    (step,) = await plan_of(list_statement(query, 0, 200, docs=docs))
    assert step.startswith("SEARCH activations USING INDEX ix_activations_namespace_")
    assert ("name_start" in step) == (query.name is not None)


@pytest.mark.parametrize("query", QUERIES, ids=str)
async def test_count_reads_the_index_alone(plan_of, query):
    (step,) = await plan_of(count_statement(query))
    assert step.startswith("SEARCH activations USING COVERING INDEX")


async def test_details_lie_behind_the_summary_in_the_row():
    assert [c.name for c in activations.columns][-2:] == ["summary", "details"]


async def test_whether_a_record_is_there_is_seen_by_index_while_there_is_none(replica, database_url):
    """The plan is kept: one that reads the whole table would do so at every commit, however large it has become."""
    async with replica("r1"):
        pass  # now there are partitions
    rows = {"ids": ["1"], "namespaces": ["guest"], "names": ["f"], "starts": [0], "summaries": [""], "details": [""]}
    explained = text(f"EXPLAIN {gathered._INSERT.text}")
    database = open_database(database_url)
    try:
        plan = await database.write(lambda c: [c.execute(gathered._BY_INDEX), *c.execute(explained, rows).scalars()])
    finally:
        await database.close()
    assert any("Index Scan" in line for line in plan[1:]), plan
    assert not any("Seq Scan" in line for line in plan[1:]), plan
