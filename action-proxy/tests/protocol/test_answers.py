"""Reading answers from a byte stream cut anywhere."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_proxy.protocol.answers import AnswerReader, MalformedAnswer
from argo_proxy.sandboxes.port import Answered

pytestmark = pytest.mark.unit


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def read(parts: list[bytes], limit: int) -> tuple[Answered | None, AnswerReader]:
    reader = AnswerReader(limit)
    answer = None
    for part in parts:
        assert answer is None, "an answer before its end"
        answer = reader.feed(part)
    return answer, reader


@given(st.binary(max_size=300), st.integers(200, 599), st.lists(st.integers(0, 500)), st.integers(0, 400))
def test_an_answer_is_read_however_it_is_cut(body, status, cuts, limit):
    head = b"HTTP/1.1 %d Whatever\r\nX: y\r\ncontent-LENGTH: %d\r\nServer: z\r\n\r\n" % (status, len(body))
    answer, reader = read(pieces(head + body, cuts), limit)
    assert answer == Answered(status, body[:limit], len(body))
    assert reader.keep_alive


@given(st.binary(max_size=400), st.lists(st.integers(0, 500)))
def test_garbage_is_refused_or_waited_on(data, cuts):
    reader = AnswerReader(100)
    try:
        for part in pieces(data, cuts):
            if reader.feed(part) is not None:
                break
    except MalformedAnswer:
        return
    assert not data or data[:7] == b"HTTP/1."[: len(data)]


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
        b"HTTP/1.1 999 OK\r\nContent-Length: 2\r\n",
        b"HTTP/2 200\r\nContent-Length: 2\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\nContent-Length: 2\r\n",
    ],
)
def test_what_the_protocol_does_not_allow_is_refused(head):
    with pytest.raises(MalformedAnswer):
        AnswerReader(10).feed(head + b"\r\n{}")


def test_an_endless_head_is_refused():
    reader = AnswerReader(10)
    for _ in range(60):
        assert reader.feed(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000) is None
    with pytest.raises(MalformedAnswer):
        reader.feed(b"y" * 10_000)


def test_an_interim_answer_is_skipped():
    reader = AnswerReader(10)
    assert reader.feed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le") is None
    assert reader.feed(b"ngth: 2\r\n\r\n{}") == Answered(200, b"{}", 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK",
    ],
)
def test_some_connections_are_not_used_again(answer):
    found, reader = read([answer], 10)
    assert found == Answered(200, b"{}", 2)
    assert not reader.keep_alive


def test_a_huge_answer_is_not_read_to_its_end():
    reader = AnswerReader(4)
    answer = reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nabcdefgh")
    assert answer == Answered(200, b"abcd", 1_000_000_000_000)
    assert not reader.keep_alive
