"""One function, step by step: what each event does in each state."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from driving import Drive, F, G

from argo_provider.optimizer import events as ev
from argo_provider.optimizer.instructions import Build, Canary, CancelBuild, Demote, Observe, Promote, Retire, Scale
from argo_provider.optimizer.model import FailureKind, ImpossibleTransition, Route, State, Tier
from argo_provider.optimizer.settings import OptimizerSettings

pytestmark = pytest.mark.unit


def ordinary() -> Drive:
    drive = Drive()
    drive.deploy()
    return drive


def observed() -> Drive:
    drive = ordinary()
    drive.invoke(times=30)
    return drive


def building() -> Drive:
    drive = observed()
    drive.recorded()
    return drive


def canary() -> Drive:
    drive = building()
    drive.built()
    return drive


def native() -> Drive:
    drive = canary()
    drive.tried()
    return drive


def pinned() -> Drive:
    drive = building()
    drive.built(failure=FailureKind.USER_CODE, detail="it has no main")
    return drive


def pinned_native() -> Drive:
    drive = native()
    drive.asks("pin")
    return drive


STATES = {
    State.ORDINARY: ordinary,
    State.OBSERVED: observed,
    State.BUILDING: building,
    State.CANARY: canary,
    State.NATIVE: native,
    State.PINNED: pinned,
}


def test_a_hot_java_function_goes_all_the_way() -> None:
    drive = Drive()
    assert drive.deploy() == []
    assert drive.policy.route(F, "one") == Route()
    assert drive.invoke(times=30) == [Observe(F, "one")]
    assert any(drive.policy.route(F, "one").observed for _ in range(10))
    assert drive.recorded() == [Build(F, "one", 1)]
    assert drive.policy.route(F, "one") == Route()
    [trial] = drive.built()
    assert isinstance(trial, Canary)
    assert drive.tried() == [Promote(F, "one"), Scale(F, 1)]
    assert drive.policy.route(F, "one") == Route("niuk")
    steps = [(step.before, step.after) for step in drive.explain().history]
    order = [State.ORDINARY, State.OBSERVED, State.BUILDING, State.CANARY, State.NATIVE]
    assert steps == list(pairwise(order))


Given, When = Callable[[], Drive], Callable[[Drive], list]
DEMOTE, RETIRE, OBSERVE, CANCEL = Demote(F), Retire(F, "one"), Observe(F, "one"), CancelBuild(F, "one")
TABLE: list[tuple[str, Given, When, State, list, str]] = [
    ("checker finds a need", observed, lambda d: d.recorded(F, "fs (index.js:3)"), State.PINNED, [DEMOTE], "fs (index.js:3)"),
    ("build lacks something", building, lambda d: d.built(failure=FailureKind.CLOSED_WORLD, detail="class X"), State.OBSERVED, [OBSERVE], "class X"),
    ("builder is missing", building, lambda d: d.built(failure=FailureKind.BUILDER), State.ORDINARY, [], "builder is missing"),
    ("disk is full", building, lambda d: d.built(failure=FailureKind.DISK), State.ORDINARY, [], "no room on the disk"),
    ("build outran its limits", building, lambda d: d.built(failure=FailureKind.LIMIT), State.ORDINARY, [], "failure 1 of 3"),
    ("code cannot run natively", building, lambda d: d.built(failure=FailureKind.USER_CODE), State.PINNED, [RETIRE], "cannot run natively"),
    ("builder says nothing", building, lambda d: d.passes(2000), State.ORDINARY, [CANCEL, Scale(F, 0)], "no word from the builder"),
    ("other answers on trial", canary, lambda d: d.tried(failure=FailureKind.DIFFERENT), State.PINNED, [DEMOTE, RETIRE], "another answer"),
    ("slower on trial", canary, lambda d: d.tried(failure=FailureKind.SLOWER), State.ORDINARY, [DEMOTE], "slower"),
    ("lacks something on trial", canary, lambda d: d.fails(FailureKind.CLOSED_WORLD), State.OBSERVED, [DEMOTE, OBSERVE], "built again (1 of 3)"),
    ("NIUk killed on trial", canary, lambda d: d.fails(FailureKind.CRASH), State.ORDINARY, [DEMOTE], "ended under it"),
    ("lacks something later", native, lambda d: d.fails(FailureKind.CLOSED_WORLD), State.OBSERVED, [DEMOTE, OBSERVE], "built again (1 of 3)"),
    ("native form swept, still hot", native, lambda d: d.feed(ev.ArtefactGone(F, d.at, "one")), State.OBSERVED, [DEMOTE, OBSERVE], "times a minute"),
    ("demoted by its owner", native, lambda d: d.asks("demote"), State.ORDINARY, [DEMOTE], "owner"),
    ("pinned by its owner", native, lambda d: d.asks("pin"), State.PINNED, [], "native"),
    ("pinned while built", building, lambda d: d.asks("pin"), State.PINNED, [CANCEL], "ordinary runtime"),
    ("pinned native, unpinned", pinned_native, lambda d: d.asks("unpin"), State.NATIVE, [], "unpinned"),
    ("pinned native, fails", pinned_native, lambda d: d.fails(FailureKind.CRASH), State.PINNED, [DEMOTE], "ended under it"),
    ("pinned native, demoted", pinned_native, lambda d: d.asks("demote"), State.PINNED, [DEMOTE], "owner"),
    ("pinned native, new code", pinned_native, lambda d: d.deploy(code="two"), State.PINNED, [DEMOTE, RETIRE], "stays pinned"),
    ("pinned, unpinned, still hot", pinned, lambda d: d.asks("unpin"), State.OBSERVED, [OBSERVE], "times a minute"),
    ("pinned, new code, still hot", pinned, lambda d: d.deploy(code="two"), State.OBSERVED, [RETIRE, Observe(F, "two")], "times a minute"),
    ("asked for while cold", ordinary, lambda d: d.asks("optimise"), State.BUILDING, [Build(F, "one", 1)], "owner asked"),
    ("asked for while observed", observed, lambda d: d.asks("optimise"), State.BUILDING, [Build(F, "one", 1)], "owner asked"),
    ("updated while built", building, lambda d: d.deploy(code="two"), State.OBSERVED, [CANCEL, RETIRE, Observe(F, "two")], "times a minute"),
    ("updated on trial", canary, lambda d: d.deploy(code="two"), State.OBSERVED, [DEMOTE, RETIRE, Observe(F, "two")], "times a minute"),
    ("annotated ordinary", native, lambda d: d.deploy(tier=Tier.ORDINARY), State.ORDINARY, [DEMOTE], "argo.tier says ordinary"),
    ("annotated with a sandbox", native, lambda d: d.deploy(sandbox="container"), State.ORDINARY, [DEMOTE], "argo.sandbox says container"),
    ("annotated again, same code", native, lambda d: d.deploy(idempotent=True), State.NATIVE, [], "as fast"),
    ("cooled before it was recorded", observed, lambda d: d.passes(50_000), State.ORDINARY, [DEMOTE, Scale(F, 0)], "not hot any more"),
    ("observed long enough", observed, lambda d: [*d.invoke(times=35, every=4.0), *d.passes(1)], State.BUILDING, [Build(F, "one", 1)], "shown so far"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "state", "asked", "reason"), [pytest.param(*row[1:], id=row[0]) for row in TABLE]
)
def test_step(given: Given, when: When, state: State, asked: list, reason: str) -> None:
    drive = given()
    answer = when(drive)
    told = drive.explain()
    assert (told.state, answer) == (state, asked)
    assert reason in told.reason
    assert told.next


@pytest.mark.parametrize("state", STATES)
def test_removed_in_any_state_leaves_nothing(state: State) -> None:
    drive = STATES[state]()
    answer = drive.feed(ev.Removed(F, drive.at))
    assert answer[-1] == RETIRE
    assert (CANCEL in answer) == (state is State.BUILDING)
    assert drive.policy.explain(F) is None
    assert drive.invoke(times=50) + drive.built() + drive.fails(FailureKind.CRASH) + drive.passes(10_000) == []
    assert drive.policy.route(F, "one") == Route()


@pytest.mark.parametrize("state", STATES)
def test_invocations_of_other_code_are_never_native(state: State) -> None:
    drive = STATES[state]()
    assert {drive.policy.route(F, "two") for _ in range(20)} == {Route()}


@pytest.mark.parametrize(
    ("given", "answer"),
    [(ordinary, Drive.recorded), (observed, Drive.built), (building, Drive.tried), (native, Drive.built)],
)
def test_an_answer_that_nobody_asked_for_raises_with_the_story(given: Given, answer: Callable) -> None:
    drive = given()
    with pytest.raises(ImpossibleTransition, match="nobody asked for; function /guest/f of guest") as caught:
        answer(drive)
    for step in drive.explain().history:
        assert step.reason in str(caught.value)


def test_answers_that_come_late_are_let_fall() -> None:
    drive = building()
    drive.deploy(code="two")
    assert drive.built() == []
    drive.recorded(code="two")
    drive.asks("demote")
    assert drive.built(code="two") == []
    assert drive.state() is State.ORDINARY


def test_three_failed_builds_pin_it_with_the_reason() -> None:
    drive = building()
    for round_ in (1, 2):
        drive.built()
        drive.fails(FailureKind.CLOSED_WORLD, detail=f"java.util.Thing{round_}")
        assert drive.recorded() == [Build(F, "one", round_ + 1)]
    assert drive.built(failure=FailureKind.CLOSED_WORLD, detail="resource /messages.properties") == [RETIRE]
    told = drive.explain()
    assert (told.state, told.rounds) == (State.PINNED, 3)
    assert "resource /messages.properties" in told.reason
    assert "build 3 of 3" in told.reason
    assert "unpin" in told.next
    assert drive.invoke(times=500) == []


def test_cool_down_doubles_and_the_third_crash_pins() -> None:
    drive = native()
    waits = []
    for _ in range(2):
        drive.fails(FailureKind.CRASH)
        began = drive.at
        drive.invoke(times=2000, every=1.0)
        step = next(step for step in drive.explain().history if step.at > began)
        waits.append(step.at - began)
        assert step.after is State.OBSERVED
        drive.recorded()
        drive.built()
    assert waits == [300.0, 600.0]
    drive.fails(FailureKind.CRASH)
    assert drive.state() is State.PINNED


def test_a_missing_builder_is_tried_again_for_as_long_as_it_is_hot() -> None:
    drive = building()
    for _ in range(20):
        assert drive.built(failure=FailureKind.BUILDER) == []
        assert drive.state() is State.ORDINARY
        drive.asks("optimise")
    assert drive.state() is State.BUILDING


def test_wished_native_is_built_at_once_and_tried_again_after_the_cool_down() -> None:
    drive = Drive()
    assert drive.deploy(tier=Tier.NATIVE) == [Build(F, "one", 1)]
    drive.built(failure=FailureKind.BUILDER)
    assert drive.passes(299) == []
    assert drive.passes(2) == [Build(F, "one", 1)]


def test_a_checker_that_says_nothing_holds_nobody_up() -> None:
    drive = Drive()
    assert drive.deploy(family="nodejs", tier=Tier.NATIVE) == [Observe(F, "one")]
    assert drive.passes(899) == []
    assert drive.passes(2) == [DEMOTE]
    assert "no word from the checker" in drive.explain().reason
    assert drive.passes(301) == [Observe(F, "one")]


@pytest.mark.parametrize("family", ["nodejs", "python"])
def test_families_without_a_build_take_no_turn(family: str) -> None:
    drive = Drive(OptimizerSettings(builds_at_once=1, repay_times=0))
    drive.deploy(tier=Tier.NATIVE)
    assert [type(each) for each in drive.native(G, family=family).out if each.function == G][:3] == [
        Observe,
        Build,
        Canary,
    ]


@pytest.mark.parametrize(
    ("settings", "deployed", "told"),
    [
        (OptimizerSettings(enabled=False), {}, "optimiser is off"),
        (OptimizerSettings(), {"family": "ruby"}, "no native form for ruby"),
        (OptimizerSettings(), {"tier": Tier.ORDINARY}, "argo.tier says ordinary"),
        (OptimizerSettings(), {"sandbox": "process"}, "argo.sandbox says process"),
    ],
)
def test_what_may_not_move_says_so_even_when_it_is_asked_for(
    settings: OptimizerSettings, deployed: dict, told: str
) -> None:
    drive = Drive(settings)
    drive.deploy(**deployed)
    assert drive.invoke(times=500) == []
    assert drive.asks("optimise") == []
    assert told in drive.explain().reason
    assert told in drive.explain().history[-1].reason


def test_an_unknown_wish_names_the_four() -> None:
    with pytest.raises(ValueError, match="optimise, demote, pin, unpin"):
        ordinary().asks("fly")


def test_the_wished_sandbox_is_in_the_route() -> None:
    drive = Drive()
    drive.deploy(sandbox="microvm")
    assert drive.policy.route(F, "one") == Route("microvm")
    assert drive.policy.route(F, "newer") == Route("microvm")


def test_a_trial_takes_its_share_and_no_more() -> None:
    drive = canary()
    share = next(each.share for each in drive.out if isinstance(each, Canary))
    routes = [drive.policy.route(F, "one") for _ in range(1000)]
    assert abs(sum(route.canary for route in routes) - 1000 * share) <= 1
    assert {route for route in routes if route.canary} == {Route("niuk", canary=True)}


def test_rare_functions_are_tried_with_fewer_and_a_larger_share() -> None:
    drive = Drive()
    drive.deploy(tier=Tier.NATIVE)
    assert drive.built() == [Canary(F, "one", 0.5, 3)]
    busy = canary()
    [often] = [each for each in busy.out if isinstance(each, Canary)]
    assert often.invocations == 14
    assert 0.1 <= often.share <= 0.5
