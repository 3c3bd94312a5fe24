import asyncio

import pytest

from argo_provider.errors import BadRequest, Forbidden, NotFound, Overloaded
from argo_provider.invocation.fire import FireRequest
from argo_provider.invocation.invoke import Accepted
from argo_provider.invocation.journal import CUT_OFF, GONE
from argo_provider.model.activation import Status
from argo_provider.model.entities import Package, Parameter, Rule, RuleLink, Trigger
from argo_provider.model.names import FullName
from argo_provider.placement.fake import failed
from argo_provider.placement.port import Overloaded as PlacementOverloaded
from argo_provider.placement.port import OverloadReason

pytestmark = pytest.mark.unit


async def record_of(world, activation_id):
    async with asyncio.timeout(5):
        while (found := await world.stores.activations.get("me", activation_id)) is None:
            await asyncio.sleep(0.001)
        return found


async def test_arguments_are_merged_and_the_record_is_kept(world):
    await world.action("a", parameters={"x": Parameter("action"), "y": Parameter("action")})
    activation = await world.run("a", {"y": "payload"})
    assert activation.response.result == {"x": "action", "y": "payload"}
    kept = await record_of(world, activation.activation_id)
    assert (kept.name, kept.annotations["path"], kept.response) == ("a", "me/a", activation.response)


async def test_a_final_parameter_is_the_owners(world):
    await world.action("a", parameters={"x": Parameter(1)}, annotations={"final": True})
    with pytest.raises(BadRequest, match="not allowed"):
        await world.run("a", {"x": 2})
    assert (await world.run("a", {"other": 2})).response.result == {"x": 1, "other": 2}


async def test_a_missing_action(world):
    with pytest.raises(NotFound):
        await world.run("none")


async def test_a_wait_that_expires_is_a_promise(world):
    await world.action("a")
    world.placement.hold()
    accepted = await world.run("a", wait_ms=10)
    assert isinstance(accepted, Accepted)
    (entry,) = await world.stores.activations.unfinished()
    assert (entry.activation_id, entry.claimed) == (accepted.activation_id, True)
    world.placement.release()
    assert (await record_of(world, accepted.activation_id)).response.status is Status.SUCCESS
    assert await world.stores.activations.unfinished() == []


async def test_without_waiting_the_journal_comes_first(world):
    await world.action("a")
    world.placement.hold()
    accepted = await world.run("a", wait_ms=None)
    (entry,) = await world.stores.activations.unfinished()
    assert entry.activation_id == accepted.activation_id
    world.placement.release()
    await record_of(world, accepted.activation_id)
    assert await world.stores.activations.unfinished() == []


async def test_overload_leaves_nothing_behind(world):
    await world.action("a")
    world.placement.overload = OverloadReason.QUEUE_FULL
    for wait_ms in (1000, None):
        with pytest.raises(Overloaded):
            await world.run("a", wait_ms=wait_ms)
    assert await world.stores.activations.unfinished() == []


async def test_a_place_that_is_gone_before_it_began_is_an_overload_with_a_record(world):
    await world.action("a")
    world.placement.script = lambda _: PlacementOverloaded(OverloadReason.UNPREPARED, "No node is up.")
    with pytest.raises(Overloaded, match=r"No node is up\."):
        await world.run("a")
    record = await record_of(world, world.placement.submitted[-1].activation_id)
    assert (record.response.status, record.response.result) == (Status.WHISK_ERROR, {"error": "No node is up."})
    world.placement.hold()
    accepted = await world.run("a", wait_ms=10)
    assert isinstance(accepted, Accepted)
    world.placement.release()
    assert (await record_of(world, accepted.activation_id)).response.status is Status.WHISK_ERROR
    assert await world.stores.activations.unfinished() == []


async def test_draining_takes_nothing_in(world):
    await world.action("a")
    world.invoke.draining = True
    with pytest.raises(Overloaded):
        await world.run("a")


async def test_a_kind_is_made_ready_first(world):
    await world.action("a")
    await world.run("a")
    assert world.prepared == ["nodejs:20"]


async def test_through_a_package_and_a_binding(world):
    await world.put(
        Package(FullName("me", "p"), parameters={"x": Parameter("package"), "y": Parameter("package")}),
        Package(FullName("me", "b"), binding=FullName("me", "p"), parameters={"y": Parameter("binding")}),
    )
    from argo_provider.invocation.invoke import Request
    from argo_provider.model.entities import Action, Exec

    await world.put(Action(FullName("me", "a", "p"), Exec("nodejs:20")))
    activation = await world.invoke(Request(world.identity, FullName("me", "a", "b"), {}, "tid", 5000))
    assert activation.response.result == {"x": "package", "y": "binding"}
    assert (activation.annotations["path"], activation.annotations["binding"]) == ("me/p/a", "me/b")


