"""Holds a history against the promises. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from argo_dev.faults.history import Answer, Final, History, Tenant


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: `kind` is lost, doubled, stray, update or tenant."""

    kind: str
    text: str


def check(history: History, final: Final, tenants: dict[str, Tenant]) -> list[Violation]:
    """All violations; empty is what we want."""
    return [
        *_records(history, final),
        *_runs(history),
        *_updates(history, final),
        *_answers(history, tenants),
        *([Violation("stray", f"{final.strays} sandboxes outlived their service")] if final.strays else []),
    ]


def _records(history: History, final: Final) -> Iterator[Violation]:
    for activation_id, tenant in history.accepted.items():
        number = final.records[tenant][activation_id]
        if number == 0:
            yield Violation("lost", f"{activation_id} of {tenant} was answered 202 and has no record")
    for tenant, records in final.records.items():
        for activation_id, number in records.items():
            if number > 1:
                yield Violation("doubled", f"{activation_id} of {tenant} has {number} records")
            if (owner := history.accepted.get(activation_id, tenant)) != tenant:
                yield Violation("tenant", f"{activation_id} of {owner} is among the records of {tenant}")


def _runs(history: History) -> Iterator[Violation]:
    for activation_id, times in history.runs.items():
        if times > 1:
            yield Violation("doubled", f"{activation_id} ran {times} times")


def _updates(history: History, final: Final) -> Iterator[Violation]:
    for (tenant, trigger), updates in history.updates.items():
        value = final.values[tenant, trigger]
        if updates.acknowledged < 0 and value is None:
            continue
        if value is None or not updates.acknowledged <= value <= updates.sent:
            known = f"{updates.acknowledged} was acknowledged, {updates.sent} sent"
            yield Violation("update", f"trigger {trigger} of {tenant} is {value}: {known}")


def _answers(history: History, tenants: dict[str, Tenant]) -> Iterator[Violation]:
    for answer in history.answers:
        if answer.got != _wanted(answer, tenants[answer.tenant]):
            yield Violation("tenant", f"{answer.tenant} asked for {answer.n} and was answered {answer.got!r}")


def _wanted(answer: Answer, tenant: Tenant) -> dict[str, object]:
    return {"n": answer.n, "namespace": tenant.name, "secret": tenant.secret}
