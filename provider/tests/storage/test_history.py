"""Versions of actions, over every adapter of the documents store."""

from dataclasses import replace

import pytest

from argo_provider.entities.history import MOST_VERSIONS, History
from argo_provider.model.entities import Action, Exec, Parameter
from argo_provider.model.names import FullName

pytestmark = pytest.mark.contract


@pytest.fixture
def history(stores):
    return History(stores.documents)


def action(name="a", revision=1, **changes):
    package, _, simple = name.rpartition("/")
    base = Action(
        FullName("ns", simple, package or None),
        Exec("nodejs:20", "sha256:" + "0" * 64, 10),
        version=f"0.0.{revision}",
        parameters={"k": Parameter({"deep": [1]}, init=True)},
        annotations={"a": None},
        revision=revision,
    )
    return replace(base, **changes)


class TestHistory:
    async def test_what_was_kept_comes_back_as_it_was(self, history):
        for revision in (1, 2):
            await history.keep(action(revision=revision))
        current = action(revision=3)
        found = await history.versions(current)
        assert [(v.version, v.current) for v in found] == [("0.0.3", True), ("0.0.2", False), ("0.0.1", False)]
        assert await history.find(current, "0.0.1") == action(revision=1)
        assert await history.find(current, "0.0.3") is current
        assert await history.find(current, "0.0.9") is None

    async def test_keeping_one_twice_is_keeping_it_once(self, history):
        for _ in range(2):
            await history.keep(action(revision=1))
        assert len(await history.versions(action(revision=2))) == 2
        assert len(await history.versions(action(revision=1))) == 1, "it is still the one in force"

    async def test_of_two_of_one_version_the_newer_is_meant(self, history):
        for revision in (9, 10):
            await history.keep(action(revision=revision, version="1.0.0"))
        found = await history.find(action(revision=11, version="1.0.1"), "1.0.0")
        assert found.revision == 10

    async def test_names_that_begin_alike_are_apart(self, history):
        for name in ("a", "ab", "a/b", "b/a", "A"):
            await history.keep(action(name, 1))
        await history.forget(action("a").name)
        for name, kept in (("a", 0), ("ab", 1), ("a/b", 1), ("b/a", 1), ("A", 1)):
            assert len(await history.versions(action(name, 2))) == kept + 1, name

    async def test_the_oldest_go(self, history, stores):
        for revision in range(1, MOST_VERSIONS + 3):
            await history.keep(action(revision=revision))
        current = action(revision=MOST_VERSIONS + 3)
        assert len(await history.versions(current)) == MOST_VERSIONS
        await history.trim(current.name)
        assert (await history.versions(current))[-1].revision == 4
        assert len(await stores.documents.list("version-documents", "ns")) == MOST_VERSIONS - 1
