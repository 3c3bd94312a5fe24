"""What the journal keeps of an accepted call, and what becomes of it after a crash."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from argo_provider.entities.access import ResolvedAction, resolve_action
from argo_provider.errors import ArgoError, NotFound, UserError
from argo_provider.invocation.call import Call, Prepare
from argo_provider.invocation.promised import Promised
from argo_provider.model.activation import Activation, JournalEntry, Response, Status
from argo_provider.model.clock import Clock
from argo_provider.model.identity import Identity
from argo_provider.model.names import FullName
from argo_provider.storage.port import Stores
from argo_proxy import jsontext

log = structlog.get_logger(__name__)

CUT_OFF = (
    "The service stopped while this activation was running; the action may have taken effect. It was not run again."
)
Spawn = Callable[[Coroutine[Any, Any, None]], object]
GONE = "Action could not be found or may have been deleted."


def encode_call(call: Call) -> bytes:
    """Everything needed to run the call later; the caller's key is not kept: it is a secret."""
    return jsontext.encode(
        {
            "key_id": call.identity.key_id,
            "namespace": call.identity.namespace,
            "subject": call.identity.subject,
            "action": str(call.target.action.name),
            "binding": str(call.target.binding) if call.target.binding else None,
            "payload": call.payload,
            "extra": dict(call.extra_arguments),
            "transaction": call.transaction_id,
            "cause": call.cause,
            "step": call.is_step,
        }
    )


class Recovery:
    """Takes up what a crash left in the journal: unclaimed work runs, claimed work ends as a recorded error."""

    def __init__(self, stores: Stores, promised: Promised, clock: Clock, prepare: Prepare, spawn: Spawn) -> None:
        self._stores = stores
        self._promised = promised
        self._clock = clock
        self._prepare = prepare
        self._spawn = spawn

    async def __call__(self) -> None:
        """Claimed work is ended before this returns; the rest is run behind the service's back, in its order."""
        waiting = []
        ended = 0
        for entry in await self._stores.activations.adopt():
            if entry.claimed:
                await self._end(entry, CUT_OFF)
                ended += 1
            else:
                waiting.append(entry)
        if waiting or ended:
            log.warning("journal_recovered", resumed=len(waiting), ended=ended)
        self._spawn(self._resume(waiting))

    async def _resume(self, entries: list[JournalEntry]) -> None:
        for entry in entries:
            try:
                await self._take_up(entry)
            except ArgoError as error:
                log.warning("journal_entry_failed", activation_id=entry.activation_id, reason=error.reason)
                await self._end(entry, GONE if isinstance(error, UserError) else error.text)

    async def _take_up(self, entry: JournalEntry) -> None:
        kept = jsontext.decode(entry.payload)
        record = await self._stores.namespaces.by_name(kept["namespace"])
        if record is None:
            raise NotFound
        name = FullName.parse(kept["action"])
        if kept["binding"]:
            binding = FullName.parse(kept["binding"])
            name = FullName(binding.namespace, name.name, binding.name)
        target = await resolve_action(self._stores.entities, record.identity, name)
        await self._prepare(target.action.exec.kind)
        await self._promised.resume(self._call(entry, kept, target, record.identity))

    def _call(self, entry: JournalEntry, kept: dict[str, Any], target: ResolvedAction, identity: Identity) -> Call:
        return Call(
            identity=identity,
            target=target,
            payload=kept["payload"],
            transaction_id=kept["transaction"],
            cause=kept["cause"],
            is_step=kept["step"],
            activation_id=entry.activation_id,
            extra_arguments=kept["extra"],
            deferred=True,
        )

    async def _end(self, entry: JournalEntry, text: str) -> None:
        kept = jsontext.decode(entry.payload)
        name = FullName.parse(kept["action"])
        now = self._clock.now_ms()
        await self._stores.activations.record(
            Activation(
                namespace=kept["namespace"],
                name=name.name,
                version="0.0.1",
                subject=kept["subject"],
                activation_id=entry.activation_id,
                start=entry.accepted,
                end=now,
                duration=max(0, now - entry.accepted),
                cause=kept["cause"],
                response=Response(Status.WHISK_ERROR, {"error": text}),
                annotations={"path": str(name), "timeout": False},
            )
        )
