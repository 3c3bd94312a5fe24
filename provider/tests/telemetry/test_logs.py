"""Log lines: their form, the transaction id, and that no credential gets out."""

import io
import json
import logging

import pytest
import structlog

from argo_provider.settings import LogFormat, LogLevel, LogSettings, Secret, ServerSettings
from argo_provider.telemetry.logs import MASK, bind_transaction, configure

KEY = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:" + "aB3" * 21 + "x"


@pytest.fixture
def stream():
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield io.StringIO()
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_time_level_and_transaction_off_a_terminal(stream):
    configure(LogSettings(), stream)
    bind_transaction("tid-1")
    structlog.get_logger().info("invoked", kind="nodejs:20", ms=3)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "invoked", "level": "info", "transaction": "tid-1", "kind": "nodejs:20", "ms": 3}


def test_lines_below_the_level_are_not_written(stream):
    configure(LogSettings(level=LogLevel.WARNING), stream)
    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger().warning("loud")
    logging.getLogger("library").warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud", "loud"]


def test_lines_of_libraries_look_the_same(stream):
    configure(LogSettings(), stream)
    bind_transaction("tid-2")
    try:
        int("boom")
    except ValueError:
        logging.getLogger("library").exception("failed on %s", "this")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["transaction"]) == ("failed on this", "error", "tid-2")
    assert "ValueError: invalid literal" in line["exception"]


@pytest.mark.parametrize("chosen", [LogFormat.JSON, LogFormat.CONSOLE])
def test_no_credential_gets_into_a_line(stream, chosen):
    configure(LogSettings(format=chosen), stream)
    log = structlog.get_logger()
    log.info(
        "request", key_of_caller=KEY, detail=f"Authorization: Basic {'QUJD' * 20}", api_key=KEY, token="t0ken-value"
    )
    log.info("settings", metrics=Secret("hush-hush"), server=ServerSettings(metrics_token=Secret("hush-hush")))
    logging.getLogger("library").warning("key %s", KEY)
    written = stream.getvalue()
    assert MASK in written
    for secret in (KEY.partition(":")[2], "QUJDQUJD", "t0ken-value", "hush-hush"):
        assert secret not in written
    assert KEY.partition(":")[0] in written, "the public half of a key tells whose request it was"


def test_values_that_json_does_not_know_are_written_as_text(stream):
    configure(LogSettings(), stream)
    structlog.get_logger().info("odd", value={1, 2} and object)
    assert "object" in lines(stream)[0]["value"]
