"""One function, step by step: what each event does in each state."""

from __future__ import annotations

import pytest
from driving import Drive, F

from argo_provider.optimizer.instructions import Build, Canary, Observe, Promote, Scale
from argo_provider.optimizer.model import Route, State

pytestmark = pytest.mark.unit


def test_a_hot_java_function_goes_all_the_way() -> None:
    drive = Drive()
    assert drive.deploy() == []
    assert drive.policy.route(F, "one") == Route()
    assert drive.invoke(times=30) == [Observe(F, "one")]
    assert drive.recorded() == [Build(F, "one", 1)]
    [canary] = drive.built()
    assert isinstance(canary, Canary)
    assert drive.tried() == [Promote(F, "one"), Scale(F, 1)]
    assert drive.policy.route(F, "one") == Route("niuk")
    assert [step.after for step in drive.explain().history] == [
        State.OBSERVED,
        State.BUILDING,
        State.CANARY,
        State.NATIVE,
    ]
