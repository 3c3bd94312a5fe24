"""The check finds each broken promise, and nothing else."""

from __future__ import annotations

from collections import Counter

import pytest
from argo_dev.faults.checker import check
from argo_dev.faults.history import Answer, Final, History, Tenant, Updates

pytestmark = pytest.mark.unit

TENANTS = {name: Tenant(name, "key", f"secret of {name}") for name in ("blue", "green")}


def kept() -> tuple[History, Final]:
    """A history in which every promise was kept."""
    right = {"n": 1, "namespace": "blue", "secret": "secret of blue"}
    history = History(
        accepted={"a": "blue", "b": "green"},
        answers=[Answer("blue", 1, right)],
        runs=Counter({"a": 1}),
        updates={("blue", "t"): Updates(acknowledged=4, sent=5)},
    )
    records = {"blue": Counter({"a": 1, "of a blocking call": 1}), "green": Counter({"b": 1})}
    return history, Final(records, {("blue", "t"): 5}, 0)


def kinds(history: History, final: Final) -> list[str]:
    return [violation.kind for violation in check(history, final, TENANTS)]


def test_a_history_that_kept_all_promises() -> None:
    assert kinds(*kept()) == []


def test_a_202_without_a_record_is_lost() -> None:
    history, final = kept()
    del final.records["green"]["b"]
    assert kinds(history, final) == ["lost"]


def test_two_runs_or_two_records_are_doubled() -> None:
    history, final = kept()
    history.runs["a"] = 2
    final.records["blue"]["a"] = 2
    assert kinds(history, final) == ["doubled", "doubled"]


@pytest.mark.parametrize("value", [3, 6, None])
def test_an_acknowledged_update_that_is_not_there_or_one_nobody_sent(value: int | None) -> None:
    history, final = kept()
    final.values["blue", "t"] = value
    assert kinds(history, final) == ["update"]


def test_an_entity_of_which_nothing_was_acknowledged_may_be_missing() -> None:
    history, final = kept()
    history.updates["green", "t"] = Updates(acknowledged=-1, sent=0)
    final.values["green", "t"] = None
    assert kinds(history, final) == []


def test_what_belongs_to_somebody_else() -> None:
    history, final = kept()
    history.answers.append(Answer("green", 2, {"n": 2, "namespace": "green", "secret": "secret of blue"}))
    final.records["blue"]["b"] = 1
    assert kinds(history, final) == ["tenant", "tenant"]


def test_sandboxes_that_are_left() -> None:
    history, final = kept()
    assert kinds(history, Final(final.records, final.values, strays=2)) == ["stray"]
