"""A test's own corner of a namespace: unique names, calls with the namespace's key, and a clean-up at its end."""

import asyncio
import base64
import time
import uuid
from collections.abc import Callable, Mapping
from io import BytesIO
from json import dumps
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from blackbox.answer import Answer, expect_ok

API = "/api/v1"
NODE = "nodejs:default"
ECHO = "function main(args) { return args }"
SETTLE_SECONDS = 30.0
_DELETION_ORDER = ("rules", "triggers", "actions", "packages")


async def eventually(probe: Callable[[], Any], what: str, seconds: float = SETTLE_SECONDS) -> Any:
    """What `probe` (a coroutine function) gives once it is neither None nor False; asserts that it came in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = await probe()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.1)


def basic(key: str) -> str:
    """The Authorization header of a key `uuid:secret`."""
    return "Basic " + base64.b64encode(key.encode()).decode()


class Workspace:
    """Calls made with one key. What it creates, `clean` deletes; its names are like no other's."""

    def __init__(self, http: aiohttp.ClientSession, apihost: str, key: str, namespace: str = "_") -> None:
        self.http = http
        self.apihost = apihost.rstrip("/")
        self.key = key
        self.namespace = namespace
        self._prefix = "t" + uuid.uuid4().hex[:10]
        self._names = 0
        self._created: set[tuple[str, str]] = set()

    # names and paths

    def name(self, word: str = "x") -> str:
        self._names += 1
        return f"{self._prefix}-{word}{self._names}"

    def path(self, collection: str, name: str = "", namespace: str = "_") -> str:
        tail = f"/{quote(name, safe='/')}" if name else ""
        return f"{API}/namespaces/{quote(namespace)}/{collection}{tail}"

    def web(self, rest: str) -> str:
        """The path of a web action of this namespace, `rest` being `package/action.ext/…`."""
        return f"{API}/web/{self.namespace}/{rest}"

    def created(self, collection: str, name: str) -> None:
        """Delete this at the end as well."""
        self._created.add((collection, name))

    # calls

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        auth: str | None = "own",
    ) -> Answer:
        """One request. `auth`: "own" sends this workspace's key, None nothing, anything else is sent as the key."""
        url = self.apihost + path
        if query:
            url += "?" + urlencode({k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items()})
        sent = dict(headers or {})
        if auth is not None:
            sent["Authorization"] = basic(self.key if auth == "own" else auth)
        began = time.monotonic()
        if json is not None:
            data = dumps(json).encode()
            sent.setdefault("Content-Type", "application/json")
        if isinstance(data, bytes):
            data = BytesIO(data)
        async with self.http.request(
            method, URL(url, encoded=True), headers=sent, allow_redirects=False, data=data
        ) as response:
            raw = await response.read()
            return Answer(response.status, response.headers.copy(), raw, time.monotonic() - began)

    async def get(self, collection: str, name: str = "", /, **query: Any) -> Answer:
        return await self.call("GET", self.path(collection, name), query=query)

    async def put(self, collection: str, name: str, body: Any, **query: Any) -> Answer:
        answer = await self.call("PUT", self.path(collection, name), query=query, json=body)
        if answer.status == 200:
            self.created(collection, name)
        return answer

    async def post(self, collection: str, name: str, body: Any = None, **query: Any) -> Answer:
        return await self.call("POST", self.path(collection, name), query=query, json=body)

    async def delete(self, collection: str, name: str, **query: Any) -> Answer:
        return await self.call("DELETE", self.path(collection, name), query=query)

    # actions

    async def action(self, code: str = ECHO, *, name: str = "", kind: str = NODE, **fields: Any) -> str:
        """A new action; `fields` join the body, those of `exec` (main, image …) are under `exec`. Its name."""
        name = name or self.name("action")
        execution = {"kind": kind, "code": code, **fields.pop("exec", {})}
        expect_ok(await self.put("actions", name, {"exec": execution, **fields}, overwrite=True))
        return name

    async def sequence(self, *components: str, name: str = "", **fields: Any) -> str:
        name = name or self.name("sequence")
        execution = {"kind": "sequence", "components": [self.fqn(each) for each in components]}
        expect_ok(await self.put("actions", name, {"exec": execution, **fields}, overwrite=True))
        return name

    def fqn(self, name: str) -> str:
        return name if name.startswith("/") else f"/_/{name}"

    async def invoke(self, name: str, payload: Any = None, **query: Any) -> Answer:
        """A blocking invocation (unless the query says otherwise), tried again in the next minute when throttled."""
        namespace, name = name[1:].split("/", 1) if name.startswith("/") else ("_", name)
        path = self.path("actions", name, namespace)
        for _ in range(3):
            answer = await self.call(
                "POST", path, query={"blocking": True} | query, json={} if payload is None else payload
            )
            if answer.status != 429:
                break
            await asyncio.sleep(61 - time.time() % 60)
        return answer

    async def patience(self) -> int:
        """A time limit (ms) that a start keeps well on this service, as busy as it is now: five times one start."""
        began = time.monotonic()
        await self.result(await self.action())
        return max(1000, int((time.monotonic() - began) * 5000))

    async def result(self, name: str, payload: Any = None) -> Any:
        """The result of an invocation that must succeed."""
        return expect_ok(await self.invoke(name, payload, result=True))

    # activations

    async def activation(self, activation_id: str, seconds: float = SETTLE_SECONDS) -> dict[str, Any]:
        """The stored record, once it is there."""

        async def probe() -> Any:
            answer = await self.get("activations", activation_id)
            return answer.json if answer.status == 200 else None

        return await eventually(probe, f"the record of {activation_id}", seconds)

    async def log_lines(self, activation_id: str, wanted: int = 1) -> list[str]:
        """The record's log, once it has at least `wanted` lines."""
        await self.activation(activation_id)

        async def probe() -> Any:
            lines = expect_ok(await self.get("activations", f"{activation_id}/logs"))["logs"]
            return lines if len(lines) >= wanted else None

        return await eventually(probe, f"{wanted} log lines of {activation_id}")

    async def activations_of(self, name: str, wanted: int = 1, seconds: float = SETTLE_SECONDS) -> list[dict[str, Any]]:
        """The records of an action or trigger, newest first, once there are at least `wanted`."""

        async def probe() -> Any:
            found = expect_ok(await self.get("activations", name=name, docs=True, limit=200))
            return found if len(found) >= wanted else None

        return await eventually(probe, f"{wanted} activations of {name}", seconds)

    # end

    async def clean(self) -> None:
        """Delete all that was created; what is gone already is no error."""
        for collection in _DELETION_ORDER:
            names = sorted(name for kind, name in self._created if kind == collection)
            query = {"force": True} if collection == "packages" else {}
            answers = await asyncio.gather(*(self.delete(collection, name, **query) for name in names))
            for name, answer in zip(names, answers, strict=True):
                assert answer.status in {200, 404, 409}, f"cleaning {collection}/{name}: {answer}"
        self._created.clear()
