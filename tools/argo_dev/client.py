"""The few calls of the action API that benches need, blocking."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from typing import Any

from argo_dev.service import Service

CALL_SECONDS = 120


class CallError(Exception):
    """The service answered with an error status."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:500]}")
        self.status = status


class Client:
    """Calls in the guest namespace of `service`."""

    def __init__(self, service: Service) -> None:
        self._url = service.url
        self._auth = "Basic " + base64.b64encode(service.auth.encode()).decode()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """`path` below the namespace, e.g. "actions/echo". CallError on a status of 400 or above."""
        url = path if path.startswith("/") else f"/api/v1/namespaces/_/{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": self._auth, "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + url, data=data, method=method, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:  # noqa: S310  # loopback
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise CallError(error.code, error.read().decode(errors="replace")) from error

    def put_action(self, name: str, code: Mapping[str, Any], **fields: Any) -> None:
        """`code`: the action's `exec`; `fields`: limits, annotations, …"""
        self.call("PUT", f"actions/{name}?overwrite=true", {"exec": code, **fields})

    def invoke(self, name: str, arguments: Any = None) -> dict[str, Any]:
        """The whole activation of a blocking invocation."""
        answer: dict[str, Any] = self.call("POST", f"actions/{name}?blocking=true", arguments or {})
        return answer

    def invoke_once_ready(self, name: str, seconds: float) -> dict[str, Any]:
        """`invoke`, again and again while the runtime is still being made usable (503)."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.invoke(name)
            except CallError as error:
                if error.status != 503 or time.monotonic() > deadline:
                    raise
            time.sleep(0.5)

    def wait_for_kinds(self, kinds: Collection[str], seconds: float) -> None:
        """Until each of `kinds` is usable; CallError with what is not, and why, when it takes longer."""
        deadline = time.monotonic() + seconds
        while True:
            late = [state for state in self.status()["runtimes"] if state["kind"] in kinds and not state["ready"]]
            if not late:
                return
            if time.monotonic() > deadline:
                raise CallError(503, f"not usable after {seconds:.0f} s: {late}")
            time.sleep(0.5)

    def status(self) -> dict[str, Any]:
        """Sandboxes, runtimes and the pool, as `argofn doctor` sees them."""
        answer: dict[str, Any] = self.call("GET", "/api/v1/argo/status")
        return answer
