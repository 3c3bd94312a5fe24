"""The JSON bodies of /init and /run, as the OpenWhisk action container protocol defines them. Pure functions."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from argo_proxy import jsontext
from argo_proxy.protocol.messages import Invocation


def environment_text(value: Any) -> str:
    """An init parameter as an environment variable: strings raw, null empty, everything else compact JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else jsontext.encode(value).decode()


def init_environment(invocation: Invocation, deadline_ms: int) -> dict[str, str]:
    """The `env` of /init: init parameters with the values of the merged arguments, then what the platform sets.

    A function cannot shadow a platform variable by naming a parameter `__OW_…`. `deadline_ms`: epoch milliseconds.
    """
    executable = invocation.executable
    merged: Mapping[str, Any] = invocation.arguments if isinstance(invocation.arguments, Mapping) else {}
    env = {name: environment_text(merged.get(name, value)) for name, value in executable.init_parameters.items()}
    env["__OW_NAMESPACE"] = executable.namespace
    env["__OW_ACTION_NAME"] = executable.path
    env["__OW_ACTION_VERSION"] = executable.version
    env["__OW_ACTIVATION_ID"] = invocation.activation_id
    env["__OW_TRANSACTION_ID"] = invocation.transaction_id
    env["__OW_DEADLINE"] = str(deadline_ms)
    if executable.provide_api_key and invocation.api_key is not None:
        env["__OW_API_KEY"] = invocation.api_key
    return env


def init_body(invocation: Invocation, code: bytes | None, deadline_ms: int) -> bytes:
    """The body of POST /init.

    `code` is the artifact as stored: UTF-8 source, or the archive's own bytes when `executable.binary`
    (sent as base64); None for a blackbox image without code, which then gets no `code` field.
    Large archives cost tens of milliseconds of CPU: call it off the event loop for those.
    """
    executable = invocation.executable
    value: dict[str, Any] = {
        "name": executable.path.rpartition("/")[2],
        "main": executable.main or "main",
        "binary": executable.binary,
        "env": init_environment(invocation, deadline_ms),
    }
    if code is None:
        return jsontext.encode({"value": value})
    if not executable.binary:
        return jsontext.encode({"value": value | {"code": code.decode()}})
    # Base64 needs no escaping: joining spares a second pass and a copy of up to 64 MB through the encoder.
    return b"".join((b'{"value":', jsontext.encode(value)[:-1], b',"code":"', b64encode(code), b'"}}'))


def run_body(invocation: Invocation, deadline_ms: int) -> bytes:
    """The body of POST /run. Init parameters leave `value`: the function has them in its environment."""
    executable = invocation.executable
    body = {
        "value": _visible(invocation),
        "namespace": executable.namespace,
        "action_name": executable.path,
        "action_version": executable.version,
        "activation_id": invocation.activation_id,
        "transaction_id": invocation.transaction_id,
        "deadline": str(deadline_ms),
    }
    if executable.provide_api_key and invocation.api_key is not None:
        body["api_key"] = invocation.api_key
    return jsontext.encode(body)


def run_parts(invocation: Invocation, deadline_ms: int) -> tuple[bytes, bytes]:
    """The same for who needs no body: the function's parameters, and what of its environment is of this run."""
    executable = invocation.executable
    environment = {
        "__OW_ACTIVATION_ID": invocation.activation_id,
        "__OW_TRANSACTION_ID": invocation.transaction_id,
        "__OW_DEADLINE": str(deadline_ms),
        "__OW_NAMESPACE": executable.namespace,
        "__OW_ACTION_NAME": executable.path,
        "__OW_ACTION_VERSION": executable.version,
    }
    if executable.provide_api_key and invocation.api_key is not None:
        environment["__OW_API_KEY"] = invocation.api_key
    return jsontext.encode(_visible(invocation)), jsontext.encode(environment)


def _visible(invocation: Invocation) -> Any:
    """The arguments less init parameters."""
    arguments, hidden = invocation.arguments, invocation.executable.init_parameters
    if hidden and isinstance(arguments, Mapping):
        return {name: value for name, value in arguments.items() if name not in hidden}
    return arguments
