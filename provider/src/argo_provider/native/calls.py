"""Calls that functions make from inside a NIUk (`argo.invoke`): served, and recorded, as if they came over the API."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from argo_provider.entities.access import resolve_action
from argo_provider.errors import ArgoError, UserError
from argo_provider.invocation import records
from argo_provider.invocation.activator import Activator
from argo_provider.invocation.call import Call
from argo_provider.invocation.invoke import Accepted, Invoke, Request
from argo_provider.model.activation import Status
from argo_provider.model.clock import Clock
from argo_provider.model.identity import Identity
from argo_provider.model.names import FullName
from argo_provider.storage.port import Stores
from argo_proxy import jsontext
from argo_proxy.protocol.logs import format_logs
from argo_proxy.protocol.messages import Execution, Outcome, OutcomeKind, Phases
from argo_proxy.sandboxes.niuk import frames, reports
from argo_proxy.sandboxes.niuk.client import OutsideCall
from argo_proxy.sandboxes.port import CollectedLogs, LogLine, SandboxKind

_log = structlog.get_logger(__name__)

_FAILED = 1
_STDERR = 2
_LOG_BYTES = 10 * 1024 * 1024
Authenticate = Callable[[str | None], Awaitable[tuple[Identity, str]]]


class InsideCalls:
    """`serve` is the NIUks' `CallServer`, `recorded` their listener for calls that were made without leaving one.

    Made before the use cases are: `use` brings them.
    """

    def __init__(self, stores: Stores, clock: Clock, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._stores = stores
        self._clock = clock
        self._spawn = spawn
        self._invoke: Invoke
        self._authenticate: Authenticate
        self._activator: Activator
        self._usable = False

    def use(self, invoke: Invoke, activator: Activator, authenticate: Authenticate) -> None:
        self._invoke, self._activator, self._authenticate = invoke, activator, authenticate
        self._usable = True

    async def serve(self, call: OutsideCall) -> tuple[int, bytes]:
        """0 and the result, or 1 and an object with `error`: the callee's, or why it was not called."""
        if not self._usable:  # a node of a cluster has no use cases: they are the replicas'
            return _FAILED, _error("Calls from inside are not carried to a cluster's replicas: call over HTTP.")
        try:
            activation = await self._run(call)
        except UserError as error:
            return _FAILED, _error(error.text)
        except ArgoError as error:
            _log.warning("inside_call_failed", name=call.call.name, text=str(error))
            return _FAILED, _error("The service failed to run the action.")
        except ValueError as error:
            return _FAILED, _error(str(error))
        if isinstance(activation, Accepted):
            return _FAILED, _error(
                f"It has not ended in the time that was left: activation {activation.activation_id}."
            )
        ok = activation.response.status is Status.SUCCESS
        return (0 if ok else _FAILED), jsontext.encode(activation.response.result)

    def recorded(self, namespace: str, record: reports.Record, logs: tuple[reports.Log, ...]) -> None:
        """A call from one isolate to another has ended: an activation like any other."""
        self._spawn(self._record(namespace, record, logs))

    async def _run(self, call: OutsideCall) -> Any:
        environment = jsontext.decode(call.environment) if call.environment else {}
        key = environment.get("__OW_API_KEY")
        if not key:
            raise ValueError("To call other actions it needs the annotation 'provide-api-key'.")
        identity, key = await self._authenticate("Basic " + base64.b64encode(str(key).encode()).decode())
        params = jsontext.decode(call.call.params)
        if not isinstance(params, dict):
            raise ValueError("Parameters of an action are an object.")  # noqa: TRY004 — what was said, not a bug
        transaction = str(environment.get("__OW_TRANSACTION_ID", ""))
        name = _name(call.call.name, identity.namespace)
        return await self._invoke(Request(identity, name, params, transaction, call.call.left_ms, key))

    async def _record(self, namespace: str, record: reports.Record, logs: tuple[reports.Log, ...]) -> None:
        path = record.function.partition("@")[0]
        owner = await self._stores.namespaces.by_name(namespace)
        if owner is None:
            return
        try:
            target = await resolve_action(self._stores.entities, owner.identity, FullName.parse(path))
        except UserError:
            return  # deleted while it ran: nobody could ask for its record by name
        call = Call(owner.identity, target, {}, "", activation_id=record.activation_id)
        activation = records.of_execution(call, record.activation_id, _execution(record, logs), self._clock.now())
        self._activator.keep(activation, call)


def _name(text: str, namespace: str) -> FullName:
    """`/ns/[package/]name`, `/_/[package/]name`, or `[package/]name` of the caller's own."""
    if text.startswith("/"):
        return FullName.parse(text).in_namespace(namespace)
    return FullName.parse(f"/{namespace}/{text}")


def _execution(record: reports.Record, logs: tuple[reports.Log, ...]) -> Execution:
    timing = record.timing
    began = timing.start_unix_ns / 1e9
    spent = (timing.wait_ns + timing.init_ns + timing.run_ns) / 1e9
    cold = frames.Flag.COLD in timing.flags
    phases = Phases(timing.wait_ns / 1e6, 0.0, timing.init_ns / 1e6, timing.run_ns / 1e6, cold)
    lines = tuple(_line(log) for log in logs)
    collected = CollectedLogs(lines, truncated=frames.Flag.TRUNCATED in timing.flags)
    ended = began + spent
    formatted = format_logs(
        collected, limit=_LOG_BYTES, developer_error=False, time_ns=int(ended * 1e9), sentinels_expected=False
    )
    return Execution(_outcome(record), phases, began, ended, formatted, SandboxKind.NIUK.value)


def _line(log: reports.Log) -> LogLine:
    return LogLine(log.unix_ns, "stderr" if log.stream == _STDERR else "stdout", log.line.decode(errors="replace"))


def _outcome(record: reports.Record) -> Outcome:
    try:
        result = jsontext.decode(record.result)
    except ValueError:
        result = {"error": record.result.decode(errors="replace")}
    if record.status is not frames.Status.OK:
        kind = OutcomeKind.DEVELOPER_ERROR
    else:
        failed = isinstance(result, dict) and "error" in result
        kind = OutcomeKind.APPLICATION_ERROR if failed else OutcomeKind.SUCCESS
    return Outcome(kind, result, len(record.result))


def _error(text: str) -> bytes:
    return jsontext.encode({"error": text})
