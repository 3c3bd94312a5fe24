"""What a native form costs and saves: when it is made, when it is given up, and what its owner reads of that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import Drive, F, G

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.instructions import Build, Demote, Observe, Promote
from argo_provider.optimizer.model import FunctionId, State, Tier
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.settings import OptimizerSettings
from argo_provider.optimizer.sizes import Sizes, shares

pytestmark = pytest.mark.unit
SETTINGS = OptimizerSettings(hibernated_mb=0.0)
SLEEPING = OptimizerSettings()
ALONE = replace(SETTINGS, niuk_mb=0.0, engine_builds=0.0)  # nothing but isolates counts


def weighed(drive: Drive, *, ordinary: float, native: float, function: FunctionId = F) -> None:
    """Both measured, and nothing of the NIUk but the isolate."""
    drive.feed(ev.Weighed(function, drive.at, native=False, mb=ordinary))
    drive.feed(ev.Weighed(function, drive.at, native=True, mb=native))


def java(settings: OptimizerSettings = SETTINGS, *, ordinary: float = 40.0, native: float = 1.0) -> Drive:
    drive = Drive(settings)
    drive.deploy()
    drive.invoke(cold=True, wait_ms=120.0)
    weighed(drive, ordinary=ordinary, native=native)
    return drive


def test_a_start_is_worth_the_processor_time_that_it_takes() -> None:
    """As long as it is waited for, where that was not seen: from the stock, it is more."""

    def kept(start_cpu_ms: float | None) -> float:
        drive = java(replace(SETTINGS, keep_alive_first_seconds=3600.0))
        drive.feed(ev.Weighed(F, drive.at, native=False, mb=40.0, start_cpu_ms=start_cpu_ms))
        drive.invoke(cold=True, wait_ms=30.0)
        return drive.policy.stays(F)[0].kept

    assert kept(30.0) < kept(None) < kept(200.0)


def test_a_burst_that_an_hour_does_not_repay_begins_no_build() -> None:
    drive = java()
    assert drive.invoke(times=60, every=1.0) == []
    told = drive.explain()
    assert told.state is State.ORDINARY
    assert "moves when its native form pays" in told.next
    assert "argofn optimise" in told.next


def test_a_build_begins_where_many_sandboxes_at_once_are_saved() -> None:
    drive = java(ordinary=100.0)
    assert Observe(F, "one") in drive.invoke(times=12_000, every=0.6, overlap=30)
    assert [type(each) for each in drive.recorded()] == [Build]


def test_what_is_called_for_long_has_longer_to_repay() -> None:
    """Ten calls a minute save little in an hour, and enough in a day."""
    drive = java(replace(SETTINGS, build_cpu_seconds=20.0), ordinary=200.0)
    assert drive.invoke(times=600, every=6.0) == []
    assert Observe(F, "one") in drive.invoke(times=600 * 22, every=6.0)


def test_the_build_that_was_measured_counts() -> None:
    cheap, dear = java(ordinary=200.0), java(ordinary=200.0)
    for drive, seconds in ((cheap, 2.0), (dear, 1000.0)):
        drive.deploy(G, tier=Tier.NATIVE)
        drive.feed(ev.BuildEnded(G, drive.at, "one", seconds, cpu_seconds=seconds))
    for drive in (cheap, dear):
        drive.invoke(times=700, every=6.0)
    assert cheap.state() is not State.ORDINARY
    assert dear.state() is State.ORDINARY


@pytest.mark.parametrize(("isolate", "moves"), [(3.0, True), (40.0, False)])
def test_a_function_that_is_kept_warm_moves_only_where_an_isolate_holds_less(isolate: float, moves: bool) -> None:
    drive = Drive(ALONE)
    drive.deploy(family="nodejs")
    drive.invoke(cold=True, wait_ms=60.0)
    weighed(drive, ordinary=20.0, native=isolate)
    drive.invoke(times=60, every=10.0)
    assert (drive.state() is not State.ORDINARY) == moves


def test_functions_repay_the_niuk_of_their_namespace_together() -> None:
    drive = Drive(replace(ALONE, niuk_mb=40.0))
    functions = [FunctionId("guest", f"/guest/f{each}") for each in range(4)]
    for function in functions:
        drive.deploy(function, family="nodejs")
        drive.invoke(function, cold=True, wait_ms=60.0)
        weighed(drive, ordinary=20.0, native=3.0, function=function)
    drive.invoke(functions[0], times=200, every=10.0)
    assert drive.state(functions[0]) is State.ORDINARY, "alone it would hold more than it saves"
    for _ in range(200):
        for function in functions:
            drive.invoke(function, every=2.5)
    assert {drive.state(function) for function in functions} == {State.OBSERVED}


def test_while_nobody_knows_what_an_isolate_holds_one_function_finds_out() -> None:
    drive = Drive(ALONE)
    for function in (F, G):
        drive.deploy(function, family="nodejs")
        drive.invoke(function, cold=True, wait_ms=300.0)
    for _ in range(60):
        drive.invoke(F, every=10.0)
        drive.invoke(G, every=10.0)
    assert drive.state(F) is State.OBSERVED
    assert drive.state(G) is State.ORDINARY
    drive.recorded(F)
    drive.built(F)
    drive.feed(ev.NiukWeighed(drive.at, "guest", 200.0, (ev.Tenant(F.path, 1, 30.0),)))
    answer = drive.tried(F)
    assert Demote(F) in answer
    assert not any(isinstance(each, Promote) for each in answer)
    assert "costs more than it saves" in drive.explain(F).reason
    for _ in range(60):
        drive.invoke(G, every=10.0)
    assert drive.state(G) is State.ORDINARY


def test_what_pays_no_more_goes_back_when_it_is_idle_and_not_before() -> None:
    drive = Drive(ALONE)
    drive.deploy(family="nodejs")
    drive.invoke(cold=True, wait_ms=100.0)
    weighed(drive, ordinary=40.0, native=4.0)
    drive.invoke(times=100, every=10.0)
    drive.recorded()
    drive.built()
    drive.tried()
    assert drive.state() is State.NATIVE
    weighed(drive, ordinary=40.0, native=400.0)
    drive.invoke(times=3, every=1.0, native=True)
    assert drive.state() is State.NATIVE
    assert Demote(F) in drive.passes(700.0)
    assert "costs more than it saves" in drive.explain().reason
    drive.invoke(times=50, every=2.0)
    assert drive.state() is State.ORDINARY, "it cools down first"


def test_an_engine_that_is_not_there_is_built_for_those_who_repay_it() -> None:
    drive = Drive(replace(SETTINGS, niuk_mb=0.0))
    for function in (F, G):
        drive.deploy(function, family="nodejs")
        drive.invoke(function, cold=True, wait_ms=60.0)
        weighed(drive, ordinary=20.0, native=3.0, function=function)
        drive.invoke(function, times=100, every=10.0)
    assert {drive.state(F), drive.state(G)} == {State.ORDINARY}
    drive.asks("optimise")
    drive.recorded()
    drive.built()
    drive.invoke(G, times=20, every=10.0)
    assert drive.state(G) is State.OBSERVED, "somebody asked for it, and now it is there"


def test_its_owners_word_goes_before_every_bill() -> None:
    drive = Drive(SETTINGS)
    drive.deploy(family="nodejs", tier=Tier.NATIVE)
    weighed(drive, ordinary=10.0, native=500.0)
    drive.recorded()
    drive.built()
    drive.tried()
    assert drive.state() is State.NATIVE
    drive.passes(10_000.0)
    assert drive.state() is State.NATIVE
    drive.deploy(G, family="nodejs")
    weighed(drive, ordinary=10.0, native=500.0, function=G)
    drive.asks("optimise", G)
    drive.recorded(G)
    drive.built(G)
    drive.tried(G)
    drive.passes(10_000.0)
    assert drive.state(G) is State.NATIVE, "asked for once is asked for"


def test_what_hibernates_is_awake_for_less_long_and_there_for_longer() -> None:
    sleeping, never = java(SLEEPING), java()
    for drive in (sleeping, never):
        drive.invoke(times=3, every=900.0, run_ms=500.0)
        drive.invoke(times=30, every=900.0, run_ms=500.0)
    asleep, awake = sleeping.policy.stays(F)[0], never.policy.stays(F)[0]
    assert asleep.awake <= awake.kept < asleep.kept
    assert awake.awake == awake.kept, "without swap it is awake while it is there"
    assert asleep.kept >= 900.0, "its next invocation finds it"


def test_a_function_that_is_quick_sleeps_later_than_one_that_takes_longer_than_waking_up() -> None:
    """Waiting counts for more beside what it takes itself."""

    def awake(run_ms: float) -> float:
        drive = java(SLEEPING)
        drive.invoke(times=2, every=900.0, run_ms=run_ms)
        return drive.policy.stays(F)[0].awake

    assert awake(5.0) > awake(500.0)


def test_a_function_whose_rhythm_is_not_known_may_sleep_for_as_long_as_any() -> None:
    drive = java(SLEEPING)
    drive.invoke(run_ms=500.0)
    stay = drive.policy.stays(F)[0]
    assert stay.awake <= SLEEPING.keep_alive_first_seconds < stay.kept


def test_sleepers_make_a_native_form_repay_later() -> None:
    drives = [java(settings, ordinary=200.0) for settings in (SETTINGS, SLEEPING)]
    for drive in drives:
        drive.invoke(times=40, every=120.0, run_ms=500.0)
    without, with_sleep = (drive.policy._functions[F].paying.bill(drive.at).saves for drive in drives)
    assert with_sleep < without


def test_what_was_measured_survives_a_restart() -> None:
    drive = java()
    again = Policy.from_json(drive.policy.to_json(), SETTINGS)
    assert again.to_json() == drive.policy.to_json()
    assert again.stays(F) == drive.policy.stays(F)


def test_sandboxes_that_ran_beside_others_go_before_the_one_used_last() -> None:
    drive = java()
    for _ in range(40):
        drive.invoke(times=2, every=0.1, overlap=4, run_ms=500.0)
        drive.invoke(times=20, every=20.0, run_ms=500.0)
    used_last, beside = drive.policy.stays(F)
    assert used_last.kept > beside.kept >= SETTINGS.keep_alive_least_seconds
    drive.deploy(warm=2)
    assert drive.policy.stays(F) is None, "its owner's minimum is kept otherwise"
    assert Drive(replace(SETTINGS, enabled=False)).policy.stays(F) is None


def test_an_isolates_share_is_by_its_heap_and_the_base_is_nobodys() -> None:
    tenants = (ev.Tenant("/g/js", 2, 30.0), ev.Tenant("/g/java", 1, 10.0), ev.Tenant("/g/idle", 0, 0.0))
    assert shares(ev.NiukWeighed(0.0, "g", 100.0, tenants), 20.0) == {"/g/js": 30.0, "/g/java": 20.0}
    assert shares(ev.NiukWeighed(0.0, "g", 10.0, tenants), 20.0) == {"/g/js": 15.0, "/g/java": 10.0}
    assert shares(ev.NiukWeighed(0.0, "g", 100.0, ()), 20.0) == {}


def test_measures_are_smoothed_and_told_when_they_change() -> None:
    sizes = Sizes()
    assert sizes.isolate_mb("nodejs", SETTINGS) == SETTINGS.isolate_mb
    assert sizes.weighed("nodejs", ev.Weighed(F, 10.0, native=True, mb=20.0))
    assert not sizes.weighed("nodejs", ev.Weighed(F, 11.0, native=True, mb=21.0))
    assert 20.0 < sizes.isolate_mb("nodejs", SETTINGS) < 21.0
    assert sizes.sandbox_mb("nodejs", SETTINGS) == SETTINGS.sandbox_mb
    assert sizes.knows_isolates("nodejs", 1000.0)
    assert not sizes.knows_isolates("nodejs", 200_000.0), "another engine may be there by now"
    before = sizes.build_ms(SETTINGS)
    assert sizes.built(20.0, 10.0, 20.0)
    assert sizes.build_ms(SETTINGS) < before
