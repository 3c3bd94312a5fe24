"""State of one action: ready → initialised | failed; answers /init and /run."""

import json
import os
import sys

from argo_launcher.action import Caller, InitError, load_handler
from argo_launcher.http_server import listening_socket, serve, serve_threaded
from argo_launcher.log_marker import LogMarker

DEFAULT_ADDRESS = "tcp:0.0.0.0:8080"
RUN_FIELDS = tuple(
    (field, f"__OW_{field.upper()}")
    for field in (
        "namespace",
        "action_name",
        "action_version",
        "activation_id",
        "transaction_id",
        "deadline",
        "api_key",
    )
)
NOT_A_DICTIONARY = "The action did not return a dictionary or array."


def failure(status, error):
    return status, json.dumps({"error": error}).encode()


class Launcher:
    """`route` is what the HTTP server calls."""

    def __init__(self, *, threaded):
        self._state = "ready"
        self._handler = None
        self._call = Caller(threaded=threaded)
        self._marker = LogMarker()

    def route(self, path, body):
        if path not in ("/init", "/run"):
            return failure(404, "The requested resource could not be found.")
        try:
            message = json.loads(body)
            if not isinstance(message, dict):
                raise ValueError("a JSON object is expected")
        except (ValueError, RecursionError) as error:
            return failure(400, f"The request content was malformed: {error}")
        return self._run(message) if path == "/run" else self._init(message.get("value"))

    def _init(self, value):
        if self._state != "ready":
            return failure(403, "Cannot initialize the action more than once.")
        if not _is_init(value):
            return failure(403, "Missing main/no code to execute.")
        self._state = "starting"
        try:
            for name, text in (value.get("env") or {}).items():
                os.environ[name] = text if isinstance(text, str) else json.dumps(text)
            self._handler = load_handler(value["code"], value.get("main") or "main", binary=bool(value.get("binary")))
            self._call.prepare(self._handler)
        except Exception as error:
            self._state = "failed"
            self._show(error)
            self._marker.mark()
            reason = str(error) if isinstance(error, InitError) else f"{type(error).__name__}: {error}"
            return failure(502, f"Initialization has failed due to: {reason}")
        self._state = "initialised"
        return 200, b'{"ok":true}'

    def _run(self, message):
        if self._state != "initialised":
            return failure(403, f"System not ready, status is {self._state}.")
        environment = os.environ
        for field, variable in RUN_FIELDS:
            value = message.get(field)
            if value is not None:
                environment[variable] = str(value)
        try:
            return self._answer(message.get("value", {}))
        finally:
            self._marker.mark()

    def _answer(self, args):
        # An exception is an answer of the function, as in OpenWhisk's Python runtimes: {"error": text}, status 200.
        try:
            result = self._call(self._handler, args)
        except Exception as error:
            self._show(error)
            return failure(200, _text(error))
        if not isinstance(result, (dict, list, tuple)):
            print(f"Result must be a dictionary or an array but has type '{type(result).__name__}'", file=sys.stderr)
            return failure(502, NOT_A_DICTIONARY)
        try:
            return 200, json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            self._show(error)
            return failure(502, f"{NOT_A_DICTIONARY} {error}")

    @staticmethod
    def _show(error):
        import traceback

        try:
            traceback.print_exception(error, file=sys.stderr)
        except Exception:
            os.write(2, b"an exception that cannot be shown\n")


def _is_init(value):
    return (
        isinstance(value, dict)
        and isinstance(value.get("code"), str)
        and bool(value["code"])
        and isinstance(value.get("main", ""), str)
    )


def _text(error):
    try:
        return str(error)
    except Exception:
        return type(error).__name__


def _exiting_with_the_function(route):
    """In a thread sys.exit() would end only the thread; a function that calls it means the process."""

    def routed(path, body):
        try:
            return route(path, body)
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))

    return routed


def main():
    threaded = int(os.environ.get("ARGO_CONCURRENCY") or 1) > 1
    launcher = Launcher(threaded=threaded)
    listener = listening_socket(os.environ.get("ARGO_LISTEN") or DEFAULT_ADDRESS)
    if threaded:
        serve_threaded(listener, _exiting_with_the_function(launcher.route))
    else:
        serve(listener, launcher.route)
