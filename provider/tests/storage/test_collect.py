from argo_provider.model.entities import Action, Exec
from argo_provider.model.identity import NamespaceRecord
from argo_provider.model.names import FullName
from argo_provider.storage.collect import collect_blobs
from argo_provider.storage.sql import open_stores


async def test_only_what_no_action_names_goes(tmp_path):
    async with open_stores(tmp_path / "argo.db", tmp_path / "blobs") as stores:
        await stores.namespaces.create(NamespaceRecord("ns", "ns", "id", b"x" * 32, 0))
        kept, lost = await stores.blobs.put(b"kept"), await stores.blobs.put(b"lost")
        await stores.entities.commit([Action(FullName("ns", "a"), Exec("nodejs:20", code_digest=kept))])
        assert await collect_blobs(stores) == 0, "what was just uploaded may be of an action not yet written"
        assert await collect_blobs(stores, older_than=-1) == 1
        assert [digest async for digest in stores.blobs.digests()] == [kept]
        assert lost != kept
