"""What a runtime's answer means: `Answer` → `Outcome`, with the texts that OpenWhisk clients know. Pure functions."""

from __future__ import annotations

from typing import Any

from argo_proxy import jsontext
from argo_proxy.protocol.messages import Outcome, OutcomeKind
from argo_proxy.sandboxes.port import Answer, Answered, Gone, SandboxCreationError, TimedOut

INIT_ABORTED = "The action did not initialize and exited unexpectedly."
RUN_ABORTED = "The action did not produce a valid response and exited unexpectedly."
OUT_OF_MEMORY = "The action exhausted its memory and was aborted."
NO_RESOURCES = "Failed to provision resources to run the action."

_UNPARSED = object()
_AS_IT_SHOULD = frozenset({OutcomeKind.SUCCESS, OutcomeKind.APPLICATION_ERROR})


def init_outcome(answer: Answer, *, timeout_ms: int, limit: int) -> Outcome | None:
    """None when the function is initialised; else how its activation ends. `limit`: bytes of an answer's body."""
    if isinstance(answer, TimedOut):
        text = f"The action exceeded its time limits of {timeout_ms} milliseconds during initialization."
        return _developer_error(text, timed_out=True)
    if isinstance(answer, Gone):
        return _developer_error(OUT_OF_MEMORY if answer.out_of_memory else INIT_ABORTED)
    if answer.status == 200:
        return None
    if _truncated(answer):
        return _developer_error(_too_long(answer, limit), size=len(answer.body))
    value = _parsed(answer.body)
    if isinstance(value, dict) and "error" in value:
        return _developer_error(value["error"], size=answer.length)
    return _developer_error(_with_body("The action failed during initialization", answer.body), size=answer.length)


def run_outcome(answer: Answer, *, timeout_ms: int, limit: int) -> Outcome:
    """How an activation ends after this answer to /run. `limit`: bytes of an answer's body."""
    if isinstance(answer, TimedOut):
        text = f"The action exceeded its time limits of {timeout_ms} milliseconds."
        return _developer_error(text, timed_out=True)
    if isinstance(answer, Gone):
        return _developer_error(OUT_OF_MEMORY if answer.out_of_memory else RUN_ABORTED)
    if _truncated(answer):
        error = {"error": _too_long(answer, limit)}
        return Outcome(OutcomeKind.APPLICATION_ERROR, error, len(answer.body))
    return _outcome_of_body(answer)


def creation_outcome(error: SandboxCreationError) -> Outcome:
    """How an activation ends that no sandbox could be made for; the user is told only of their own faults."""
    if error.user_fault:
        return _developer_error(error.reason)
    return Outcome(OutcomeKind.PLATFORM_ERROR, {"error": NO_RESOURCES})


def is_shutting_down(answer: Answer) -> bool:
    """The runtime took nothing of this invocation and asks for it to be sent elsewhere."""
    return isinstance(answer, Answered) and answer.status == 503


def keeps_sandbox(outcome: Outcome) -> bool:
    """Whether the sandbox may serve again: only where the function answered as it should."""
    return outcome.kind in _AS_IT_SHOULD


def _outcome_of_body(answer: Answered) -> Outcome:
    value = _parsed(answer.body)
    ok = answer.status == 200
    if isinstance(value, dict):
        if "error" in value:
            kind = OutcomeKind.APPLICATION_ERROR if ok else OutcomeKind.DEVELOPER_ERROR
            return Outcome(kind, {"error": value["error"]}, answer.length)
        if ok:
            return Outcome(OutcomeKind.SUCCESS, value, answer.length)
    elif isinstance(value, list) and ok:
        return Outcome(OutcomeKind.SUCCESS, value, answer.length)
    text = _with_body("The action did not produce a valid JSON or JSON Array response", answer.body)
    return _developer_error(text, size=answer.length)


def _developer_error(error: Any, *, size: int = 0, timed_out: bool = False) -> Outcome:
    return Outcome(OutcomeKind.DEVELOPER_ERROR, {"error": error}, size, timed_out)


def _parsed(body: bytes) -> Any:
    try:
        return jsontext.decode(body)
    except ValueError:
        return _UNPARSED


def _truncated(answer: Answered) -> bool:
    return answer.length > len(answer.body)


def _too_long(answer: Answered, limit: int) -> str:
    return (
        f"The action produced a response that exceeded the allowed length: {answer.length} > {limit} bytes. "
        f"The truncated response was: {_text(answer.body)}"
    )


def _with_body(text: str, body: bytes) -> str:
    return f"{text}: {_text(body)}" if body else f"{text}."


def _text(body: bytes) -> str:
    return body.decode(errors="replace")
