"""State of one action: ready → initialised | failed; answers /init and /run.

An action has `load(code, main, *, binary)`, which raises InitError or whatever the code raises, and `call(args)`, which
gives (status, JSON bytes).
"""

import json
import os
import sys

from argo_launcher.http_server import Connection, listening_socket, serve, serve_connections, serve_threaded
from argo_launcher.log_marker import LogMarker
from argo_launcher.run_variables import RunVariables

DEFAULT_ADDRESS = "tcp:0.0.0.0:8080"
NOT_A_DICTIONARY = "The action did not return a dictionary or array."


class InitError(Exception):
    """Why an action cannot be initialised, for its author."""


def failure(status, error):
    return status, json.dumps({"error": error}).encode()


class Launcher:
    """`route` is what the HTTP server calls."""

    def __init__(self, action):
        self._state = "ready"
        self._action = action
        self._marker = LogMarker()
        self._variables = RunVariables()

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
            self._action.load(value["code"], value.get("main") or "main", binary=bool(value.get("binary")))
        except Exception as error:
            self._state = "failed"
            show(error)
            self._marker.mark()
            reason = str(error) if isinstance(error, InitError) else f"{type(error).__name__}: {error}"
            return failure(502, f"Initialization has failed due to: {reason}")
        self._state = "initialised"
        return 200, b'{"ok":true}'

    def _run(self, message):
        if self._state != "initialised":
            return failure(403, f"System not ready, status is {self._state}.")
        self._variables.publish(message)
        try:
            return self._action.call(message.get("value", {}))
        finally:
            self._marker.mark()


def show(error):
    """Prints an exception of the user's code, however broken, where its author looks for it."""
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


def _exiting_with_the_function(route):
    """In a thread sys.exit() would end only the thread; a function that calls it means the process."""

    def routed(path, body):
        try:
            return route(path, body)
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))

    return routed


def start(action, *, threaded, streams=None):
    """Serves until the process is ended: on `streams`, connections that are there already, else on ARGO_LISTEN."""
    offer_client()
    launcher = Launcher(action)
    if streams is not None:
        connections = [Connection(peer) for peer in streams]
        route = _exiting_with_the_function(launcher.route) if threaded else launcher.route
        serve_connections(connections, route, threaded=threaded)
        return
    listener = listening_socket(os.environ.get("ARGO_LISTEN") or DEFAULT_ADDRESS)
    if threaded:
        serve_threaded(listener, _exiting_with_the_function(launcher.route))
    else:
        serve(listener, launcher.route)


def offer_client():
    """`import argo` finds our client, unless the function brings an `argo` of its own."""
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "client"))


def overlapping_runs():
    """Whether more than one /run may be under way."""
    return int(os.environ.get("ARGO_CONCURRENCY") or 1) > 1
