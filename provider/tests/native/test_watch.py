"""What is made of a NIUk's figures: isolates that functions share count once."""

from __future__ import annotations

from typing import Any

import pytest

from argo_provider.insight.port import NiukView
from argo_provider.native.watch import groups_of, weighed
from argo_provider.optimizer.sizes import shares

pytestmark = pytest.mark.unit
MB = 1 << 20


def function(name: str, *isolates: tuple[int, int], busy: int = 0) -> dict[str, Any]:
    """`isolates`: number, and MB of heap taken."""
    listed = [{"id": number, "committed": mb * MB} for number, mb in isolates]
    return {"address": f"/g/{name}", "idle": len(isolates) - busy, "busy": busy, "runs": 7, "isolates": listed}


FIGURES = {
    "functions": [
        function("a", (1, 24)),
        function("b", (1, 24)),
        function("c", (1, 24), (2, 10), busy=1),
        function("alone", (3, 6)),
        {**function("", (3, 6)), "address": ""},  # another revision, say, of what is called by a name no more
    ]
}


def test_a_shared_isolate_is_divided_among_those_who_live_there() -> None:
    groups, isolates = groups_of(FIGURES)
    assert isolates == 3
    assert [(group.path, group.memory_bytes // MB, group.shared) for group in groups] == [
        ("/g/a", 8, 1),
        ("/g/b", 8, 1),
        ("/g/c", 18, 1),
        ("/g/alone", 3, 1),
    ]
    assert [(group.spare, group.busy, group.invocations) for group in groups] == [
        (1, 0, 7),
        (1, 0, 7),
        (1, 1, 7),
        (1, 0, 7),
    ]


def test_what_the_optimiser_weighs_adds_up_to_what_is_held() -> None:
    groups, _ = groups_of({"functions": FIGURES["functions"][:3]})
    view = NiukView("n", "g", "process", 1, 0.0, 88 * MB, 512 * MB, 0, groups)
    parts = shares(weighed(view), 20.0)
    assert parts == {"/g/a": 16.0, "/g/b": 16.0, "/g/c": 18.0}
    assert sum(parts[group.path] * (group.spare + group.busy) for group in groups) == 88 - 20


def test_figures_of_a_host_that_has_nothing() -> None:
    assert groups_of({}) == ((), 0)
