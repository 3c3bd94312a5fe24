"""What the optimiser keeps over restarts: the policy's state, and which artefact each function has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import structlog

from argo_provider.errors import ArgoError
from argo_provider.optimizer import snapshot
from argo_provider.optimizer.changes import Changed
from argo_provider.optimizer.model import FunctionId
from argo_provider.optimizer.ports import Artefact
from argo_provider.storage.port import Document, DocumentStore

_log = structlog.get_logger(__name__)

ARTEFACTS = "artefacts"
POLICY = "policy"
FUNCTIONS = "policy-functions"
_MACHINE = ""  # no namespace's own


class Shelf:
    """Over the document store; reading is from memory."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents
        self._artefacts: dict[FunctionId, Artefact] = {}

    async def load(self) -> None:
        for document in await self._documents.list(ARTEFACTS):
            function = FunctionId(document.namespace, document.id)
            try:
                self._artefacts[function] = Artefact.of_json(document.body)
            except (KeyError, ValueError, TypeError):
                _log.warning("artefact_record_unreadable", path=function.path)

    def get(self, function: FunctionId) -> Artefact | None:
        return self._artefacts.get(function)

    def all(self) -> dict[FunctionId, Artefact]:
        """A copy."""
        return dict(self._artefacts)

    async def put(self, function: FunctionId, artefact: Artefact) -> None:
        self._artefacts[function] = artefact
        await self._try(self._documents.put(Document(ARTEFACTS, function.namespace, function.path, artefact.as_json())))

    async def remove(self, function: FunctionId, fingerprint: str) -> None:
        """Only while it is of this code."""
        artefact = self._artefacts.get(function)
        if artefact is not None and artefact.fingerprint == fingerprint:
            del self._artefacts[function]
            await self._try(self._documents.delete(ARTEFACTS, function.namespace, function.path))

    async def policy(self) -> Any:
        """All that `keep_policy` was given, as one document for `Policy.from_json`; None: never anything."""
        rest = await self._documents.get(POLICY, _MACHINE, POLICY)
        if rest is None:
            return None
        return snapshot.assemble(rest.body, [each.body for each in await self._documents.list(FUNCTIONS)])

    async def keep_policy(self, changed: Changed) -> bool:
        """Whether all of it is kept. What is no function's own comes first: without it nothing is read again."""
        documents = self._documents
        if changed.rest is not None and not await self._try(
            documents.put(Document(POLICY, _MACHINE, POLICY, changed.rest))
        ):
            return False
        keep = (
            documents.delete(FUNCTIONS, function.namespace, function.path)
            if body is None
            else documents.put(Document(FUNCTIONS, function.namespace, function.path, body))
            for function, body in changed.functions.items()
        )
        return all(await asyncio.gather(*map(self._try, keep)))

    async def _try(self, doing: Awaitable[Any]) -> bool:
        try:
            await doing
        except ArgoError as error:  # a full disk: it is tried again with the next change
            _log.warning("optimizer_state_not_kept", text=str(error))
            return False
        return True
