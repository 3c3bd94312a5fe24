"""The same `argo.invoke` where functions are ordinary sandboxes: out of one, over the API, into another, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from argo_dev.client import Client
from argo_dev.service import fresh_service

from . import rivals
from .pairs import Relay
from .parts import MAIN, JavaParts

_KIND_SECONDS = 120.0
_ROOM = 8 << 20  # bytes, for a mebibyte of payload and what is around it


@asynccontextmanager
async def argo_invoke(java: JavaParts, technology: str) -> AsyncIterator[Relay]:
    """Function f calls function g, both on HotSpot in sandboxes of `technology`, through a service of their own."""
    settings = {"runtimes.kinds": rivals.JAVA, "limits.payload_bytes": _ROOM, "limits.result_bytes": _ROOM}
    flags = ["--sandbox", technology, "--log-level", "warning"]
    for name, value in settings.items():
        flags += ["--set", f"{name}={value}"]
    async with AsyncExitStack() as stack:
        service = stack.enter_context(fresh_service(*flags))
        client = Client(service)
        await asyncio.to_thread(client.wait_for_kinds, {rivals.JAVA}, _KIND_SECONDS)
        code = {"kind": rivals.JAVA, "code": rivals.Code.of_jar(java.jar, MAIN).text, "binary": True, "main": MAIN}
        more = {"limits": {"timeout": 300_000}, "annotations": [{"key": "provide-api-key", "value": True}]}
        for name in ("f", "g"):
            await asyncio.to_thread(client.put_action, name, code, **more)

        async def relay(size: int, calls: int) -> list[float]:
            params = {"f": "relay", "to": "/_/g", "rounds": calls, "bytes": size}
            answer = await asyncio.to_thread(client.invoke, "f", params)
            if not answer["response"]["success"]:
                raise RuntimeError(f"the relay over the API answered {str(answer['response'])[:500]}")
            return [each / 1e9 for each in answer["response"]["result"]["ns"]]

        yield relay
