"""Invocations as they cross the bus: whatever is in them comes out at the other end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argo_provider.cluster import messages
from argo_provider.cluster.messages import Work
from argo_provider.cluster.works import WorkReader, WorkWriter
from argo_proxy.protocol.messages import Executable, Invocation

PLAIN = Executable("ns", "/ns/f", "0.0.1", "1.2", "python:3.11", "main", "sha256:aa", binary=False)
ODD = replace(
    PLAIN,
    revision="1.3",
    code_digest=None,
    image="own/image",
    init_parameters={"a": [1, None, "ä"]},
    annotations={"argo.idempotent": True},
)


def invocation(executable, arguments, **others):
    return Invocation("id", "transaction", executable, arguments, **others)


@pytest.mark.parametrize(
    "sent",
    [
        invocation(PLAIN, {"n": 1}),
        invocation(ODD, [1, {"x": None}], api_key="a:b"),
        invocation(PLAIN, {"executable": {"path": "/other/f"}, "attempt": 7}),
    ],
)
def test_work_comes_out_as_it_went_in(sent):
    written = WorkWriter().write(sent, 7, "r1", journaled=True)
    (read,) = WorkReader().read(messages.encode_all([written]), 5.0)
    assert read == Work(replace(sent, accepted_at=5.0), 7, "r1", journaled=True)
    assert messages.decode(written, Work) == Work(sent, 7, "r1", journaled=True)  # as members of before read it


def test_the_same_executable_is_read_once_and_another_revision_is_another():
    writer, reader = WorkWriter(), WorkReader()
    sent = [PLAIN, PLAIN, replace(PLAIN), replace(PLAIN, revision="1.3")]
    written = [writer.write(invocation(each, {}), 1, "r1", journaled=False) for each in sent]
    first, second, equal, other = (w.invocation.executable for w in reader.read(messages.encode_all(written), 0.0))
    assert first is second is equal
    assert other == sent[3]


@pytest.mark.parametrize("content", [b"{}", b'[{"attempt": 1}]', b'[{"invocation": {"executable": {}}}]'])
def test_what_is_no_work_is_refused(content):
    with pytest.raises(ValueError):  # noqa: PT011
        WorkReader().read(content, 0.0)
