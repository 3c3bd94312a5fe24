"""One HTTP answer, and what the contract says of every error among them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole; `seconds` is what the caller waited for it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise AssertionError(f"not JSON ({error}): {self}") from error

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").split(";")[0].strip()

    @property
    def activation_id(self) -> str:
        """The activation's id: from the body of a 202 or a record, else from the header."""
        body = self.json if self.media_type == "application/json" and self.body else None
        if isinstance(body, dict) and isinstance(body.get("activationId"), str):
            return body["activationId"]
        return self.headers["x-openwhisk-activation-id"]

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.body[:1500].decode(errors='replace')}"


def expect_ok(answer: Answer, status: int = 200) -> Any:
    """The JSON body of an answer that must carry `status`."""
    assert answer.status == status, f"wanted {status}, got {answer}"
    return answer.json


def expect_error(answer: Answer, status: int, text: str | re.Pattern[str]) -> None:
    """`{"error": text, "code": transaction id}` with the status; a pattern must match from the text's beginning."""
    assert answer.status == status, f"wanted {status} {text!r}, got {answer}"
    assert answer.media_type == "application/json", answer.headers
    body = answer.json
    assert set(body) == {"error", "code"}, body
    if isinstance(text, str):
        assert body["error"] == text
    else:
        assert text.match(body["error"]), f"{body['error']!r} does not match {text.pattern!r}"
    assert isinstance(body["code"], str)
    assert body["code"] == answer.headers["X-Request-ID"], "code is the transaction id"


def malformed(text: str) -> re.Pattern[str]:
    """The routing layer's text around a message about the content."""
    return re.compile(re.escape("The request content was malformed:\n" + text))


def key_values(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """`[{"key": k, "value": v}]` as a dictionary."""
    return {pair["key"]: pair["value"] for pair in pairs}


def pairs(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A dictionary as `[{"key": k, "value": v}]`."""
    return [{"key": key, "value": value} for key, value in values.items()]
