"""EntityStore against a dictionary: random histories, with reopening in between."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from argo_provider.errors import Conflict
from argo_provider.model.entities import Action, Collection, Exec, Package, Trigger
from argo_provider.model.names import FullName
from argo_provider.storage.port import Page
from argo_provider.storage.sql import open_stores

pytestmark = pytest.mark.contract

NAMES = st.builds(FullName, st.sampled_from(["ns1", "ns2"]), st.sampled_from("abc"), st.sampled_from([None, "p"]))


class EntityHistory(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.model: dict[FullName, object] = {}
        self.seen: dict[FullName, object] = {}  # the last revision anybody saw, perhaps outdated
        self.open()

    def open(self):
        self.stack = AsyncExitStack()
        root = Path(self.folder.name)
        self.stores = self.run(self.stack.enter_async_context(open_stores(root / "argo.db", root / "blobs")))

    def run(self, work):
        return self.runner.run(work)

    def commit(self, puts, deletes=()):
        """Whether the store took it."""
        try:
            stored = self.run(self.stores.entities.commit(puts, deletes))
        except Conflict:
            return False
        for entity in deletes:
            del self.model[entity.name]
        for entity in stored:
            self.model[entity.name] = self.seen[entity.name] = entity
        return True

    @rule(name=NAMES, kind=st.sampled_from([Action, Trigger, Package]), updated=st.integers(0, 5))
    def create(self, name, kind, updated):
        entity = Action(name, Exec("nodejs:20"), updated=updated) if kind is Action else kind(name, updated=updated)
        free = name not in self.model
        assert self.commit([entity]) == free

    @rule(name=NAMES, version=st.sampled_from(["0.0.2", "0.0.3"]))
    def update_what_was_seen(self, name, version):
        if name in self.seen:
            old = self.seen[name]
            is_last = self.model.get(name) == old
            assert self.commit([replace(old, version=version)]) == is_last

    @rule(name=NAMES, version=st.sampled_from(["1.0.0"]))
    def another_updates_unseen(self, name, version):
        if name in self.model:
            seen = self.seen[name]
            assert self.commit([replace(self.model[name], version=version)])
            self.seen[name] = seen

    @rule(name=NAMES)
    def delete_what_was_seen(self, name):
        if name in self.seen:
            old = self.seen[name]
            is_last = self.model.get(name) == old
            assert self.commit([], [old]) == is_last

    @rule(first=NAMES, second=NAMES)
    def put_two(self, first, second):
        puts = [replace(self.model.get(n) or Trigger(n), updated=3) for n in (first, second)]
        assert self.commit(puts) == (first != second)

    @rule()
    def reopen(self):
        self.run(self.stack.aclose())
        self.open()

    @invariant()
    def store_equals_model(self):
        for namespace in ("ns1", "ns2"):
            for collection in Collection:
                expected = [e for n, e in self.model.items() if n.namespace == namespace and e.collection is collection]
                expected.sort(key=lambda e: (e.updated, e.revision), reverse=True)
                assert self.run(self.stores.entities.list(collection, namespace, Page(0, 200))) == expected
                assert self.run(self.stores.entities.count(collection, namespace)) == len(expected)
        for name in self.seen:
            assert self.run(self.stores.entities.get(name)) == self.model.get(name)

    def teardown(self):
        self.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()


TestEntityHistory = EntityHistory.TestCase
TestEntityHistory.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
