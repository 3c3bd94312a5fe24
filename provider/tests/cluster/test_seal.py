"""Messages that are not of the cluster do not open."""

from __future__ import annotations

import time

import pytest

from argo_provider.cluster.seal import FRESH_SECONDS, Seal, Unsealed

SEAL = Seal("k" * 16, "argo")


def test_opens_what_it_closed():
    assert SEAL.open("a.b", SEAL.close("a.b", b"content")) == b"content"
    assert Seal("k" * 16, "argo").open("a.b", SEAL.close("a.b", b"")) == b""


@pytest.mark.parametrize(
    ("subject", "seal"),
    [("a.c", SEAL), ("a.b", Seal("x" * 16, "argo")), ("a.b", Seal("k" * 16, "other"))],
    ids=["another subject", "another key", "another cluster"],
)
def test_refuses_what_is_of_another(subject, seal):
    with pytest.raises(Unsealed, match="forged"):
        seal.open(subject, SEAL.close("a.b", b"content"))


@pytest.mark.parametrize("data", [b"", b"\x01", b"{}", b"\x02" + b"x" * 40, b"\x01" + b"x" * 40])
def test_refuses_what_is_no_message(data):
    with pytest.raises(Unsealed):
        SEAL.open("a.b", data)


def test_refuses_a_message_of_which_a_bit_was_changed():
    data = SEAL.close("a.b", b"content")
    for index in range(len(data)):
        changed = bytearray(data)
        changed[index] ^= 1
        with pytest.raises(Unsealed):
            SEAL.open("a.b", bytes(changed))


def test_refuses_an_old_one_unless_it_may_be_old(monkeypatch):
    data = SEAL.close("a.b", b"content")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + FRESH_SECONDS + 1)
    with pytest.raises(Unsealed, match="too old"):
        SEAL.open("a.b", data)
    assert SEAL.open("a.b", data, fresh=False) == b"content"
