"""Lists stay quick at any size: every query walks an index in order, none sorts or scans a table."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from argo_provider.storage.port import ActivationQuery
from argo_provider.storage.sql import schema
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
