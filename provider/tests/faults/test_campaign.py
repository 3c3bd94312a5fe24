"""A short campaign over the real service: promises are kept, and a bug on purpose is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from argo_dev.faults import faults
from argo_dev.faults.campaign import Outcome, Plan, run
from argo_dev.faults.single import SingleBox

pytestmark = pytest.mark.end_to_end


async def campaign(folder: Path, plan: Plan, *, planted: bool = False) -> Outcome:
    world = SingleBox(folder, planted=planted)
    try:
        return await run(world, plan, print)
    finally:
        await world.unmount()


async def test_nothing_is_lost_doubled_or_left(tmp_path: Path) -> None:
    each = [(fault, 1) for fault in (faults.kill, faults.kill_sandbox, faults.fill_disk)]
    outcome = await campaign(tmp_path, Plan(rounds=3, seed=7, faults=each))
    assert outcome.violations == []
    assert len(outcome.history.accepted) > 20
    assert outcome.history.runs.total() > 20


async def test_a_202_before_its_commit_is_found(tmp_path: Path) -> None:
    outcome = await campaign(tmp_path, Plan(rounds=2, seed=7, faults=[(faults.kill, 1)], quiet=5), planted=True)
    assert {violation.kind for violation in outcome.violations} == {"lost"}
