"""The pipeline over the real policy: what moves a function, what stops it, and that no route is open too early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from argo_provider.events import ActionChanged, TierChanged
from argo_provider.model.names import FullName
from argo_provider.optimizer import recorders as module
from argo_provider.optimizer.builds import BuildState
from argo_provider.optimizer.model import FailureKind, Route, State
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.ports import Weight
from argo_provider.placement.port import ORDINARY
from argo_proxy.protocol.messages import Execution, Outcome, OutcomeKind, Phases
from argo_proxy.sandboxes.port import Shortfall

from .moving import SOON, Craft, F, Moving, executable, failure

pytestmark = pytest.mark.unit
NATIVE, CANARY = Route("niuk"), Route("niuk", canary=True)


@pytest.fixture(autouse=True)
def recorders_write_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.0)


@pytest.fixture
async def moving(tmp_path: Path) -> AsyncIterator[Moving]:
    made = Moving(tmp_path)
    await made.start()
    yield made
    await made.close()


async def test_a_hot_function_is_recorded_built_tried_and_moved(moving: Moving) -> None:
    moving.invoke()
    assert moving.state is State.OBSERVED
    await moving.until(State.BUILDING, invoking=True)
    assert moving.craft.learnt
    assert set(moving.routes) == {ORDINARY, Route(observed=True)}
    moving.craft.allow.set()
    await moving.until(State.NATIVE, invoking=True)
    assert moving.invoke(3) == [NATIVE] * 3
    [build] = moving.builds.records("guest")
    assert (build.state, build.artefact_bytes, build.round) == (BuildState.SUCCEEDED, 10, 1)
    assert TierChanged(F) in moving.published


async def test_no_route_is_open_before_its_sandbox_is_ready(moving: Moving) -> None:
    await moving.make_native()
    first = {way: moving.routes.index(way) for way in (Route(observed=True), CANARY)}
    assert moving.ways.prepared[:2] == [Route(observed=True), NATIVE]
    assert all(moving.routes[: first[CANARY]].count(way) == 0 for way in (CANARY, NATIVE))


async def test_nobody_waits_when_the_recorder_is_left(moving: Moving) -> None:
    moving.ways.warm_ones, moving.ways.gate = 0, asyncio.Event()
    moving.invoke()
    await moving.until(State.BUILDING, invoking=True)
    await moving.until_so(lambda: ORDINARY in moving.ways.prepared)
    assert moving.invoke(3) == [Route(observed=True)] * 3, "until an ordinary sandbox is warm"
    moving.ways.gate.set()
    await moving.until_so(lambda: moving.builds.records("guest"))
    assert moving.invoke(3) == [ORDINARY] * 3
    assert ("observed", 0) in moving.ways.closed


async def test_a_script_is_read_and_needs_no_recorder(moving: Moving) -> None:
    moving.craft.records = False
    moving.now = executable(kind="nodejs:20", binary=False)
    await moving.make_native()
    assert moving.ways.prepared[0] == NATIVE
    assert not moving.craft.learnt


async def test_what_the_engine_lacks_keeps_a_script_where_it_is(moving: Moving) -> None:
    moving.craft.records, moving.craft.unmet = False, ("fs (index.js:3)",)
    moving.now = executable(kind="nodejs:20", binary=False)
    moving.invoke()
    await moving.until(State.PINNED)
    assert "fs (index.js:3)" in moving.reason
    assert moving.invoke() == [ORDINARY]


async def test_a_miss_sends_it_back_at_once_and_it_is_built_again(moving: Moving) -> None:
    await moving.make_native()
    moving.fall_short(Shortfall.MISSING)
    await moving.until_so(lambda: moving.state is not State.NATIVE)
    assert moving.invoke()[0] is not NATIVE
    assert moving.craft.misses
    assert ("niuk", 0) in moving.ways.closed
    await moving.until(State.NATIVE, invoking=True)
    assert [build.round for build in moving.builds.records("guest")] == [2, 1]


async def test_misses_without_end_pin_it_with_the_reason(moving: Moving) -> None:
    for _ in range(SOON.rounds):
        await moving.make_native()
        moving.fall_short(Shortfall.MISSING)
        await moving.until_so(lambda: moving.state is not State.NATIVE)
    assert moving.state is State.PINNED
    assert "class a.B" in moving.reason
    assert moving.invoke(2) == [ORDINARY] * 2


async def test_new_code_during_its_build_cancels_it(moving: Moving) -> None:
    await moving.make_building()
    moving.now = executable("2", code_digest="sha256:bb")
    moving.invoke()
    await moving.until_so(lambda: moving.craft.cancelled == 1)
    assert moving.builds.records("guest")[-1].state is BuildState.CANCELLED
    moving.craft.allow.set()
    await moving.until(State.NATIVE, invoking=True)
    assert [subject.executable.code_digest for subject in moving.craft.built] == ["sha256:bb"]


async def test_new_code_during_its_canary_is_never_run_as_the_old(moving: Moving) -> None:
    await moving.make_canary()
    moving.now = executable("2", code_digest="sha256:bb")
    assert moving.invoke() != [CANARY]
    assert F not in moving.craft.adopted


async def test_invocations_of_an_older_revision_change_nothing(moving: Moving) -> None:
    await moving.make_native()
    old, moving.now = moving.now, executable("2", memory_mb=512)
    assert moving.invoke() == [NATIVE]
    moving.now = old
    assert moving.invoke() == [ORDINARY]
    moving.now = executable("2", memory_mb=512)
    assert moving.invoke() == [NATIVE]


async def test_deleted_during_its_build(moving: Moving) -> None:
    await moving.make_building()
    moving.events.publish(ActionChanged(FullName("guest", "f"), deleted=True))
    await moving.until_so(lambda: moving.craft.forgotten == [F])
    await moving.until_so(lambda: moving.craft.cancelled == 1)
    assert moving.builds.records("guest") == []
    assert moving.pipeline.explain(F) is None


async def test_what_does_not_initialise_natively_is_never_routed_there(moving: Moving) -> None:
    moving.ways.outcome = Outcome(OutcomeKind.DEVELOPER_ERROR, {"error": "no such file", "reply": "{}"})
    moving.craft.allow.set()
    moving.invoke()
    await moving.until(State.PINNED, invoking=True)
    assert "no such file" in moving.reason
    assert {route.technology for route in moving.routes} == {None}


async def test_a_machine_out_of_breath_pins_nothing(moving: Moving) -> None:
    moving.ways.outcome = Outcome(OutcomeKind.DEVELOPER_ERROR, {"error": "exceeded its time limits"}, timed_out=True)
    await moving.make_building()
    moving.craft.allow.set()
    await moving.until_so(lambda: moving.state is not State.BUILDING)
    assert moving.state is not State.PINNED
    assert "in its time" in str(moving.pipeline.explain(F))


async def test_its_niuk_killed_in_a_canary(moving: Moving) -> None:
    await moving.make_canary()
    moving.fall_short(Shortfall.CRASHED, "")
    await moving.until_so(lambda: moving.state is not State.CANARY)
    assert "ended under it" in moving.reason


async def test_another_answer_natively_ends_the_trial_for_good(moving: Moving) -> None:
    await moving.make_canary()
    here, there = (Execution(Outcome(OutcomeKind.SUCCESS, {"n": n}), Phases(), 0.0, 0.0) for n in (1, 2))
    moving.pipeline.compared(moving.now, here, there)
    assert moving.state is State.PINNED
    assert "another result" in moving.reason


async def test_slower_natively_is_not_promoted(moving: Moving) -> None:
    await moving.make_canary()
    while moving.state is State.CANARY:
        route = moving.pipeline.route(moving.now)
        slow = Phases(run=500.0 if route.canary else 5.0)
        done = Execution(Outcome(OutcomeKind.SUCCESS, {}), slow, 0.0, 1.0, sandbox=route.technology or "process")
        moving.pipeline.executed(moving.now, done)
    assert "slower" in moving.reason


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (FailureKind.BUILDER, "The builder is missing"),
        (FailureKind.DISK, "no room on the disk"),
        (FailureKind.LIMIT, "outran its memory or its time"),
        (FailureKind.USER_CODE, "cannot run natively"),
    ],
)
async def test_a_build_that_fails_says_why(moving: Moving, kind: FailureKind, said: str) -> None:
    moving.craft.failures = [failure(kind, "for this reason")]
    await moving.make_building()
    moving.craft.allow.set()
    await moving.until_so(lambda: moving.builds.records("guest")[-1].failure)
    told = [step.reason for step in moving.pipeline.explain(F).history]  # type: ignore[union-attr]
    assert any(said in reason and "for this reason" in reason for reason in told)
    assert moving.builds.records("guest")[-1].detail == "for this reason"
    assert {route.technology for route in moving.invoke(3)} == {None} or kind is FailureKind.BUILDER


async def test_once_native_it_holds_no_ordinary_sandbox(moving: Moving) -> None:
    await moving.make_native()
    assert {("", 0), (Route(observed=True).variant, 0)} <= set(moving.ways.closed)


async def test_a_restart_goes_on_where_it_was(moving: Moving, tmp_path: Path) -> None:
    await moving.make_native()
    await moving.close()
    policy = Policy.from_json(await moving.shelf.policy(), SOON)
    again = Moving(tmp_path, documents=moving.documents, policy=policy, craft=Craft())
    again.actions[F] = moving.now
    await again.start()
    try:
        await again.until_so(lambda: again.craft.adopted)
        assert again.invoke(2) == [NATIVE] * 2
        assert again.builds.records("guest")[0].state is BuildState.SUCCEEDED
    finally:
        await again.close()


async def test_a_restart_that_finds_the_artefact_gone_builds_again(moving: Moving, tmp_path: Path) -> None:
    await moving.make_native()
    await moving.close()
    policy = Policy.from_json(await moving.shelf.policy(), SOON)
    again = Moving(tmp_path, documents=moving.documents, policy=policy, craft=Craft(there=False))
    again.actions[F] = moving.now
    await again.start()
    try:
        await again.until_so(lambda: again.state is not State.NATIVE)
        assert again.invoke()[0].technology is None
        again.craft.there = True
        await again.make_native()
    finally:
        await again.close()


async def test_a_restart_finds_the_action_gone(moving: Moving, tmp_path: Path) -> None:
    await moving.make_native()
    await moving.close()
    policy = Policy.from_json(await moving.shelf.policy(), SOON)
    again = Moving(tmp_path, documents=moving.documents, policy=policy)
    await again.start()
    try:
        await again.until_so(lambda: again.pipeline.explain(F) is None)
    finally:
        await again.close()


async def test_the_owner_asks(moving: Moving) -> None:
    moving.actions[F] = moving.now
    assert await moving.pipeline.meet(F)
    moving.craft.allow.set()
    moving.pipeline.ask(F, "optimise")
    await moving.until(State.NATIVE, invoking=True)
    moving.pipeline.ask(F, "demote")
    assert moving.invoke() == [ORDINARY]
    with pytest.raises(ValueError, match="no wish"):
        moving.pipeline.ask(F, "fly")


async def test_native_by_annotation_from_the_first_on(moving: Moving) -> None:
    moving.now = executable(annotations={"argo.tier": "native"})
    moving.actions[F] = moving.now
    moving.events.publish(ActionChanged(FullName("guest", "f"), deleted=False))
    await moving.until_so(lambda: moving.builds.records("guest"))
    moving.craft.allow.set()
    await moving.until(State.NATIVE, invoking=True)
    assert moving.invoke(2) == [NATIVE] * 2


async def test_isolates_are_asked_for_by_what_user_code_takes(moving: Moving) -> None:
    await moving.make_native()
    moving.pipeline.ran("guest", "/guest/f", 1_500_000)
    moving.pipeline.ran("guest", "/guest/unknown", 1_500_000)
    moving.invoke(run_ms=80.0)
    await moving.pipeline.close()
    state = await moving.shelf.policy()
    [function] = (state or {})["functions"]
    assert function["signals"]["inside_ms"] == 1.5


async def test_what_sandboxes_were_seen_to_hold_is_told_to_the_policy(moving: Moving) -> None:
    moving.invoke()
    moving.ways.weights = [Weight(F, "", 30.0), Weight(F, "niuk", 3.0)]
    await moving.pipeline.tick()
    record = moving.policy.to_json()["functions"][0]
    assert (record["ordinary_mb"], record["native_mb"]) == (30.0, 3.0)
    assert moving.pipeline.keep_alive(*F) == moving.policy.stays(F)
    assert moving.pipeline.keep_alive("nobody", "/nobody/f") is None
