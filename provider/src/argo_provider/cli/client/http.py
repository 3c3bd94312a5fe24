"""Requests to the service: JSON in and out, errors as `ClientError`, streams for events."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from argo_provider import __version__
from argo_provider.cli.client.failures import Misused, Refused, unreachable
from argo_provider.cli.client.properties import Properties

if TYPE_CHECKING:
    import urllib3

CONNECT_SECONDS = 10.0
READ_SECONDS = 70.0  # a blocking invocation is answered within 60
Query = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body parsed; None if it is empty. Refused if it is no JSON: then this is no such service."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except ValueError as error:
            shown = self.body[:80].decode(errors="replace")
            raise Refused(self.status, f"the answer is no JSON, so this is no OpenWhisk service: {shown}") from error


def segment(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")


class Api:
    """A service, reached with these properties. `waiting`: what to show while a request takes its time."""

    def __init__(
        self,
        properties: Properties,
        *,
        verbose: bool = False,
        waiting: AbstractContextManager[object] | None = None,
    ) -> None:
        if not properties.apihost:
            raise Misused(
                "no API host is set",
                "argofn property set --apihost http://127.0.0.1:3233 --auth UUID:SECRET, or --apihost each time",
            )
        self.properties = properties
        self._verbose = verbose
        self._waiting = waiting or nullcontext()
        self._pool: urllib3.PoolManager | None = None

    def json(self, method: str, path: str, *, query: Query | None = None, body: Any = None, **options: Any) -> Any:
        """The parsed answer of a request that must succeed; Refused if it does not."""
        return checked(self.send(method, path, query=query, body=body, **options)).json()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        authorised: bool = True,
        headers: Mapping[str, str] | None = None,
        seconds: float = READ_SECONDS,
    ) -> Answer:
        """Any answer, whatever its status. Unreachable if there is none."""
        import urllib3  # noqa: PLC0415  # --help answers without it

        url = self.properties.url + path + encoded(query)
        sent = self._headers(authorised=authorised) | dict(headers or {})
        data = None if body is None else json.dumps(body, separators=(",", ":"))
        if data is not None:
            sent["Content-Type"] = "application/json"
        self._say(f"{method} {url}", data)
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds)
        try:
            with self._waiting:
                got = self.pool().request(method, url, body=data, headers=sent, timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self.properties.url, reason_of(error)) from error
        except ValueError as error:
            raise Misused(f"{self.properties.apihost} is no address: {error}", "--apihost http://HOST:PORT") from error
        self._say(f"{got.status} {got.headers.get('X-Request-ID', '')}", got.data.decode(errors="replace"))
        return Answer(got.status, {key.lower(): value for key, value in got.headers.items()}, got.data)

    def stream(self, path: str, *, query: Query, headers: Mapping[str, str], seconds: float) -> Any:
        """An answer whose body comes bit by bit (a urllib3 response); Refused or Unreachable if it does not begin."""
        import urllib3  # noqa: PLC0415

        url = self.properties.url + path + encoded(query)
        self._say(f"GET {url}", None)
        try:
            got = self.pool().request(
                "GET",
                url,
                headers=self._headers(authorised=True) | dict(headers),
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self.properties.url, reason_of(error)) from error
        if got.status != 200:
            checked(Answer(got.status, {}, got.read()))
        return got

    def pool(self) -> urllib3.PoolManager:
        if self._pool is None:
            self._pool = _new_pool(self.properties)
        return self._pool

    def _headers(self, *, authorised: bool) -> dict[str, str]:
        headers = {"User-Agent": f"argofn/{__version__}", "Accept": "application/json"}
        if authorised:
            if not self.properties.auth:
                raise Misused("no key is set", "argofn property set --auth UUID:SECRET, or --auth with each command")
            headers["Authorization"] = "Basic " + base64.b64encode(self.properties.auth.encode()).decode()
        return headers

    def _say(self, line: str, body: str | None) -> None:
        if self._verbose:
            sys.stderr.write(f"{line}\n" + (f"  {body[:4000]}\n" if body else ""))


def _new_pool(properties: Properties) -> urllib3.PoolManager:
    import urllib3  # noqa: PLC0415

    options: dict[str, Any] = {"retries": urllib3.Retry(total=0, redirect=3), "maxsize": 16}
    if properties.insecure:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        options["cert_reqs"] = "CERT_NONE"
        options["assert_hostname"] = False
    if properties.cert:
        options |= {"cert_file": properties.cert, "key_file": properties.key or None}
    return urllib3.PoolManager(**options)


def reason_of(error: BaseException) -> str:
    """What is at the bottom of a failure that was wrapped on its way."""
    inner = getattr(error, "reason", None)
    return reason_of(inner) if isinstance(inner, BaseException) else str(error)


def encoded(query: Query | None) -> str:
    """`?a=1&b=true`; what is None is left out."""
    given = {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in (query or {}).items()
        if value is not None
    }
    return f"?{urlencode(given, quote_via=quote)}" if given else ""


def checked(answer: Answer) -> Answer:
    """The same answer if it tells success; else Refused, with the service's own words."""
    if answer.status < 400:
        return answer
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), str):
        raise Refused(answer.status, body["error"], str(body.get("code") or ""))
    shown = answer.body[:200].decode(errors="replace").strip()
    raise Refused(answer.status, f"the service answered {answer.status}" + (f": {shown}" if shown else ""))
