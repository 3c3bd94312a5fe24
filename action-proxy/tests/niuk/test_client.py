"""The client against a real host."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from argo_proxy.sandboxes.niuk import frames
from argo_proxy.sandboxes.niuk.client import CallServer, NiukClient, NiukGone, NiukRefused, OutsideCall
from argo_proxy.sandboxes.niuk.frames import Flag, Status
from argo_proxy.sandboxes.niuk.opening import open_unix

pytestmark = pytest.mark.integration
SECONDS = 20.0


@contextlib.asynccontextmanager
async def connected(program: Path, work: Path, on_call: CallServer | None = None) -> AsyncIterator[NiukClient]:
    """A client of a fresh host, which is killed in the end."""
    socket = work / "socket"
    host = await asyncio.create_subprocess_exec(
        program, "--listen", socket, "--folder", work, "--announce", stdout=asyncio.subprocess.PIPE
    )
    client = None
    try:
        assert host.stdout is not None
        async with asyncio.timeout(SECONDS):
            assert (await host.stdout.readline()).startswith(b"ready")
        client = await open_unix(socket, "guest", seconds=SECONDS, on_call=on_call)
        yield client
    finally:
        if client is not None:
            client.close()
        with contextlib.suppress(ProcessLookupError):
            host.kill()
        await host.communicate()


async def load(client: NiukClient, library: Path) -> bytes:
    digest = hashlib.sha256(await asyncio.to_thread(library.read_bytes)).digest()
    request = frames.Load(digest, frames.Artifact.LIBRARY, verify=True, path=str(library))
    await client.load_path(request, seconds=SECONDS)
    return digest


async def with_function(client: NiukClient, library: Path, **changes: object) -> None:
    digest = await load(client, library)
    await client.init(frames.Init("f", digest, address="/guest/f", **changes))  # type: ignore[arg-type]


def run(params: object, timeout_ms: int = 10_000) -> frames.Run:
    return frames.Run("f", json.dumps(params, separators=(",", ":")).encode(), timeout_ms, 10_000)


async def test_runs_functions_many_at_once(host_program: Path, fake_library: Path, work: Path) -> None:
    async with connected(host_program, work) as client:
        await with_function(client, fake_library)
        done = await asyncio.gather(*(client.run(run({"n": n})) for n in range(200)))
        assert [json.loads(one.result.body)["n"] for one in done] == list(range(200))
        assert client.in_flight == 0
        figures = json.loads(await client.stats(seconds=SECONDS))
        assert figures["functions"][0]["runs"] == 200


async def test_takes_a_library_as_bytes(host_program: Path, fake_library: Path, work: Path) -> None:
    async with connected(host_program, work) as client:
        data = await asyncio.to_thread(fake_library.read_bytes)
        loaded = await client.load_bytes(frames.Artifact.LIBRARY, data, seconds=SECONDS)
        assert not loaded.already
        assert (await client.load_bytes(frames.Artifact.LIBRARY, data, seconds=SECONDS)).already
        await client.init(frames.Init("f", hashlib.sha256(data).digest()))
        assert (await client.run(run({}))).result.status is Status.OK


async def test_hands_over_output_and_records(host_program: Path, fake_library: Path, work: Path) -> None:
    async with connected(host_program, work) as client:
        await with_function(client, fake_library)
        inner = {"do": "print", "text": "inner", "lines": 2}
        done = await client.run(run({"do": "invoke", "name": "f", "params": inner}))
        assert [(log.call, log.stream, log.line) for log in done.logs] == [(1, 1, b"inner")] * 2
        (record,) = done.records
        assert (record.function, record.status, record.result) == ("f", Status.OK, b'{"printed":true}')


async def test_isolates_are_made_ahead_of_invocations(host_program: Path, fake_library: Path, work: Path) -> None:
    async with connected(host_program, work) as client:
        await with_function(client, fake_library)
        await client.grow("f", 5, seconds=SECONDS)
        assert json.loads(await client.stats(seconds=SECONDS))["functions"][0]["idle"] == 5
        with pytest.raises(NiukRefused, match="no such function"):
            await client.grow("nobody", 5, seconds=SECONDS)


async def test_a_cancelled_wait_cancels_the_run(host_program: Path, fake_library: Path, work: Path) -> None:
    async with connected(host_program, work) as client:
        await with_function(client, fake_library, policy=frames.IsolatePolicy(most=1))
        waiting = asyncio.ensure_future(client.run(run({"do": "loop"})))
        while json.loads(await client.stats(seconds=SECONDS))["functions"][0]["busy"] == 0:
            assert not waiting.done()
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        assert (await client.run(run({"x": 1}))).result.body == b'{"x":1}'


async def test_time_limits_come_back_as_results(host_program: Path, fake_library: Path, work: Path) -> None:
    async with connected(host_program, work) as client:
        await with_function(client, fake_library)
        done = await client.run(run({"do": "loop"}, timeout_ms=30))
        assert done.result.status is Status.TIMED_OUT
        assert done.result.timing.flags == Flag.BEGAN


async def test_refusals_carry_the_hosts_words(host_program: Path, work: Path) -> None:
    async with connected(host_program, work) as client:
        with pytest.raises(NiukRefused, match="not loaded") as caught:
            await client.init(frames.Init("f", b"\x07" * 32))
        assert caught.value.status is Status.NOT_LOADED
        with pytest.raises(NiukRefused, match="no such function"):
            await client.drop("nobody", seconds=SECONDS)


async def test_a_crash_reaches_everyone_who_waits(host_program: Path, fake_library: Path, work: Path) -> None:
    async with connected(host_program, work) as client:
        await with_function(client, fake_library)
        waits = [asyncio.ensure_future(client.run(run({"do": "loop"}))) for _ in range(5)]
        waits.append(asyncio.ensure_future(client.run(run({"do": "crash"}))))
        outcomes = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [NiukGone] * 6
        with pytest.raises(NiukGone):
            await client.ping(seconds=SECONDS)


async def test_answers_calls_to_functions_elsewhere(host_program: Path, fake_library: Path, work: Path) -> None:
    async def serve(outside: OutsideCall) -> tuple[int, bytes]:
        call = outside.call
        assert (outside.namespace, outside.environment) == ("guest", b'{"__OW_API_KEY":"k"}')
        return 0, json.dumps({"name": call.name, "params": json.loads(call.params)}).encode()

    async with connected(host_program, work, serve) as client:
        await with_function(client, fake_library)
        calling = run({"do": "invoke", "name": "/other/x", "params": {"q": 1}})
        done = await client.run(replace(calling, environment=b'{"__OW_API_KEY":"k"}'))
        assert json.loads(done.result.body)["result"] == {"name": "/other/x", "params": {"q": 1}}


async def test_a_call_that_cannot_be_served_is_an_error_for_the_function(
    host_program: Path, fake_library: Path, work: Path
) -> None:
    async def serve(outside: OutsideCall) -> tuple[int, bytes]:
        raise ConnectionError(outside.call.name)

    async with connected(host_program, work, serve) as client:
        await with_function(client, fake_library)
        done = await client.run(run({"do": "invoke", "name": "/other/x", "params": {}}))
        assert json.loads(done.result.body)["status"] == Status.FATAL


async def test_another_namespace_is_turned_away(host_program: Path, work: Path) -> None:
    async with connected(host_program, work):
        with pytest.raises(NiukGone, match="another namespace"):
            await open_unix(work / "socket", "other", seconds=SECONDS)


async def test_shutdown_ends_the_connection(host_program: Path, work: Path) -> None:
    async with connected(host_program, work) as client:
        await client.shutdown(grace=1)
        await client.wait_ended(seconds=SECONDS)
        await client.shutdown(grace=1)
