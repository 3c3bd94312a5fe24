"""One line an entity, in the shapes of `wsk`'s lists; scripts cut them by columns."""

from __future__ import annotations

import time
from typing import Any

from argo_provider.cli.client.arguments import as_mapping

STATUSES = ("success", "application error", "developer error", "internal error")
HEADER = ("Datetime", "Activation ID", "Kind", "Start", "Duration", "Status", "Entity")


def visibility(entity: dict[str, Any]) -> str:
    return "shared" if entity.get("publish") else "private"


def action_row(entity: dict[str, Any]) -> str:
    kind = as_mapping(entity.get("annotations")).get("exec") or ""
    return f"{_path(entity):<70} {visibility(entity)} {kind}".rstrip()


def package_row(entity: dict[str, Any]) -> str:
    return f"{_path(entity):<70} {visibility(entity)}"


trigger_row = package_row


def rule_row(entity: dict[str, Any]) -> str:
    return f"{_path(entity):<70} {visibility(entity):<20} {entity.get('status', '')}".rstrip()


def _path(entity: dict[str, Any]) -> str:
    return f"/{entity['namespace']}/{entity['name']}"


def activation_rows(records: list[dict[str, Any]]) -> list[str]:
    """The header, then a row a record; columns as wide as the widest."""
    table = [HEADER, *(_activation(record) for record in records)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADER))]
    return [" ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _activation(record: dict[str, Any]) -> tuple[str, ...]:
    annotations = as_mapping(record.get("annotations"))
    entity = f"{_cut(record['namespace'], 20)}/{_cut(record['name'], 30)}:{_cut(record['version'], 20)}"
    return (
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record["start"] / 1000)),
        record["activationId"],
        str(annotations.get("kind") or "unknown"),
        "cold" if annotations.get("initTime") is not None else "warm",
        duration(record.get("duration") or 0),
        status_of(record),
        entity,
    )


def status_of(record: dict[str, Any]) -> str:
    """In words; a list carries a number, a full record a text."""
    response = record.get("response")
    if isinstance(response, dict) and response.get("status"):
        text = str(response["status"])
        return {"action developer error": STATUSES[2], "whisk internal error": STATUSES[3]}.get(text, text)
    code = record.get("statusCode") or 0
    return STATUSES[code] if code in range(len(STATUSES)) else str(code)


def _cut(text: str, most: int) -> str:
    """Longer ones lose their middle."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[: most - half]}...{text[len(text) - half + 3 :]}"


def duration(milliseconds: float) -> str:
    """`57ms`, `2.033s`, `1m2.5s`: as Go prints it."""
    if milliseconds == 0:
        return "0s"
    if milliseconds < 1000:
        return f"{milliseconds:g}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes or hours else "") + seconds


def ago(milliseconds: float) -> str:
    """A span in one or two words: `12 s`, `3 min`, `2 h`, `4 d`."""
    seconds = max(0.0, milliseconds / 1000)
    for limit, size, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def size(count: float | None) -> str:
    """Bytes for people."""
    if count is None:
        return "-"
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"
