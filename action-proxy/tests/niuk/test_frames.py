"""The codec against the Rust one's vectors, and against anything at all."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_proxy.sandboxes.niuk import frames, reports
from argo_proxy.sandboxes.niuk.frames import Flag, Status
from argo_proxy.sandboxes.niuk.framing import MAX_PAYLOAD, Decoder, Frame, FrameError

VECTORS = Path(__file__).resolve().parents[3] / "niuk-runtime" / "host" / "tests" / "vectors.txt"
TIMING = reports.Timing(Flag.BEGAN | Flag.COLD, 1_700_000_000_000_000_001, 2, 3, 4, 5)

pytestmark = pytest.mark.unit

REQUESTS: dict[str, frames.Request] = {
    "hello": frames.Hello("guest", serves_calls=True),
    "ping": frames.Ping(),
    "load_library": frames.Load(b"\xab" * 32, frames.Artifact.LIBRARY, verify=True, size=12, path="/lib/hello.so"),
    "load_code": frames.Load(b"\x01" * 32, frames.Artifact.CODE, size=1 << 40),
    "chunk": frames.Chunk(1 << 33, bytes((0, 255, 7))),
    "unload": frames.Unload(b"\x02" * 32),
    "init": frames.Init(
        "/guest/hello@7",
        b"\xab" * 32,
        address="/guest/hello",
        request=b'{"name":"hello","heap":134217728}',
        heap_limit=134_217_728,
        init_timeout_ms=60_000,
        run_timeout_ms=30_000,
        log_limit=10 << 20,
        defaults=b'{"greeting":"hi"}',
        call_environment=b'{"__OW_ACTION_NAME":"/guest/hello"}',
        policy=frames.IsolatePolicy(1, 32, 256, 1000, 60_000, 1 << 30, recycle_threads=True, patience_ms=20),
    ),
    "run": frames.Run(
        "/guest/hello@7", '{"name":"Zoë"}'.encode(), 60_000, 5_000, environment=b'{"__OW_ACTIVATION_ID":"0123"}'
    ),
    "chain": frames.Chain(
        1 << 20,
        (
            frames.Run(
                "/guest/hello@7", '{"name":"Zoë"}'.encode(), 60_000, 5_000, environment=b'{"__OW_ACTIVATION_ID":"0123"}'
            ),
            frames.Run(
                "/guest/bye@2", b'{"greeting":"bye"}', 60_000, 5_000, environment=b'{"__OW_ACTIVATION_ID":"0123"}'
            ),
        ),
    ),
    "cut": frames.Cut(78),
    "cancel": frames.Cancel(2**64 - 1),
    "stats": frames.Stats(),
    "shutdown": frames.Shutdown(1500),
    "call_result": frames.CallResult(0, b"{}"),
    "drop": frames.Drop("/guest/hello@7"),
    "grow": frames.Grow("/guest/hello@7", 300),
    "reseed": frames.Reseed(1_700_000_000_000_000_000, b"\x09" * 32),
}
REPORTS: dict[str, tuple[int, reports.Report]] = {
    "ok": (1, reports.Ok()),
    "welcome": (1, reports.Welcome(1, 1, 42, 1_000_000, MAX_PAYLOAD, 4096, "0.5.0")),
    "pong": (2, reports.Pong(3)),
    "loaded": (3, reports.Loaded(already=True, took_ns=4)),
    "ready": (4, reports.Ready(5, 6, 7)),
    "result": (5, reports.Result(Status.TIMED_OUT, TIMING, b'{"error":"late"}')),
    "figures": (6, reports.Figures(b'{"pid":1}')),
    "failed": (7, reports.Failed(Status.NOT_LOADED, b'{"error":"no"}')),
    "log": (8, reports.Log(0, 2, 9, b"caf\xc3\xa9 \xff")),
    "record": (
        9,
        reports.Record(
            1, 0, 1, "0123456789abcdef0123456789abcdef", "/guest/hello@7", Status.OK, TIMING, b'{"ok":true}'
        ),
    ),
    "call": (10, reports.Call(11, 12, 13, "other", b"{}")),
    "notice": (0, reports.Notice("/guest/hello@7", "stuck")),
    "begins": (12, reports.Begins("/guest/hello@7")),
    "error": (0, reports.Error("not a NIUk frame")),
}


def vectors() -> dict[str, bytes]:
    lines = (line.split() for line in VECTORS.read_text().splitlines())
    return {name: bytes.fromhex(digits) for name, digits in lines}


def test_the_two_sides_know_the_same_frames() -> None:
    assert set(vectors()) == set(REQUESTS) | set(REPORTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_are_encoded_as_the_host_reads_them(name: str) -> None:
    assert frames.encode(REQUESTS[name], 77).hex() == vectors()[name].hex()


@pytest.mark.parametrize("name", REPORTS)
def test_reports_are_parsed_as_the_host_writes_them(name: str) -> None:
    (frame,) = Decoder().feed(vectors()[name])
    assert (frame.identity, reports.parse(frame)) == REPORTS[name]


@pytest.mark.parametrize("name", REPORTS)
def test_every_cut_and_every_extra_byte_is_malformed(name: str) -> None:
    (frame,) = Decoder().feed(vectors()[name])
    for length in range(len(frame.payload)):
        with pytest.raises(FrameError):
            reports.parse(Frame(frame.kind, 0, frame.payload[:length]))
    with pytest.raises(FrameError):
        reports.parse(Frame(frame.kind, 0, frame.payload + b"\0"))


@given(st.lists(st.integers(1, 400)))
def test_a_stream_may_be_cut_anywhere(cuts: list[int]) -> None:
    stream = b"".join(vectors().values())
    decoder, found, at = Decoder(), [], 0
    for cut in [*cuts, len(stream)]:
        found += decoder.feed(stream[at : at + cut])
        at = min(at + cut, len(stream))
    assert [frame.identity for frame in found] == [
        int.from_bytes(vector[8:16], "little") for vector in vectors().values()
    ]


@given(st.integers(0, 255), st.binary(max_size=200))
def test_any_payload_is_parsed_or_refused(kind: int, payload: bytes) -> None:
    with contextlib.suppress(FrameError):
        reports.parse(Frame(kind, 1, payload))


@given(st.binary(min_size=16, max_size=64))
def test_any_bytes_are_frames_or_refused(data: bytes) -> None:
    if data[:3] != b"NK\x01":
        with pytest.raises(FrameError):
            list(Decoder().feed(data))


def test_what_no_frame_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="payload"):
        frames.encode(frames.CallResult(0, bytes(MAX_PAYLOAD)), 1)
    with pytest.raises(ValueError, match="32 bytes"):
        frames.encode(frames.Unload(b"short"), 1)
    with pytest.raises(FrameError, match="limit"):
        list(Decoder().feed(b"NK\x01\x80\xff\xff\xff\xff" + bytes(8)))
