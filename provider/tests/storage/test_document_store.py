"""The contract of `DocumentStore`, over every adapter."""

from __future__ import annotations

import pytest

from argo_provider.storage.port import Document

pytestmark = pytest.mark.contract


class TestDocumentStore:
    async def test_put_get_replace_delete(self, stores):
        documents = stores.documents
        assert await documents.get("alarms", "guest", "1") is None
        await documents.put(Document("alarms", "guest", "1", {"cron": "* * * * *", "list": [1, None, "é"]}))
        assert (await documents.get("alarms", "guest", "1")).body == {"cron": "* * * * *", "list": [1, None, "é"]}
        await documents.put(Document("alarms", "guest", "1", [2]))
        assert (await documents.get("alarms", "guest", "1")).body == [2]
        assert await documents.delete("alarms", "guest", "1") is True
        assert await documents.delete("alarms", "guest", "1") is False
        assert await documents.get("alarms", "guest", "1") is None

    async def test_lists_a_bucket_of_one_namespace_or_of_all(self, stores):
        for bucket, namespace, key in [("a", "n1", "x"), ("a", "n2", "y"), ("a", "n1", "w"), ("b", "n1", "z")]:
            await stores.documents.put(Document(bucket, namespace, key, key))
        assert [d.id for d in await stores.documents.list("a")] == ["w", "x", "y"]
        assert [d.id for d in await stores.documents.list("a", "n1")] == ["w", "x"]
        assert await stores.documents.list("none") == []

    async def test_lists_what_begins_alike(self, stores):
        for key in ("a", "a//1", "a//2", "a/b//1", "b//1", "a//\U0001f600"):
            await stores.documents.put(Document("versions", "n", key, key))
        found = await stores.documents.list("versions", "n", prefix="a//")
        assert [d.id for d in found] == ["a//1", "a//2", "a//\U0001f600"]
        assert await stores.documents.list("versions", "other", prefix="a//") == []

    async def test_caller_cannot_change_what_is_stored(self, stores):
        body = {"list": [1]}
        await stores.documents.put(Document("b", "n", "i", body))
        body["list"].append(2)
        assert (await stores.documents.get("b", "n", "i")).body == {"list": [1]}
