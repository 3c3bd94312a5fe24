"""One class of behaviour that every launcher has, whatever its language; the launcher runs as a plain process."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from .languages import LANGUAGES, Language, zipped
from .launched import SENTINEL, Launched, Reply

pytestmark = [pytest.mark.contract, pytest.mark.integration]

Launch = Callable[..., Launched]
CodeOf = Callable[[Language], str]

FIELDS = {
    "namespace": "guest",
    "action_name": "/guest/pkg/name",
    "action_version": "0.0.7",
    "activation_id": "1234567890abcdef1234567890abcdef",
    "transaction_id": "tid-1",
    "deadline": "1700000000000",
    "api_key": "user:secret",
}


def languages(*abilities: str) -> Any:
    """Those that can do all of this."""
    fit: Iterable[Language] = (one for one in LANGUAGES if set(abilities) <= one.can)
    return pytest.mark.parametrize("language", list(fit), ids=lambda language: language.kind)


@pytest.fixture
def ready(launch: Launch, code_of: CodeOf) -> Callable[..., Launched]:
    """Launched and initialised with the function of the table."""

    def start(language: Language, **environment: str) -> Launched:
        sandbox = launch(language.kind, **environment)
        code = code_of(language)
        reply = sandbox.init(code, language.main, binary=language.binary, env={"INIT": "from init €"})
        assert (reply.status, reply.json) == (200, {"ok": True}), (reply.body, sandbox.printed())
        return sandbox

    return start


@languages()
class TestRun:
    def test_gives_back_what_the_function_returns(self, ready: Callable[..., Launched], language: Language) -> None:
        value = {"name": "Zoë €", "nested": {"list": [1, 2.5, None, True, "\u2028 \U0001f600"]}, "empty": ""}
        reply = ready(language).run(value, **FIELDS)
        assert (reply.status, reply.json) == (200, value)
        assert reply.headers["content-type"].startswith("application/json")

    def test_tells_the_function_who_it_is(self, ready: Callable[..., Launched], language: Language) -> None:
        sandbox = ready(language)
        expected = {
            "init": "from init €",
            "id": FIELDS["activation_id"],
            "ns": FIELDS["namespace"],
            "name": FIELDS["action_name"],
            "version": FIELDS["action_version"],
            "deadline": FIELDS["deadline"],
            "key": FIELDS["api_key"],
            "tid": FIELDS["transaction_id"],
        }
        assert sandbox.run({"do": "environment"}, **FIELDS).json == expected
        second = sandbox.run({"do": "environment"}, **(FIELDS | {"activation_id": "f" * 32})).json
        assert second == expected | {"id": "f" * 32}

    def test_ends_the_log_of_each_run_before_its_answer(
        self, ready: Callable[..., Launched], language: Language
    ) -> None:
        sandbox = ready(language)
        assert sandbox.printed() == ("", "")
        for _ in range(3):
            sandbox.run({"do": "print"}, **FIELDS)
            out, err = sandbox.printed()
            assert out.splitlines() == ["to stdout", SENTINEL]
            assert err.splitlines() == ["to stderr", SENTINEL]

    def test_survives_a_function_that_fails(self, ready: Callable[..., Launched], language: Language) -> None:
        sandbox = ready(language)
        reply = sandbox.run({"do": "fail"}, **FIELDS)
        assert reply.status == language.failure
        assert language.failure_text in reply.json["error"]
        out, err = sandbox.printed()
        assert out.splitlines()[-1] == err.splitlines()[-1] == SENTINEL
        assert "deliberate" in err
        assert sandbox.run({"still": "here"}).json == {"still": "here"}

    def test_an_absent_value_is_an_empty_object(self, ready: Callable[..., Launched], language: Language) -> None:
        reply = ready(language).post("/run", {"activation_id": "1"})
        assert (reply.status, reply.json) == (200, {})

    def test_carries_large_values(self, ready: Callable[..., Launched], language: Language) -> None:
        sandbox = ready(language)
        value = {"text": "€" * 700_000}
        assert sandbox.run(value).json == value
        assert sandbox.run({"do": "large", "size": 5_000_000}).json == {"text": "x" * 5_000_000}

    def test_prints_much_while_somebody_reads(self, ready: Callable[..., Launched], language: Language) -> None:
        sandbox = ready(language)
        connection = sandbox.connect()
        with connection.peer:
            connection.send("/run", json.dumps({"value": {"do": "flood"}}).encode())
            connection.peer.setblocking(False)
            out = ""
            while not out.endswith(SENTINEL + "\n"):
                out += sandbox.printed()[0]
            connection.peer.settimeout(60)
            reply = connection.get()
        assert reply is not None
        assert (reply.status, reply.json) == (200, {})
        assert out.splitlines() == ["x" * 99] * 20_000 + [SENTINEL]


@languages()
class TestInit:
    def test_happens_once(self, ready: Callable[..., Launched], language: Language) -> None:
        sandbox = ready(language)
        reply = sandbox.init("anything", "main")
        assert reply.status == 403
        assert reply.json == {"error": "Cannot initialize the action more than once."}
        assert sandbox.run({"a": 1}).json == {"a": 1}

    def test_comes_before_run(self, launch: Launch, language: Language) -> None:
        reply = launch(language.kind).run({})
        assert reply.status == 403
        assert reply.json == {"error": "System not ready, status is ready."}

    @pytest.mark.parametrize("value", [None, {}, {"main": "main"}, {"code": ""}, {"code": 7}, [], "text"])
    def test_needs_code(self, launch: Launch, language: Language, value: Any) -> None:
        reply = launch(language.kind).post("/init", {"value": value})
        assert reply.status == 403
        assert reply.json == {"error": "Missing main/no code to execute."}

    def test_says_why_code_cannot_be_loaded(self, launch: Launch, language: Language) -> None:
        sandbox = launch(language.kind)
        reply = sandbox.init(language.broken, language.main, binary=language.binary or language.kind == "binary")
        assert reply.status == 502
        assert reply.json["error"].startswith("Initialization has failed due to: ")
        out, err = sandbox.printed()
        assert out.splitlines()[-1] == err.splitlines()[-1] == SENTINEL
        assert len(err) > len(SENTINEL) + 10, "the author is told on stderr as well"
        assert sandbox.run({}).json == {"error": "System not ready, status is failed."}


@languages("unknown_main")
def test_an_entry_that_does_not_exist_fails_init(launch: Launch, code_of: CodeOf, language: Language) -> None:
    main = "Action#nowhere" if language.kind == "java:17" else "nowhere"
    reply = launch(language.kind).init(code_of(language), main, binary=language.binary)
    assert reply.status == 502
    assert "nowhere" in reply.json["error"].lower()


@languages("array")
def test_an_array_is_a_result(ready: Callable[..., Launched], language: Language) -> None:
    reply = ready(language).run({"do": "array"})
    assert (reply.status, reply.json) == (200, [1, "two"])


@languages("array")
def test_an_array_is_an_argument(ready: Callable[..., Launched], language: Language) -> None:
    reply = ready(language).run([1, {"two": 3}])
    assert (reply.status, reply.json) == (200, [1, {"two": 3}])


@languages("scalar")
def test_anything_else_is_not(ready: Callable[..., Launched], language: Language) -> None:
    sandbox = ready(language)
    reply = sandbox.run({"do": "scalar"})
    assert reply.status == 502
    assert reply.json == {"error": "The action did not return a dictionary or array."}
    assert sandbox.run({"a": 1}).json == {"a": 1}


@languages("exit")
def test_a_function_that_ends_the_process_gets_no_answer(ready: Callable[..., Launched], language: Language) -> None:
    sandbox = ready(language)
    assert sandbox.try_post("/run", {"value": {"do": "exit"}}) is None
    assert sandbox.wait() == 3


@languages("close")
def test_a_function_that_closes_its_streams_still_answers(ready: Callable[..., Launched], language: Language) -> None:
    sandbox = ready(language)
    assert sandbox.run({"do": "close"}).json == {"closed": True}
    assert sandbox.printed()[0].endswith(SENTINEL + "\n")
    # What is printed from now on must not end up on a connection that got the closed descriptor's number.
    for number in range(5):
        reply = sandbox.run({"n": number})
        assert (reply.status, reply.json) == (200, {"n": number})
        assert sandbox.printed()[0].endswith(SENTINEL + "\n")


@languages("recurse")
def test_endless_recursion_is_an_error_of_the_function(ready: Callable[..., Launched], language: Language) -> None:
    sandbox = ready(language)
    reply = sandbox.run({"do": "recurse"})
    assert reply.status == language.failure
    assert "error" in reply.json
    assert sandbox.run({"a": 1}).json == {"a": 1}


@languages("rendezvous")
def test_runs_overlap_where_the_action_allows_it(ready: Callable[..., Launched], language: Language) -> None:
    parties = 4
    sandbox = ready(language, ARGO_CONCURRENCY=str(parties))
    replies: list[Reply] = []
    # Every run waits for all the others: were they made one by one, none would ever end.
    threads = [
        threading.Thread(target=lambda: replies.append(sandbox.run({"do": "rendezvous", "parties": parties})))
        for _ in range(parties)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert [reply.json for reply in replies] == [{"met": parties}] * parties
    out, err = sandbox.printed()
    assert out.splitlines() == err.splitlines() == [SENTINEL] * parties


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one.archive], ids=lambda language: language.kind)
class TestArchive:
    def init(self, sandbox: Launched, language: Language, code: str) -> Reply:
        return sandbox.init(code, language.main, binary=True, env={"INIT": "x"})

    def refused(self, sandbox: Launched, language: Language, code: str) -> str:
        reply = self.init(sandbox, language, code)
        assert reply.status == 502
        assert "error uncompressing the action archive" in reply.json["error"]
        return str(reply.json["error"])

    def test_runs(self, launch: Launch, language: Language) -> None:
        sandbox = launch(language.kind)
        reply = self.init(sandbox, language, zipped(language.archive))
        assert reply.status == 200, (reply.body, sandbox.printed())
        assert sandbox.run({"a": "€"}).json == {"a": "€"}

    @pytest.mark.parametrize("name", ["../escaped.txt", "/escaped.txt", "a/../../escaped.txt", "a\\..\\escaped.txt"])
    def test_that_leads_outside_is_refused(self, launch: Launch, language: Language, name: str) -> None:
        sandbox = launch(language.kind)
        reason = self.refused(sandbox, language, zipped(dict(language.archive) | {name: "gotcha"}))
        assert "leads outside" in reason
        assert not [path for path in sandbox.work.rglob("*") if path.name.endswith("escaped.txt")]

    def test_with_too_many_bytes_is_refused(self, launch: Launch, language: Language) -> None:
        sandbox = launch(language.kind, ARGO_MAX_UNPACKED_BYTES="1000000")
        reason = self.refused(sandbox, language, zipped(dict(language.archive) | {"bomb": b"\0" * 1_000_001}))
        assert "1000000 bytes allowed" in reason

    def test_with_too_many_entries_is_refused(self, launch: Launch, language: Language) -> None:
        sandbox = launch(language.kind, ARGO_MAX_UNPACKED_ENTRIES="10")
        files = dict(language.archive) | {f"f{number}": "" for number in range(11)}
        assert "10 allowed" in self.refused(sandbox, language, zipped(files))

    def test_that_lies_about_its_size_is_refused(self, launch: Launch, language: Language) -> None:
        sandbox = launch(language.kind, ARGO_MAX_UNPACKED_BYTES="1000000")
        code = lying_archive(language)
        reply = self.init(sandbox, language, code)
        assert reply.status == 502
        assert not [path for path in sandbox.work.rglob("bomb") if path.stat().st_size > 1_000_000]

    def test_cut_short_is_refused(self, launch: Launch, language: Language) -> None:
        reply = self.init(launch(language.kind), language, zipped(language.archive)[:120])
        assert reply.status == 502
        assert reply.json["error"].startswith("Initialization has failed due to: ")

    def test_without_its_entry_file_is_refused(self, launch: Launch, language: Language) -> None:
        reply = self.init(launch(language.kind), language, zipped({"readme.txt": "no code"}))
        assert reply.status == 502


def lying_archive(language: Language) -> str:
    """Declares 100 bytes for an entry that unpacks to 3 MB, in its directory and in front of the entry."""
    import base64

    size = 3_000_000
    data = base64.b64decode(zipped(dict(language.archive) | {"bomb": b"\0" * size}))
    return base64.b64encode(data.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))).decode()


@languages()
class TestHttp:
    def test_serves_many_requests_on_one_connection(self, ready: Callable[..., Launched], language: Language) -> None:
        connection = ready(language).connect()
        with connection.peer:
            for number in range(20):
                reply = connection.post("/run", {"value": {"n": number}})
                assert reply is not None
                assert reply.json == {"n": number}

    def test_answers_pipelined_requests_in_order(self, ready: Callable[..., Launched], language: Language) -> None:
        connection = ready(language).connect()
        with connection.peer:
            for number in range(5):
                connection.send("/run", json.dumps({"value": {"n": number}}).encode())
            assert [reply and reply.json for reply in (connection.get() for _ in range(5))] == [
                {"n": number} for number in range(5)
            ]

    def test_takes_a_request_in_small_pieces(self, ready: Callable[..., Launched], language: Language) -> None:
        connection = ready(language).connect()
        body = '{"value":{"a":"€"}}'.encode()
        whole = b"POST /run HTTP/1.1\r\ncontent-LENGTH:  %d \r\n\r\n" % len(body) + body
        with connection.peer:
            for at in range(len(whole)):
                connection.peer.sendall(whole[at : at + 1])
            reply = connection.get()
        assert reply is not None
        assert reply.json == {"a": "€"}

    def test_a_slow_client_stops_nobody_else(self, ready: Callable[..., Launched], language: Language) -> None:
        sandbox = ready(language)
        slow = sandbox.connect()
        with slow.peer:
            slow.peer.sendall(b"POST /run HTTP/1.1\r\nContent-Len")
            assert sandbox.run({"a": 1}).json == {"a": 1}

    def test_closes_when_asked(self, ready: Callable[..., Launched], language: Language) -> None:
        connection = ready(language).connect()
        with connection.peer:
            connection.send("/run", b'{"value":{"a":1}}', headers="Connection: close\r\n")
            reply = connection.get()
            assert reply is not None
            assert reply.json == {"a": 1}
            assert connection.get() is None

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"nonsense", b'{"value":{"a":"\xff\xfe"', b"[1]", b"7", b"null", b'"text"', b"[" * 200_000]
    )
    def test_says_what_is_malformed(self, ready: Callable[..., Launched], language: Language, body: bytes) -> None:
        sandbox = ready(language)
        for path in ("/run", "/init"):
            reply = sandbox.post(path, body)
            assert reply.status == (403 if path == "/init" and reply.status == 403 else 400)
            assert reply.json["error"]
        assert sandbox.run({"a": 1}).json == {"a": 1}

    @pytest.mark.parametrize(
        ("request_text", "status"),
        [
            (b"POST /elsewhere HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 404),
            (b"GET /run HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405),
            (b"POST /run HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411),
            (b"POST /run HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413),
            (b"POST /run HTTP/1.1\r\nX: " + b"x" * 100_000, 431),
        ],
    )
    def test_refuses_what_it_does_not_speak(
        self, ready: Callable[..., Launched], language: Language, request_text: bytes, status: int
    ) -> None:
        sandbox = ready(language)
        connection = sandbox.connect()
        with connection.peer:
            connection.peer.sendall(request_text)
            reply = connection.get()
        assert reply is not None
        assert reply.status == status
        assert sandbox.run({"a": 1}).json == {"a": 1}

    def test_listens_on_tcp(self, launch: Launch, code_of: CodeOf, language: Language) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        sandbox = launch(language.kind, address=f"tcp:127.0.0.1:{port}")
        assert sandbox.init(code_of(language), language.main, binary=language.binary).status == 200
        assert sandbox.run({"a": 1}).json == {"a": 1}

    def test_its_socket_is_open_to_an_agent_of_another_user(self, launch: Launch, language: Language) -> None:
        sandbox = launch(language.kind)
        with sandbox.connect().peer:
            assert Path(sandbox.address.removeprefix("unix:")).stat().st_mode & 0o777 == 0o666
