"""Every way an activation can end, with the exact words clients know."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_proxy.protocol.interpretation import (
    creation_outcome,
    init_outcome,
    is_shutting_down,
    keeps_sandbox,
    run_outcome,
)
from argo_proxy.protocol.messages import Outcome, OutcomeKind
from argo_proxy.sandboxes.port import Answered, Gone, SandboxCreationError, TimedOut

pytestmark = pytest.mark.unit

SUCCESS, APPLICATION, DEVELOPER, PLATFORM = OutcomeKind
NO_JSON = "The action did not produce a valid JSON or JSON Array response"


def answered(body: bytes, status: int = 200) -> Answered:
    return Answered(status, body, len(body))


def developer(text: object, size: int = 0, *, timed_out: bool = False) -> Outcome:
    return Outcome(DEVELOPER, {"error": text}, size, timed_out)


RUNS = [
    (answered(b'{"a":1}'), Outcome(SUCCESS, {"a": 1}, 7)),
    (answered(b"[1,2]"), Outcome(SUCCESS, [1, 2], 5)),
    (answered(b'{"error":{"statusCode":404},"x":1}'), Outcome(APPLICATION, {"error": {"statusCode": 404}}, 34)),
    (answered(b'{"error":null}'), Outcome(APPLICATION, {"error": None}, 14)),
    (answered(b'{"error":"boom"}', 502), developer("boom", 16)),
    (answered(b'{"a":1}', 502), developer(NO_JSON + ': {"a":1}', 7)),
    (answered(b"[1]", 502), developer(NO_JSON + ": [1]", 3)),
    (answered(b"7"), developer(NO_JSON + ": 7", 1)),
    (answered(b"null"), developer(NO_JSON + ": null", 4)),
    (answered(b'{"a":1}\n{"a":2}'), developer(NO_JSON + ': {"a":1}\n{"a":2}', 15)),
    (answered(b""), developer(NO_JSON + ".", 0)),
    (answered(b"\xff"), developer(NO_JSON + ": \ufffd", 1)),
    (
        Answered(200, b"{" * 10, 5_000_000),
        Outcome(
            APPLICATION,
            {
                "error": "The action produced a response that exceeded the allowed length: 5000000 > 10 bytes. "
                "The truncated response was: {{{{{{{{{{"
            },
            10,
        ),
    ),
    (TimedOut(), developer("The action exceeded its time limits of 100 milliseconds.", timed_out=True)),
    (Gone(), developer("The action did not produce a valid response and exited unexpectedly.")),
    (Gone(out_of_memory=True), developer("The action exhausted its memory and was aborted.")),
]
INITS = [
    (answered(b"anything"), None),
    (answered(b'{"error":"no main"}', 502), developer("no main", 19)),
    (answered(b"oh no", 500), developer("The action failed during initialization: oh no", 5)),
    (answered(b"", 500), developer("The action failed during initialization.", 0)),
    (answered(b'{"a":1}', 500), developer('The action failed during initialization: {"a":1}', 7)),
    (
        TimedOut(),
        developer("The action exceeded its time limits of 100 milliseconds during initialization.", timed_out=True),
    ),
    (Gone(), developer("The action did not initialize and exited unexpectedly.")),
    (Gone(out_of_memory=True), developer("The action exhausted its memory and was aborted.")),
]


@pytest.mark.parametrize(("answer", "outcome"), RUNS)
def test_run(answer, outcome):
    assert run_outcome(answer, timeout_ms=100, limit=10) == outcome


@pytest.mark.parametrize(("answer", "outcome"), INITS)
def test_init(answer, outcome):
    assert init_outcome(answer, timeout_ms=100, limit=10) == outcome


def test_a_long_init_error_is_told_with_its_length():
    outcome = init_outcome(Answered(502, b"x" * 10, 99), timeout_ms=1, limit=10)
    assert outcome is not None
    assert outcome.kind is DEVELOPER
    assert "99 > 10 bytes" in outcome.result["error"]


def test_only_faults_of_the_user_are_told_of():
    pull = SandboxCreationError("Failed to pull container image 'x'.", user_fault=True)
    assert creation_outcome(pull) == developer("Failed to pull container image 'x'.")
    ours = creation_outcome(SandboxCreationError("disk /secret/path is full"))
    assert ours == Outcome(PLATFORM, {"error": "Failed to provision resources to run the action."})


@pytest.mark.parametrize("answer", [Gone(), TimedOut(), answered(b"", 200), answered(b"", 502)])
def test_only_503_asks_to_go_elsewhere(answer):
    assert not is_shutting_down(answer)
    assert is_shutting_down(answered(b"", 503))


@given(st.binary(max_size=200), st.integers(100, 599), st.integers(0, 300))
def test_whatever_a_runtime_says_has_an_outcome(body, status, more):
    answer = Answered(status, body, len(body) + more)
    outcome = run_outcome(answer, timeout_ms=1, limit=200)
    assert (outcome.kind is SUCCESS) == (isinstance(outcome.result, list) or "error" not in outcome.result)
    assert keeps_sandbox(outcome) == (outcome.kind in {SUCCESS, APPLICATION})
    assert orjson.dumps(outcome.result)
    init = init_outcome(answer, timeout_ms=1, limit=200)
    assert (init is None) == (status == 200)
