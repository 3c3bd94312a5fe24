"""Many functions: turns and budgets, warmth, memory, what survives a restart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from driving import START, Drive, F

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.instructions import Build, Canary, Demote, Observe, Promote, Scale
from argo_provider.optimizer.keepalive import Pauses, keep_alive
from argo_provider.optimizer.model import FailureKind, FunctionId, Route, State, Tier
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.snapshot import SnapshotError

pytestmark = pytest.mark.unit
SETTINGS = OptimizerSettings(repay_times=0)


def many(number: int, namespace: str = "guest") -> list[FunctionId]:
    return [FunctionId(namespace, f"/{namespace}/f{each:03}") for each in range(number)]


def test_two_hundred_hot_at_once_are_built_one_by_one_the_most_called_first() -> None:
    drive = Drive(replace(SETTINGS, builds_per_hour=1000))
    functions = many(200)
    for number, function in enumerate(functions):
        drive.deploy(function)
        drive.invoke(function, 30 + number, every=0.0001)
        drive.recorded(function)
    begun = [each.function for each in drive.out if isinstance(each, Build)]
    assert begun == [functions[0]]
    assert drive.explain(functions[1]).queued == 199
    assert "198 other builds" in drive.explain(functions[2]).next
    order = []
    while begun:
        order += begun
        begun = [each.function for each in drive.built(begun[0]) if isinstance(each, Build)]
    assert order == [functions[0], *reversed(functions[1:])]


def test_one_that_cooled_while_it_waited_is_not_built() -> None:
    drive = Drive()
    first, second = many(2)
    for function in (first, second):
        drive.deploy(function)
        drive.invoke(function, 30)
        drive.recorded(function)
    drive.at += 5000
    assert not any(isinstance(each, Build) for each in drive.built(first))
    assert drive.state(second) is State.ORDINARY


def test_a_namespace_out_of_builds_lets_others_go_first() -> None:
    drive = Drive(replace(SETTINGS, builds_per_hour=1))
    mine, theirs = many(2), many(1, "other")
    for function in (*mine, *theirs):
        drive.deploy(function, tier=Tier.NATIVE)
    assert [each.function for each in drive.built(mine[0]) if isinstance(each, Build)] == theirs
    drive.built(theirs[0])
    assert drive.state(mine[1]) is State.BUILDING
    assert "optimizer.builds_per_hour" in drive.explain(mine[1]).next, "it does not wait for its turn but for the hour"
    assert [type(each) for each in drive.passes(3601)] == [Build]


def test_a_namespace_has_only_so_many_native_functions() -> None:
    drive = Drive(replace(SETTINGS, native_functions=1))
    first, second = many(2)
    drive.native(first)
    drive.deploy(second)
    assert drive.invoke(second, 100) == []
    drive.feed(ev.Removed(first, drive.at))
    assert drive.invoke(second, 1) == [Observe(second, "one")]


def test_isolates_grow_with_overlap_and_shrink_when_it_is_gone() -> None:
    drive = Drive().native()
    assert Scale(F, 7) in drive.invoke(times=30, overlap=6, run_ms=50.0)
    drive.out.clear()
    for _ in range(20):
        drive.invoke(times=10, every=0.5)
        drive.passes(0.5)
    assert drive.out[-1] == Scale(F, 1)
    assert drive.passes(3700) == [Scale(F, 0)]
    assert drive.policy.route(F, "one") == Route("niuk")
    assert drive.invoke() == [Scale(F, 1)]


def test_a_quick_function_shares_few_isolates_and_they_are_there_before_its_trial() -> None:
    drive = Drive().native()
    drive.invoke(times=100, overlap=15, run_ms=2.0)
    assert drive.out[-1] == Scale(F, 2)
    slow = Drive()
    slow.deploy()
    slow.invoke(times=100, overlap=15, run_ms=100.0)
    slow.recorded()
    (trial,) = slow.built()
    assert isinstance(trial, Canary)
    assert trial.warm == 16


@pytest.mark.parametrize(("patience", "isolates"), [(0.002, 16), (0.02, 2), (1.0, 1), (0.0, 16)])
def test_as_many_share_isolates_as_the_pool_has_them_wait_for(patience: float, isolates: int) -> None:
    drive = Drive(patience=patience)
    drive.deploy()
    drive.invoke(times=100, overlap=15, run_ms=2.0)
    drive.recorded()
    (trial,) = drive.built()
    assert isinstance(trial, Canary)
    assert trial.warm == isolates


def test_what_a_busy_service_adds_to_a_quick_function_asks_for_no_isolates() -> None:
    drive = Drive().native()
    drive.invoke(times=100, overlap=15, run_ms=100.0, native=True, inside_ms=2.0)
    assert drive.out[-1] == Scale(F, 2)
    slower = Drive().native()
    slower.invoke(times=100, overlap=15, run_ms=100.0, native=True, inside_ms=60.0)
    assert slower.out[-1] == Scale(F, 16)


def test_the_owners_minimum_stays_warm() -> None:
    drive = Drive()
    assert drive.deploy(warm=2) == [Scale(F, 2)]
    drive.invoke(times=5, overlap=4)
    assert drive.passes(10_000) == [Scale(F, 2)]
    assert drive.feed(ev.MemoryPressure(drive.at, None, 0)) == []


def test_when_memory_is_short_the_least_valuable_go_first() -> None:
    drive = Drive(replace(SETTINGS, pressure_free_mb=20))
    rare, often, theirs = (*many(2), *many(1, "other"))
    for function, number in ((rare, 25), (often, 100), (theirs, 25)):
        drive.native(function)
        drive.invoke(function, number, every=0.01)
    assert drive.feed(ev.MemoryPressure(drive.at, "guest", 13)) == [Scale(rare, 0)]
    assert drive.feed(ev.MemoryPressure(drive.at, "guest", 20)) == []
    assert drive.feed(ev.MemoryPressure(drive.at, None, 0)) == [Scale(theirs, 0), Scale(often, 0)]


def test_where_a_namespace_has_two_niuks_only_the_one_that_is_short_gives_up_its_isolates() -> None:
    drive = Drive(replace(SETTINGS, pressure_free_mb=20))
    full, elsewhere = many(2)
    for function, number in ((full, 100), (elsewhere, 25)):
        drive.native(function)
        drive.invoke(function, number, every=0.01)
    short = ev.MemoryPressure(drive.at, "guest", 0, frozenset({full.path}))
    assert drive.feed(short) == [Scale(full, 0)]


def test_keep_alive_follows_the_rhythm() -> None:
    def learnt(gaps: list[float], *, memory: float = 256, start: float = 1000) -> float:
        pauses = Pauses()
        for gap in gaps:
            pauses.add(gap)
        return keep_alive(pauses, SETTINGS, memory_mb=memory, start_ms=start)

    assert learnt([]) == SETTINGS.keep_alive_first_seconds
    assert 60 <= learnt([60.0] * 20) < 90  # kept until it comes again
    assert learnt([7200.0] * 20) == SETTINGS.keep_alive_least_seconds  # no use to wait
    assert (
        learnt([0.01] * 90 + [1800.0] * 10) == SETTINGS.keep_alive_least_seconds
    )  # between bursts there is nothing to wait for
    assert learnt([600.0] * 20, memory=2048) == SETTINGS.keep_alive_least_seconds  # too dear
    assert learnt([300.0] * 20, memory=8, start=50) > 300  # an isolate costs little
    assert learnt([60.0] * 300 + [7200.0] * 1200) < 20  # a new rhythm is learnt


def test_what_was_under_way_is_asked_for_again_after_a_restart() -> None:
    drive = Drive()
    names = dict(zip(("observed", "waiting", "building", "canary", "native", "pinned", "plain"), many(7), strict=True))
    drive.deploy(names["building"], tier=Tier.NATIVE)
    for state in ("canary", "native", "pinned"):
        drive.native(names[state], family="nodejs")
    drive.asks("pin", names["pinned"])
    drive.fails(FailureKind.CRASH, names["canary"])
    drive.asks("optimise", names["canary"])
    drive.recorded(names["canary"])
    drive.built(names["canary"])
    drive.deploy(names["observed"])
    drive.invoke(names["observed"], 30)
    drive.deploy(names["waiting"], tier=Tier.NATIVE, warm=1)
    drive.deploy(names["plain"], warm=1)
    kept = json.loads(json.dumps(drive.policy.to_json()))
    policy = Policy.from_json(kept, drive.settings)
    assert policy.to_json() == kept
    again = policy.resume(drive.at)
    by_name = {name: [type(each) for each in again if each.function == function] for name, function in names.items()}
    assert by_name == {
        "observed": [Observe],
        "waiting": [Scale],
        "building": [Build],
        "canary": [Canary],
        "native": [Promote],
        "pinned": [Promote],
        "plain": [Scale],
    }
    assert policy.explain(names["waiting"]).queued == 1
    assert policy.route(names["native"], "one") == Route("niuk")
    assert policy.functions("guest") == tuple(names[each] for each in sorted(names, key=lambda n: names[n]))
    assert policy.states("guest") == {name.path: policy.explain(name).state for name in names.values()}
    assert policy.handle(ev.NativeFailed(names["native"], drive.at, "one", FailureKind.DIFFERENT, ""))[0] == Demote(
        names["native"]
    )


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "cannot be read"),
        ({"version": 1, "functions": [{}], "builds": {}}, "missing required field"),
        ({"version": 2, "functions": [], "builds": {}}, "version 2"),
    ],
)
def test_a_damaged_snapshot_is_refused(document: object, says: str) -> None:
    with pytest.raises(SnapshotError, match=says):
        Policy.from_json(document, SETTINGS)


def test_unknown_functions_are_let_fall() -> None:
    drive = Drive()
    assert drive.invoke(times=100) == []
    assert drive.policy.explain(F) is None
    assert drive.policy.functions("guest") == ()
    assert drive.policy.states("guest") == {}
    assert drive.policy.route(F, "one") == Route()
    assert drive.feed(ev.Tick(START)) == []


def test_what_is_kept_is_what_was_decided_and_a_few_of_those_that_were_called() -> None:
    drive = Drive()
    functions = many(30)
    for each in functions:
        drive.deploy(each)
    whole = drive.policy.take_changes(everything=True)
    assert set(whole.functions) == set(functions)
    assert whole.rest is not None
    for each in functions:
        drive.invoke(each, every=0.0)
    assert not drive.policy.take_changes(), "figures alone are not worth a write"
    drive.asks("pin", functions[7])
    changed = drive.policy.take_changes()
    assert functions[7] in changed.functions
    assert len(changed.functions) < 15
    assert changed.rest is None
    drive.policy.put_back(changed)
    assert set(drive.policy.take_changes(everything=True).functions) == set(functions)
    assert not drive.policy.take_changes(everything=True)


def test_one_that_is_gone_is_kept_no_longer() -> None:
    drive = Drive()
    drive.deploy()
    drive.policy.take_changes(everything=True)
    drive.feed(ev.Removed(F, drive.at))
    assert drive.policy.take_changes().functions == {F: None}