async def test_a_sequence_hands_on_results(world):
    await world.action("one", {"n": 1})
    await world.action("two", parameters={"k": Parameter("own")})
    await world.sequence("both", "one", "two")
    activation = await world.run("both", {"start": True})
    assert activation.response.result == {"k": "own", "n": 1}
    assert (len(activation.logs), activation.annotations["topmost"]) == (2, True)
    step = await record_of(world, activation.logs[1])
    assert (step.cause, step.annotations["causedBy"]) == (activation.activation_id, "sequence")


async def test_an_error_stops_a_sequence(world):
    await world.action("bad")
    world.placement.on("/me/bad", script=lambda _: failed("no"))
    await world.action("never")
    await world.sequence("both", "bad", "never")
    activation = await world.run("both")
    assert (activation.response.status, activation.response.result) == (Status.DEVELOPER_ERROR, {"error": "no"})
    assert len(activation.logs) == 1


async def test_a_component_that_went_missing(world):
    await world.sequence("both", "gone")
    activation = await world.run("both")
    assert activation.response.result == {"error": "Sequence component does not exist."}


async def test_a_composition_runs_what_its_conductor_names(world):
    results = iter([{"action": "inc", "params": {"n": 1}, "state": {"s": 7}}, {"params": {"done": True}}])
    await world.action("conductor", annotations={"conductor": True})
    world.placement.on("/me/conductor", script=lambda _: success(next(results)))
    await world.action("inc", {"n": 2})
    activation = await world.run("conductor")
    assert activation.response.result == {"done": True}
    assert (len(activation.logs), activation.annotations["conductor"]) == (3, True)
    assert world.placement.submitted[-1].arguments == {"n": 2, "s": 7}


async def test_a_composition_without_end(world):
    await world.action("conductor", annotations={"conductor": True})
    world.placement.on("/me/conductor", {"action": "inc"})
    await world.action("inc", {"n": 2})
    activation = await world.run("conductor")
    assert activation.response.result == {"error": "Too many actions in the composition."}


def success(result):
    from argo_proxy.protocol.messages import Outcome, OutcomeKind

    return Outcome(OutcomeKind.SUCCESS, result)


async def test_a_fire_runs_active_rules_only(world):
    await world.action("a")
    links = {"me/on": RuleLink(FullName("me", "a"), True), "me/off": RuleLink(FullName("me", "a"), False)}
    await world.put(Trigger(FullName("me", "t"), parameters={"x": Parameter(1)}, rules=links))
    await world.put(Rule(FullName("me", "on"), FullName("me", "t"), FullName("me", "a")))
    fired = await world.fire(FireRequest(world.identity, FullName("me", "t"), {"y": 2}, "tid", {"h": "v"}))
    record = await record_of(world, fired)
    assert (record.end, record.response.result, len(record.logs)) == (0, {"y": 2}, 2)
    (invocation,) = world.placement.submitted
    assert invocation.arguments == {"x": 1, "__ow_headers": {"h": "v"}, "y": 2}


async def test_a_fire_without_active_rules_is_nothing(world):
    await world.put(Trigger(FullName("me", "t")))
    assert await world.fire(FireRequest(world.identity, FullName("me", "t"), {}, "tid")) is None


async def test_another_may_not_fire(world):
    await world.put(Trigger(FullName("you", "t")))
    with pytest.raises(Forbidden, match="'you/t'"):
        await world.fire(FireRequest(world.identity, FullName("you", "t"), {}, "tid"))


async def test_after_a_crash_what_had_not_begun_runs(world):
    await world.action("a")
    world.placement.overload = None
    world.placement.hold()
    accepted = await world.run("a", {"n": 1}, wait_ms=None)
    world.placement.submitted.clear()
    await world.recovery()
    world.placement.release()
    assert (await record_of(world, accepted.activation_id)).response.result == {"n": 1}


async def test_after_a_crash_what_had_begun_is_ended(world):
    await world.action("a")
    world.placement.hold()
    accepted = await world.run("a", wait_ms=10)
    await world.recovery()
    record = await world.stores.activations.get("me", accepted.activation_id)
    assert (record.response.status, record.response.result) == (Status.WHISK_ERROR, {"error": CUT_OFF})


async def test_after_a_crash_what_is_gone_is_ended(world):
    await world.action("a")
    world.placement.hold()
    accepted = await world.run("a", wait_ms=None)
    action = await world.stores.entities.get(FullName("me", "a"))
    await world.stores.entities.commit(deletes=[action])
    await world.recovery()
    assert (await record_of(world, accepted.activation_id)).response.result == {"error": GONE}
