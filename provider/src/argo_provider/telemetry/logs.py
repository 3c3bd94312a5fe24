"""Log lines: readable on a terminal, JSON elsewhere; each with the transaction id of the request it belongs to."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO

import orjson
import structlog

from argo_provider.settings.tree import LogFormat, LogSettings

MASK = "******"
_SECRET_NAME = re.compile(
    r"(authorization|password|passwd|secret|token|api_?key|^auth$|^key$|credential)", re.IGNORECASE
)
_KEY_TEXT = re.compile(r"\b([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):[A-Za-z0-9]{32,}")
_BASIC_TEXT = re.compile(r"\b(Basic|Bearer) +[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE)
# By its name structlog takes it for one of its own, which cost several times as much to set.
_transaction: ContextVar[str] = ContextVar("structlog_transaction")
# Loud libraries: what they say below this is of no use to an operator.
_QUIET = {
    "aiohttp.access": logging.ERROR,
    "aiohttp.server": logging.CRITICAL,  # a traceback for each malformed request line: clients could flood the log
    "docker": logging.WARNING,
    "urllib3": logging.WARNING,
    "alembic": logging.WARNING,
}


def configure(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's lines to `stream` (standard error). Once, before anything logs."""
    stream = stream or sys.stderr
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _renderers(settings.format, stream)
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    _standard_library(level, stream, shared, last)


def bind_transaction(transaction_id: str) -> None:
    """Put the id into every line that this task, and those it starts, will log from here on."""
    _transaction.set(transaction_id)


def mask_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor: nothing that is or looks like a credential leaves in a line."""
    for name, value in event.items():
        if _SECRET_NAME.search(name):
            event[name] = MASK
        elif isinstance(value, str):
            event[name] = _masked(value)
    return event


def _masked(text: str) -> str:
    if ":" in text:
        text = _KEY_TEXT.sub(rf"\1:{MASK}", text)
    return _BASIC_TEXT.sub(rf"\1 {MASK}", text) if " " in text else text


def _renderers(chosen: LogFormat, stream: TextIO) -> list[structlog.typing.Processor]:
    console = chosen is LogFormat.CONSOLE or (chosen is LogFormat.AUTO and stream.isatty())
    if console:
        return [mask_secrets, _console(stream)]
    return [
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        mask_secrets,
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _console(stream: TextIO) -> structlog.typing.Processor:
    """Tracebacks without the values of variables: secrets are among them."""
    return structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _json(event: Any, **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()


def _standard_library(
    level: int,
    stream: TextIO,
    shared: list[structlog.typing.Processor],
    last: list[structlog.typing.Processor],
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, quiet))
