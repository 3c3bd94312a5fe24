"""Checks through a running service, or of what it would find at its start."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from argo_provider.cli.bootstrap import GUEST_KEY, SYSTEM
from argo_provider.cli.findings import Finding, good, problem, warning
from argo_provider.model.identity import NamespaceRecord
from argo_provider.settings import Secret, Settings
from argo_provider.settings.address import is_loopback

ASK_SECONDS = 5
Status = Mapping[str, Any]


class Unreachable(Exception):  # no failure: often there is just no service yet
    """Nothing of ours answers at that address; `str()` says what does."""


def ask(url: str, token: Secret | None = None) -> Status:
    """The status of the service at `url`; Unreachable if there is none. `token`: its metrics token, if it has one."""
    _get(url, "/ping")
    try:
        status: Status = json.loads(_get(url, "/api/v1/argo/status", token))
    except ValueError as error:
        raise Unreachable(f"what answers at {url} is not this service") from error
    return status


def _get(url: str, path: str, token: Secret | None = None) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise Unreachable(f"{url} is no http:// or https:// address")
    headers = {} if token is None else {"Authorization": f"Bearer {token.reveal()}"}
    request = urllib.request.Request(url + path, headers=headers)  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:  # noqa: S310
            body: bytes = answer.read(1 << 20)
            return body
    except urllib.error.HTTPError as error:
        raise Unreachable(f"{url}{path} answers {error.code}") from error
    except (OSError, ValueError) as error:
        raise Unreachable(f"nothing answers at {url}: {getattr(error, 'reason', error)}") from error


def service_checks(url: str, status: Status) -> Iterator[Finding]:
    """What the running service says of itself."""
    if status.get("draining"):
        yield warning("service", f"{url} is stopping", "wait for it, then: argofn serve")
    else:
        yield good("service", f"{url} answers, version {status.get('version')}")
    yield from _sandboxes(status.get("sandboxes", ()))
    for runtime in status.get("runtimes", ()):
        yield _runtime(runtime)
    if status.get("hibernation") is not None:
        yield _hibernation(status["hibernation"])
    for part in status.get("native", ()):
        yield _native(part)


def _hibernation(missing: str) -> Finding:
    """It needs nothing to serve functions: they hold more memory while they idle."""
    if not missing:
        return good("hibernation", "idle sandboxes are put out to swap")
    return good("hibernation", f"off: {missing} (--set hibernation.swap_mb=2048 makes a swap file)")


def _native(part: Mapping[str, Any]) -> Finding:
    """Of what hot functions take to move: made when the first of them wants it."""
    subject = f"native: {part['part']}"
    if part["state"] == "failed":
        return warning(subject, part["error"], "mend that: functions stay on their ordinary runtimes until then")
    if part["state"] == "preparing":
        return good(subject, f"being made ready: {part['step']}")
    return good(subject, "ready" if part["state"] == "ready" else "not made yet: no function has wanted it")


def _sandboxes(reports: Any) -> Iterator[Finding]:
    one_works = any(report["available"] for report in reports)
    for report in reports:
        subject, fix = f"{report['kind']} sandbox", report.get("fix") or "see the service's log"
        degraded = "; ".join(report.get("degraded", ()))
        if report["available"]:
            yield warning(subject, degraded, fix) if degraded else good(subject, "works")
        elif one_works:
            yield good(subject, f"not used: {report['reason']}")
        else:
            yield problem(subject, report["reason"], fix)


def _runtime(runtime: Mapping[str, Any]) -> Finding:
    subject = f"{runtime['kind']} as {runtime['sandbox']}"
    if runtime.get("error"):
        return warning(subject, runtime["error"], "mend that, then restart the service")
    if not runtime["ready"]:
        return warning(
            subject, f"being made ready: {runtime.get('step') or 'waiting'}", "wait: functions of it answer 503"
        )
    return good(subject, "ready")


def keys(records: list[NamespaceRecord], settings: Settings) -> Finding:
    """That there is a key to call with, and that none of them is open to the network."""
    own = [record for record in records if record.namespace != SYSTEM]
    if not own:
        return good("keys", "the first start will make a namespace and show its key")
    public = [r.namespace for r in own if (r.key_id, r.secret_sha256) == (GUEST_KEY.id, GUEST_KEY.secret_sha256)]
    if public and not is_loopback(settings.server.host):
        detail = f"namespace {public[0]} has the publicly known test key, and {settings.server.host} is not loopback"
        return problem("keys", detail, f"argofn namespace rotate {public[0]}")
    note = f", {public[0]} with the public test key (loopback only)" if public else ""
    return good("keys", f"{len(own)} namespace{'s' if len(own) > 1 else ''}{note}")


def runtimes() -> Iterator[Finding]:
    """Which languages are ready while no service runs; it would make the others so."""
    from argo_proxy.runtimes import default_tools_directory, load_catalogue, probe_host  # noqa: PLC0415  # only here

    found = asyncio.run(probe_host(load_catalogue(), default_tools_directory()))
    for kind, probed in sorted(found.items()):
        if probed.available:
            yield good(kind, probed.version or "ready")
        else:
            yield warning(kind, probed.reason, "argofn serve makes it ready in the background")
