"""Finds and deletes blobs that no action names any more."""

from __future__ import annotations

from argo_provider.model.entities import Action, Collection
from argo_provider.storage.port import Page, Stores

VERSIONS = "versions"  # bucket of documents whose "codeDigest" names code that is kept for older versions of actions
_PAGE = 200
_SAFE_AGE_SECONDS = 3600.0  # an upload becomes a blob before its action is written


async def collect_blobs(stores: Stores, *, older_than: float = _SAFE_AGE_SECONDS) -> int:
    """Delete blobs older than `older_than` seconds that no action and no version of one names; how many."""
    candidates = {digest async for digest in stores.blobs.digests(older_than=older_than)}
    if not candidates:
        return 0
    for record in await stores.namespaces.list():
        candidates -= await _named(stores, record.namespace)
        # After the actions: a version is kept before its action is replaced.
        candidates -= {d.body.get("codeDigest") for d in await stores.documents.list(VERSIONS, record.namespace)}
    for digest in candidates:
        await stores.blobs.delete(digest)
    return len(candidates)


async def _named(stores: Stores, namespace: str) -> set[str]:
    """Digests that the actions of one namespace name."""
    named: set[str] = set()
    skip = 0
    while True:
        page = await stores.entities.list(Collection.ACTIONS, namespace, Page(skip, _PAGE))
        named |= {a.exec.code_digest for a in page if isinstance(a, Action) and a.exec.code_digest}
        if len(page) < _PAGE:
            return named
        skip += _PAGE
