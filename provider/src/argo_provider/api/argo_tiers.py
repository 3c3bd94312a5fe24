"""/api/v1/argo/tiers: where functions are, why, and what their owner asks for."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from argo_provider.api import argo_builds, query
from argo_provider.api.argo_names import function_of, own_action
from argo_provider.api.bodies import read_object
from argo_provider.api.respond import json_response
from argo_provider.api.state import IDENTITY, SERVICES
from argo_provider.errors import BadRequest, Conflict
from argo_provider.insight.names import shown
from argo_provider.insight.port import WISHES, TierView, WishRefused
from argo_provider.model.entities import Action
from argo_provider.optimizer.model import FunctionId, State, Step
from argo_provider.optimizer.wishes import wishes_of

_MOST_BODY_BYTES = 4096
_SEQUENCE = (
    "It is a sequence: it has no runtime of its own.",
    "Nothing; its components move by themselves.",
)
_UNOPTIMISED = (
    "This service runs without the optimiser: functions stay on their ordinary runtimes.",
    "A service that runs with the optimiser.",
)
_UNHEARD = (
    "It runs on its ordinary runtime, and was not invoked since the service started.",
    "Invocations: it is watched from the first one on.",
)


async def list_all(request: web.Request) -> web.Response:
    """Functions that the optimiser knows, those furthest on their way first."""
    services = request.app[SERVICES]
    namespace = request[IDENTITY].namespace
    window = query.page(request, "tiers", services.limits.list_limit)
    tiers = services.insight.tiers
    await services.insight.look(namespace)
    own = [(s, path) for path, s in tiers.states(namespace).items() if path.startswith(f"/{namespace}/")]
    own.sort(key=lambda each: (-_ORDER[each[0]], each[1]))
    views = [tiers.of(FunctionId(namespace, path)) for _, path in own[window.skip : window.skip + window.limit]]
    return json_response({"tiers": [tier(view) for view in views if view is not None], "total": len(own)})


async def get(request: web.Request) -> web.Response:
    action = await own_action(request)
    await request.app[SERVICES].insight.look(request[IDENTITY].namespace)
    return json_response(_with_history(request, action))


async def wish(request: web.Request) -> web.Response:
    action = await own_action(request)
    wanted = (await read_object(request, _MOST_BODY_BYTES)).get("wish")
    if wanted not in WISHES:
        raise BadRequest(f"'wish' must be one of {', '.join(WISHES)}.")
    if action.exec.is_sequence:
        raise Conflict(" ".join(_SEQUENCE))
    try:
        await request.app[SERVICES].insight.tiers.wish(function_of(action), wanted)
    except WishRefused as error:
        raise Conflict(str(error)) from error
    return json_response(_with_history(request, action), 202)


def _with_history(request: web.Request, action: Action) -> dict[str, Any]:
    insight = request.app[SERVICES].insight
    view = insight.tiers.of(function_of(action)) or _unknown(action, optimised=insight.has_optimiser)
    return {**tier(view), "history": [_step(step) for step in view.history]}


def _unknown(action: Action, *, optimised: bool) -> TierView:
    """What is true of a function that nobody has looked at."""
    if action.exec.is_sequence:
        reason, following = _SEQUENCE
    else:
        reason, following = _UNHEARD if optimised else _UNOPTIMISED
    wishes = wishes_of(action.annotations)
    return TierView(function_of(action), State.ORDINARY, action.updated / 1000, reason, following, wishes)


def tier(view: TierView) -> dict[str, Any]:
    """T without its history."""
    wishes, signals = view.wishes, view.signals
    return {
        "name": shown(view.function.path, view.function.namespace),
        "state": view.state.value,
        "since": int(view.since * 1000),
        "reason": view.reason,
        "next": view.next,
        "wishes": {
            "tier": wishes.tier.value,
            "sandbox": wishes.sandbox,
            "idempotent": wishes.idempotent,
            "warm": wishes.warm,
        },
        "signals": {
            "ratePerMinute": round(signals.rate_per_minute, 2),
            "ratePerHour": round(signals.rate_per_hour, 2),
            "overlap": round(signals.overlap, 2),
            "coldShare": round(signals.cold_share, 4),
            "runMs": round(signals.run_ms, 3),
        },
        "build": None if view.build is None else argo_builds.build(view.build),
        "rounds": view.rounds,
        "fingerprint": view.fingerprint,
    }


def event(view: TierView) -> dict[str, Any]:
    """T as the event stream has it: with the last step of its history."""
    return {**tier(view), "step": _step(view.history[-1]) if view.history else None}


def _step(step: Step) -> dict[str, Any]:
    return {"at": int(step.at * 1000), "from": step.before.value, "to": step.after.value, "reason": step.reason}


_ORDER = {
    state: place
    for place, state in enumerate(
        (State.ORDINARY, State.PINNED, State.OBSERVED, State.BUILDING, State.CANARY, State.NATIVE)
    )
}
