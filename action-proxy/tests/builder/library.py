"""Drives a function library through the C interface, as the host does; for tests."""

from __future__ import annotations

import ctypes
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OK, DEVELOPER_ERROR, MISSING, UNSUPPORTED, OUT_OF_MEMORY, CANCELLED, EXITED, BAD_REQUEST, FATAL = range(9)
_STACK_BYTES = 4 << 20
_OUTPUT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint64)


class _Reply(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_uint64)]


_INVOKE = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.POINTER(_Reply),
)
_RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_Reply))


class _Host(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint64),
        ("context", ctypes.c_void_p),
        ("output", _OUTPUT),
        ("invoke", _INVOKE),
        ("release", _RELEASE),
    ]


class _Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("used", "committed", "limit", "peak", "collections", "threads")]


@dataclass(frozen=True, slots=True)
class Answer:
    """A status of the C interface and the JSON object that came with it."""

    status: int
    reply: dict[str, Any]
    raw: bytes


class Library:
    """A loaded function library."""

    def __init__(self, path: Path) -> None:
        self.functions = ctypes.CDLL(str(path), mode=2)  # RTLD_NOW | RTLD_LOCAL

    def isolate(self) -> Isolate:
        return Isolate(self)


@dataclass
class Isolate:
    """One isolate, used by one thread at a time; `output` collects (invocation, stream, bytes)."""

    library: Library
    output: list[tuple[int, int, bytes]] = field(default_factory=list)
    invoked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._isolate, self._thread = ctypes.c_void_p(), ctypes.c_void_p()
        made = self.library.functions.graal_create_isolate(
            None, ctypes.byref(self._isolate), ctypes.byref(self._thread)
        )
        assert made == 0, f"graal_create_isolate gave {made}"
        self._owner = threading.get_ident()
        self._keep: list[Any] = []
        self._host = _Host(
            ctypes.sizeof(_Host), None, _OUTPUT(self._write), _INVOKE(self._call), _RELEASE(lambda *_: None)
        )

    def _write(self, _context: Any, invocation: int, stream: int, data: int, length: int) -> None:
        self.output.append((invocation, stream, ctypes.string_at(data, length)))

    def _call(self, _c: Any, _i: int, name: int, name_len: int, params: int, params_len: int, reply: Any) -> int:
        action = ctypes.string_at(name, name_len).decode()
        given = json.loads(ctypes.string_at(params, params_len))
        self.invoked.append((action, given))
        failed = action == "failing"
        answer = json.dumps({"error": "it failed"} if failed else {"from": action, "params": given}).encode()
        kept = ctypes.create_string_buffer(answer, len(answer))
        self._keep.append(kept)
        reply.contents.data, reply.contents.length = ctypes.addressof(kept), len(answer)
        return 1 if failed else 0

    def text(self, stream: int, invocation: int | None = None) -> str:
        """What was written to a stream so far, for one invocation or for all."""
        parts = [b for i, s, b in self.output if s == stream and invocation in (None, i)]
        return b"".join(parts).decode()

    def init(self, code: bytes | None = None, **request: Any) -> Answer:
        """argo_v1_init on a thread with a stack as the host gives it."""
        return self._on_thread(lambda thread, reply: self._init(thread, code, request, reply))

    def run(
        self, params: dict[str, Any] | bytes, invocation: int = 1, environment: dict[str, str] | None = None
    ) -> Answer:
        """argo_v1_run on a thread with a stack as the host gives it."""
        data = params if isinstance(params, bytes) else json.dumps(params).encode()
        env = json.dumps(environment).encode() if environment else b""
        call = self.library.functions.argo_v1_run
        return self._on_thread(
            lambda thread, reply: call(
                thread,
                ctypes.c_uint64(invocation),
                env or None,
                ctypes.c_uint64(len(env)),
                data,
                ctypes.c_uint64(len(data)),
                reply,
            )
        )

    def _init(self, thread: Any, code: bytes | None, request: dict[str, Any], reply: Any) -> int:
        data = json.dumps(request).encode()
        length = ctypes.c_uint64(len(code) if code else 0)
        call = self.library.functions.argo_v1_init
        return int(call(thread, ctypes.byref(self._host), data, ctypes.c_uint64(len(data)), code, length, reply))

    def describe(self) -> Answer:
        return self._on_thread(self.library.functions.argo_v1_describe)

    def version(self) -> int:
        return int(self.library.functions.argo_v1_version(self._thread))

    def memory(self) -> dict[str, int]:
        memory = _Memory()
        assert self.attached(lambda thread: self.library.functions.argo_v1_memory(thread, ctypes.byref(memory))) == 0
        return {name: getattr(memory, name) for name, _ in _Memory._fields_}

    def cancel(self, invocation: int = 1) -> int:
        return self.attached(lambda thread: self.library.functions.argo_v1_cancel(thread, ctypes.c_uint64(invocation)))

    def place(self, number: int) -> int:
        """argo_v1_place: the function of that number is the next to be initialised or run."""
        return self.attached(lambda thread: self.library.functions.argo_v1_place(thread, ctypes.c_uint64(number)))

    def leave(self, number: int) -> int:
        return self.attached(lambda thread: self.library.functions.argo_v1_leave(thread, ctypes.c_uint64(number)))

    def collect(self) -> int:
        return self.attached(self.library.functions.argo_v1_collect)

    def attached(self, call: Any) -> int:
        """Runs `call(thread)` on a fresh OS thread attached to the isolate."""
        result: list[int] = []

        def body() -> None:
            thread = ctypes.c_void_p()
            assert self.library.functions.graal_attach_thread(self._isolate, ctypes.byref(thread)) == 0
            result.append(int(call(thread)))
            self.library.functions.graal_detach_thread(thread)

        threading.stack_size(_STACK_BYTES)
        worker = threading.Thread(target=body)
        worker.start()
        worker.join(60)
        assert result, "the call did not come back"
        return result[0]

    def _on_thread(self, call: Any) -> Answer:
        answers: list[bytes] = []

        def read(thread: Any) -> int:
            reply = _Reply()
            status = int(call(thread, ctypes.byref(reply)))
            answers.append(ctypes.string_at(reply.data, reply.length))
            return status

        status = self.attached(read)
        return Answer(status, json.loads(answers[0]), answers[0])

    def tear_down(self) -> int:
        return int(self.library.functions.graal_tear_down_isolate(self._thread))
