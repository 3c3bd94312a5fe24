"""Clients that never stop: fires, invocations and updates of several tenants, all written down."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from argo_dev.faults.history import Answer, History, Tenant

CODE = """
const http = require('http')
const told = (url) => new Promise((done, failed) =>
  http.get(url, (answer) => { answer.resume(); answer.on('end', done) }).on('error', failed))
async function main(args) {
  await told(args.counter + process.env.__OW_ACTIVATION_ID)
  await new Promise((done) => setTimeout(done, args.ms || 0))
  return { n: args.n, namespace: process.env.__OW_NAMESPACE, secret: args.secret }
}
"""
ACTION = "told"
TRIGGERS = 4
PAUSE_SECONDS = 0.02
_REQUEST = aiohttp.ClientTimeout(total=20)


@asynccontextmanager
async def counting(history: History, host: str) -> AsyncIterator[str]:
    """A server that functions tell that they run; the address to put an activation's id behind."""

    async def ran(request: web.Request) -> web.Response:
        history.runs[request.match_info["id"]] += 1
        return web.Response()

    app = web.Application()
    app.router.add_get("/ran/{id}", ran)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://{host}:{port}/ran/"
    finally:
        await runner.cleanup()


def _said(body: Any) -> str:
    """The reason in an answer that failed: an error's own, or the one in an activation's record."""
    if not isinstance(body, dict):
        return ""
    result = body.get("response", {}).get("result", {})
    return str(body.get("error") or result.get("error") or "")


class Client:
    """One tenant's view of the service."""

    def __init__(self, session: aiohttp.ClientSession, urls: Sequence[str], tenant: Tenant, history: History) -> None:
        self._session = session
        self._urls = urls
        self._headers = {"Authorization": "Basic " + base64.b64encode(tenant.auth.encode()).decode()}
        self._history = history
        self.tenant = tenant

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON; status 0 where no answer came."""
        url = f"{random.choice(self._urls)}/api/v1/namespaces/_/{path}"  # noqa: S311 — not for secrets
        try:
            async with self._session.request(method, url, json=body, headers=self._headers, timeout=_REQUEST) as answer:
                status, content = answer.status, await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            status, content = 0, None
        self._history.statuses[status] += 1
        if status >= 500:
            self._history.failures[status, _said(content)] += 1
        return status, content

    async def deploy(self, counter: str) -> None:
        """The action, until it answers: the first invocation waits for its runtime."""
        parameters = [{"key": "counter", "value": counter}, {"key": "secret", "value": self.tenant.secret}]
        action = {"exec": {"kind": "nodejs:default", "code": CODE}, "parameters": parameters, "limits": {"memory": 128}}
        async with asyncio.timeout(300):
            while (await self.call("PUT", f"actions/{ACTION}?overwrite=true", action))[0] != 200:
                await asyncio.sleep(0.2)
            while (await self.call("POST", f"actions/{ACTION}?blocking=true", {"n": -1}))[0] != 200:
                await asyncio.sleep(0.2)

    async def fire_forever(self) -> None:
        for n in range(10_000_000):
            status, body = await self.call("POST", f"actions/{ACTION}", {"n": n, "ms": n % 50})
            if status == 202:
                self._history.accepted[body["activationId"]] = self.tenant.name
            await asyncio.sleep(PAUSE_SECONDS)

    async def ask_forever(self) -> None:
        for n in range(10_000_000):
            status, body = await self.call("POST", f"actions/{ACTION}?blocking=true&result=true", {"n": n})
            if status == 202:
                self._history.accepted[body["activationId"]] = self.tenant.name
            elif status == 200:
                self._history.answers.append(Answer(self.tenant.name, n, body))
            await asyncio.sleep(PAUSE_SECONDS)

    async def update_forever(self) -> None:
        for n in range(10_000_000):
            name = f"t{n % TRIGGERS}"
            updates = self._history.update(self.tenant.name, name)
            updates.sent = n
            body = {"parameters": [{"key": "n", "value": n}]}
            status, _ = await self.call("PUT", f"triggers/{name}?overwrite=true", body)
            if status == 200:
                updates.acknowledged = n
            await asyncio.sleep(PAUSE_SECONDS)

    async def value(self, trigger: str) -> int | None:
        """What the trigger was last given; None where it is not there."""
        status, body = await self.call("GET", f"triggers/{trigger}")
        if status == 404:
            return None
        if status != 200:
            raise RuntimeError(f"a trigger cannot be read after all is quiet: {status}")
        return int(next(pair["value"] for pair in body["parameters"] if pair["key"] == "n"))

    async def records(self) -> list[str]:
        """Ids of all records, newest first."""
        found: list[str] = []
        while True:
            status, page = await self.call("GET", f"activations?limit=200&skip={len(found)}")
            if status != 200:
                raise RuntimeError(f"records cannot be listed after all is quiet: {status}")
            found += [record["activationId"] for record in page]
            if len(page) < 200:
                return found
