"""Invocations whose request came in one piece, past aiohttp's tasks, request, routing and response.

They are most of what a busy service answers, and half of what aiohttp does for a request is for requests of another
kind. Taken are HTTP/1.1, kept alive, a plain path, and a JSON body whose length is told; whatever else there is about a
request, the ordinary way has the answer to it. Both answer alike, byte for byte: `tests/api/test_straight.py`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from typing import Any

from aiohttp import StreamReader
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11, RawRequestMessage

from argo_provider.api.actions import STATUS, invocation_body, promise_body, waiting
from argo_provider.api.authentication import Proof
from argo_provider.api.bodies import parse_object
from argo_provider.api.middleware import known_error, transaction_of
from argo_provider.api.paths import ACTION, NAMESPACE, PACKAGED_ACTION, named
from argo_provider.api.query import flag
from argo_provider.api.respond import ACTIVATION_HEADER, CORS, TRANSACTION_HEADER, error_body, error_headers
from argo_provider.api.state import Services
from argo_provider.errors import ArgoError
from argo_provider.invocation.invoke import Accepted, Request
from argo_provider.model.names import OWN_NAMESPACE, FullName, check_namespace
from argo_provider.telemetry.logs import bind_transaction
from argo_proxy import jsontext

Answer = Callable[[bytes], Coroutine[Any, Any, bytes]]
"""The whole answer, head and body, to a request of one head with this body."""
_MOST_TARGETS = 1024
_SEGMENT = r"\w[\w.@-]*"
_PATH = re.compile(
    rf"/api/v1/namespaces/(?P<namespace>{_SEGMENT})/actions/((?P<package>{_SEGMENT})/)?(?P<name>{_SEGMENT})(\?[^#]*)?",
    re.ASCII,
)
_CORS = "".join(f"{name}: {value}\r\n" for name, value in CORS.items())


@dataclass(frozen=True, slots=True)
class _Target:
    """What a path and its query ask for."""

    name: FullName  # its namespace may be `_`, the caller's own
    wait_ms: int | None
    result_only: bool
    route: str  # for metrics


class _Asked:
    """A request's head, and what need not be found out again while a connection goes on sending it."""

    __slots__ = ("authorization", "headers", "proof", "target", "url")

    def __init__(self, target: _Target, message: RawRequestMessage) -> None:
        self.target, self.headers, self.url = target, message.headers, message.url
        self.authorization = message.headers.get("Authorization")
        self.proof: Proof | None = None


class StraightInvocations:
    """Says whether it takes a request, and answers it. `most_bytes`: of any request body."""

    def __init__(self, services: Services, most_bytes: int) -> None:
        self._services = services
        self._most_bytes = min(most_bytes, services.limits.payload_bytes)
        self._targets: dict[str, _Target] = {}

    def take(self, message: RawRequestMessage, payload: StreamReader) -> Answer | None:
        """Who answers a request with this head; None: it is for the ordinary way. `payload` is left alone."""
        if message.method != "POST" or not payload.is_eof() or not self._is_plain(message):
            return None
        target = self._targets.get(message.path)
        if target is None:
            target = self._target(message)
        return None if target is None else partial(self._answer, _Asked(target, message))

    def _is_plain(self, message: RawRequestMessage) -> bool:
        if message.should_close or message.upgrade or message.version != HttpVersion11:
            return False
        headers = message.headers
        length = headers.get("Content-Length")
        if length is None or not 0 < int(length) <= self._most_bytes:
            return False
        if headers.get("Content-Type") != "application/json" or "Expect" in headers or "Content-Encoding" in headers:
            return False
        given = headers.get(TRANSACTION_HEADER)
        return given is None or (given.isascii() and given.isprintable())

    def _target(self, message: RawRequestMessage) -> _Target | None:
        """Kept by its text, for there are few; what is wrong with one, the ordinary way says."""
        match = _PATH.fullmatch(message.path)
        if match is None:
            return None
        parts = {name: value for name, value in match.groupdict().items() if value is not None}
        namespace = parts["namespace"]
        try:
            target = _Target(
                named(parts, namespace if namespace == OWN_NAMESPACE else check_namespace(namespace)),
                waiting(message.url, self._services.limits.blocking_wait_ms),
                flag(message.url, "result"),
                NAMESPACE + (PACKAGED_ACTION if "package" in parts else ACTION),
            )
        except ArgoError:
            return None
        if len(self._targets) >= _MOST_TARGETS:
            self._targets.clear()
        self._targets[message.path] = target
        return target

    async def _answer(self, asked: _Asked, body: bytes) -> bytes:
        """As `middleware.edge` around `actions.invoke`."""
        begun = time.perf_counter()
        services, target = self._services, asked.target
        transaction = transaction_of(asked.headers)
        bind_transaction(transaction)  # each answer is a task with a context of its own
        status = 500
        try:
            proof = asked.proof
            if proof is None or not services.authenticator.holds(proof):
                proof = asked.proof = await services.authenticator.prove(asked.authorization)
            identity = proof.identity
            name, arguments = target.name.in_namespace(identity.namespace), parse_object(body)
            outcome = await services.invoke(
                Request(identity, name, arguments, transaction, target.wait_ms, api_key=proof.key)
            )
            if isinstance(outcome, Accepted):
                status, shown = 202, promise_body(outcome.activation_id)
            else:
                status = STATUS[outcome.response.status]
                shown = invocation_body(outcome, result_only=target.result_only)
            own = f"{ACTIVATION_HEADER}: {outcome.activation_id}\r\n"
            return _written(status, own, transaction, jsontext.encode(shown))
        except Exception as error:  # noqa: BLE001 — the guard of the request loop
            known = known_error(error, asked.url.path, services)
            status = known.status
            own = "".join(f"{name}: {value}\r\n" for name, value in error_headers(known).items())
            return _written(status, own, transaction, jsontext.encode(error_body(known, transaction)))
        finally:
            services.observe(target.route, "POST", status, time.perf_counter() - begun)


def _written(status: int, own: str, transaction: str, body: bytes) -> bytes:
    """The whole answer; `own`: header lines of this one."""
    head = (
        f"{_beginning(status)}{own}{_CORS}{TRANSACTION_HEADER}: {transaction}\r\nContent-Length: {len(body)}\r\n"
        f"Date: {rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n\r\n"
    )
    return head.encode() + body


@cache
def _beginning(status: int) -> str:
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
