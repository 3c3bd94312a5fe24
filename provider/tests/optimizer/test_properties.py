"""Whatever happens in whatever order, what must never be asked for is not asked for. Hypothesis plays the pipeline."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest
from driving import Drive
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_provider.optimizer import events as ev
from argo_provider.optimizer import snapshot
from argo_provider.optimizer.instructions import Build, Canary, CancelBuild, Instruction, Observe, Promote, Retire
from argo_provider.optimizer.model import FailureKind, FunctionId, State, Tier
from argo_provider.optimizer.owner import WISHES
from argo_provider.optimizer.policy import Policy
from argo_provider.optimizer.settings import OptimizerSettings

pytestmark = pytest.mark.unit
FUNCTIONS = [FunctionId("a", "/a/one"), FunctionId("a", "/a/two"), FunctionId("b", "/b/three")]
SETTINGS = replace(OptimizerSettings(), repay_times=0.0, hot_per_minute=5.0, builds_per_hour=8, native_functions=2)
QUICK = settings(max_examples=150, deadline=None)

# Weighted so that most runs get far: answers mostly good, one function more than the others, code that mostly stays.
function = st.sampled_from([*FUNCTIONS, FUNCTIONS[0], FUNCTIONS[0]])
failure = st.sampled_from([None] * 12 + [*FailureKind])
deploy = st.tuples(
    st.just("deploy"),
    function,
    st.sampled_from(["x", "x", "x", "y"]),
    st.sampled_from(["java", "java", "nodejs", "ruby"]),
    st.sampled_from([Tier.AUTO, Tier.AUTO, Tier.NATIVE, Tier.ORDINARY]),
    st.integers(0, 2),
)
burst = st.tuples(st.just("burst"), function, st.integers(1, 30), st.integers(0, 4))
answer = st.tuples(st.just("answer"), st.integers(0, 5), failure)
seldom = st.one_of(
    deploy,
    st.tuples(st.just("remove"), function),
    st.tuples(st.just("fail"), function, st.sampled_from([*FailureKind, FailureKind.CLOSED_WORLD])),
    st.tuples(st.just("gone"), function),
    st.tuples(st.just("ask"), function, st.sampled_from(WISHES)),
    st.tuples(st.just("pass"), st.sampled_from([1.0, 70.0, 400.0, 4000.0])),
    st.tuples(st.just("pressure"), st.sampled_from([None, "a"]), st.integers(0, 400)),
    st.tuples(st.just("restart")),
)
moments = st.tuples(
    st.lists(deploy, min_size=1, max_size=3),
    st.lists(st.one_of(burst, answer, answer, answer, seldom), min_size=10, max_size=60),
).map(lambda parts: [*parts[0], *parts[1]])


def _in_order(document: dict[str, Any]) -> dict[str, Any]:
    return document | {"functions": sorted(document["functions"], key=lambda each: each["function"])}


class World(Drive):
    """A pipeline that owes answers, gives them late or never, and looks at each instruction."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.owed: list[Instruction] = []
        self.code: dict[FunctionId, str] = {}
        self.families: dict[FunctionId, str] = {}
        self.proven: dict[FunctionId, set[str]] = defaultdict(set)  # what was asked for of the code it has
        self.running: set[FunctionId] = set()
        self.rest: Any = None  # what was kept, as a store would have it
        self.kept: dict[FunctionId, Any] = {}

    def keep(self, *, everything: bool = False) -> None:
        changed = self.policy.take_changes(everything=everything)
        self.rest = changed.rest or self.rest
        for function, body in changed.functions.items():
            self.kept.pop(function, None)
            if body is not None:
                self.kept[function] = json.loads(json.dumps(body))

    def look(self, answer: list[Instruction]) -> None:
        self.keep()
        for each in answer:
            assert each.function in self.code, "an instruction for a function that is not there"
            self._look_at(each)
        compiled = [each for each in self.running if self.families[each] == "java"]
        assert len(compiled) <= SETTINGS.builds_at_once

    def _look_at(self, each: Instruction) -> None:
        proven = self.proven[each.function]
        if isinstance(each, Observe | Build | Canary | Promote):
            assert each.fingerprint == self.code[each.function]
        if isinstance(each, Observe | Build | Canary):
            self.owed.append(each)
        if isinstance(each, Build):
            assert 1 <= each.round <= SETTINGS.rounds
            proven.add("built")
            self.running.add(each.function)
        elif isinstance(each, Canary):
            assert "built" in proven
            proven.add("tried")
        elif isinstance(each, Promote):
            assert {"built", "tried"} <= proven
        elif isinstance(each, CancelBuild):
            self.running.discard(each.function)
        elif isinstance(each, Retire) and each.fingerprint != self.code[each.function]:
            proven.clear()

    def step(self, moment: tuple) -> None:
        what, *rest = moment
        getattr(self, f"do_{what}")(*rest)
        self.check()

    def do_deploy(self, function: FunctionId, code: str, kind: str, tier: Tier, warm: int) -> None:
        new = self.code.get(function) != code + kind
        self.code[function], self.families[function] = code + kind, kind
        answer = self.deploy(function, family=kind, code=code + kind, tier=tier, warm=warm)
        if new:
            self.proven[function].clear()
            self.running.discard(function)
        self.look(answer)

    def do_remove(self, function: FunctionId) -> None:
        answer = self.feed(ev.Removed(function, self.at))
        self.look([each for each in answer if each.function != function or function in self.code])
        assert function in self.code or not answer
        self.code.pop(function, None)
        self.running.discard(function)
        self.proven[function].clear()

    def do_burst(self, function: FunctionId, times: int, overlap: int) -> None:
        self.look(self.invoke(function, times, code=self.code.get(function, "?"), overlap=overlap))

    def do_answer(self, which: int, failure: FailureKind | None) -> None:
        if not self.owed:
            return
        each = self.owed.pop(which % len(self.owed))
        known = (each.function, self.at, each.fingerprint)
        if isinstance(each, Observe):
            event: ev.Event = ev.Recorded(*known, ("fs",) if failure is FailureKind.UNSUPPORTED else ())
        elif isinstance(each, Build):
            self.running.discard(each.function)
            event = ev.BuildEnded(*known, 30.0, failure)
        else:
            event = ev.CanaryEnded(*known, failure)
        if each.function in self.code:
            self.look(self.feed(event))
        else:
            assert self.feed(event) == []

    def do_fail(self, function: FunctionId, kind: FailureKind) -> None:
        self.look(self.fails(kind, function, code=self.code.get(function, "?")))

    def do_gone(self, function: FunctionId) -> None:
        self.look(self.feed(ev.ArtefactGone(function, self.at, self.code.get(function, "?"))))

    def do_ask(self, function: FunctionId, wish: str) -> None:
        self.look(self.asks(wish, function))

    def do_pass(self, seconds: float) -> None:
        self.look(self.passes(seconds))

    def do_pressure(self, namespace: str | None, free: int) -> None:
        self.look(self.feed(ev.MemoryPressure(self.at, namespace, free)))

    def do_restart(self) -> None:
        self.keep(everything=True)
        kept = snapshot.assemble(self.rest, list(self.kept.values()))
        whole = self.policy.to_json()
        assert _in_order(kept) == _in_order(whole)
        self.policy = Policy.from_json(kept, SETTINGS)
        assert _in_order(self.policy.to_json()) == _in_order(whole)
        self.owed.clear()
        self.running.clear()
        self.look(self.policy.resume(self.at))

    def check(self) -> None:
        for each in FUNCTIONS:
            told = self.policy.explain(each)
            assert (told is not None) == (each in self.code)
            if told is None:
                continue
            assert told.reason.endswith(".")
            assert told.next.endswith(".")
            assert len(told.history) <= 50
            assert 0 <= told.rounds <= SETTINGS.rounds
            self._check_routes(each, told.state)
            if self.families[each] == "ruby":
                assert told.state in {State.ORDINARY, State.PINNED}

    def _check_routes(self, function: FunctionId, state: State) -> None:
        routes = {self.policy.route(function, self.code[function]) for _ in range(3)}
        native = {route for route in routes if route.technology}
        if state in {State.ORDINARY, State.OBSERVED, State.BUILDING}:
            assert not native
        if state is State.NATIVE:
            assert native == routes
            assert not any(route.canary for route in routes)
        if state is State.CANARY:
            assert native == {route for route in routes if route.canary}
        if any(route.observed for route in routes):
            assert state is State.OBSERVED
        assert not any(route.technology for route in (self.policy.route(function, "other"),))


@QUICK
@given(moments)
def test_nothing_happens_that_must_not(moments: list[tuple]) -> None:
    world = World()
    for each in moments:
        world.step(each)
    for each in list(world.code):
        world.do_remove(each)
    assert world.passes(100_000.0) == []


ONE = FUNCTIONS[0]
climb = st.sampled_from(
    [
        ("answer", 0, None),
        ("answer", 0, None),
        ("answer", 0, FailureKind.CLOSED_WORLD),
        ("fail", ONE, FailureKind.CLOSED_WORLD),
        ("fail", ONE, FailureKind.CRASH),
        ("pass", 400.0),
        ("restart",),
    ]
)


@QUICK
@given(st.lists(climb, min_size=10, max_size=60))
def test_one_code_is_never_built_more_often_than_allowed(moments: list[tuple]) -> None:
    world = World()
    world.step(("deploy", ONE, "x", "java", Tier.NATIVE, 0))
    for each in moments:
        world.step(each)
    told = world.explain(ONE)
    rounds = [each.round for each in world.out if isinstance(each, Build)]
    assert rounds == sorted(rounds)
    assert (told.rounds == SETTINGS.rounds) <= (told.state is State.PINNED)
