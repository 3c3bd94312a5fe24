"""The part of the OpenAPI document that is /api/v1/argo: paths, parameters, schemas with examples."""

from __future__ import annotations

from typing import Any

from argo_provider.api.openapi_operation import Operation
from argo_provider.insight.feed import KINDS
from argo_provider.insight.functions import BADGES, SORTS, TIERS
from argo_provider.insight.port import WISHES
from argo_provider.optimizer.model import FailureKind, State
from argo_provider.optimizer.wishes import SANDBOXES
from argo_provider.optimizer.wishes import TIERS as WISHED_TIERS

_ARGO = "/api/v1/argo"
_WINDOW = ("limit", "skip")

# Names that mean something else elsewhere are marked; the document has them without the mark.
QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "search": ("Part of the name, in any case.", {"type": "string"}),
    "tier": ("A badge or a state.", {"enum": [*dict.fromkeys(TIERS)]}),
    "kind": ("A kind, or a family of them: nodejs.", {"type": "string"}),
    "sort": ("Names ascend, all else descends.", {"enum": [*SORTS], "default": "name"}),
    "argo:name": ("Of one function: name or package/name.", {"type": "string"}),
    "offset": ("Where to begin, in bytes.", {"type": "integer", "minimum": 0, "default": 0}),
    "types": (
        f"Which events, separated by commas, of {', '.join(KINDS)}; without it all.",
        {"type": "string", "example": "activation,log"},
    ),
    "lastEventId": ("As the header Last-Event-ID, for clients that cannot send one.", {"type": "string"}),
}
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Last-Event-ID": (
        "Go on behind this event; what was lost in between is told by an event `gap`.",
        {"type": "string"},
    ),
    "If-Match": (
        'Save only if this version is in force ("0.0.3", the ETag of the action). Without it, the last to save wins.',
        {"type": "string"},
    ),
}


def _get(summary: str, schema: str, queries: tuple[str, ...] = (), **more: Any) -> dict[str, Operation]:
    return {"get": Operation(summary, {200: schema}, queries, tag="argo", **more)}


def table() -> dict[str, dict[str, Operation]]:
    """Path → verb → operation."""
    tier = {
        **_get("Where a function is, why, and how it came there", "Tier"),
        "post": Operation("Ask for something else", {202: "Tier", 409: "Error"}, (), "Wish", "argo"),
    }
    restore = {"post": Operation("Make a new version with the content of an old one", {200: "Action"}, tag="argo")}
    events = "What happens, as server-sent events: type and one JSON object each"
    functions = ("search", "tier", "kind", "sort", *_WINDOW)
    return {
        f"{_ARGO}/status": _get("Sandboxes, queue, runtimes; loopback or token", "Object", open=True),
        f"{_ARGO}/functions": _get("Functions with figures of the last five minutes", "Functions", functions),
        f"{_ARGO}/tiers": _get("Functions that the optimiser knows", "Tiers", _WINDOW),
        f"{_ARGO}/tiers/{{name}}": tier,
        f"{_ARGO}/tiers/{{package}}/{{name}}": tier,
        f"{_ARGO}/builds": _get("Builds, newest first", "Builds", ("argo:name", "limit")),
        f"{_ARGO}/builds/{{id}}": _get("One build", "Build"),
        f"{_ARGO}/builds/{{id}}/log": _get(
            "A piece of its log; the header X-Next-Offset says where the next one begins",
            "",
            ("offset",),
            media="text/plain",
        ),
        f"{_ARGO}/niuks": _get("NIUks and the isolates in them", "Niuks"),
        f"{_ARGO}/sandboxes": _get("Sandboxes of the namespace, and those bound to nobody yet", "Sandboxes"),
        f"{_ARGO}/versions/{{name}}": _get("The last 50 versions, newest first", "Versions"),
        f"{_ARGO}/versions/{{name}}/{{version}}": _get(
            "The action as it was; where `name` is a package: the versions of its action `version`", "VersionOrVersions"
        ),
        f"{_ARGO}/versions/{{package}}/{{name}}/{{version}}": _get("The action as it was", "Action"),
        f"{_ARGO}/versions/{{name}}/{{version}}/restore": restore,
        f"{_ARGO}/versions/{{package}}/{{name}}/{{version}}/restore": restore,
        f"{_ARGO}/machine": _get("Processors, memory, pool and nodes", "Machine"),
        f"{_ARGO}/schedules": _get("Triggers that fire by themselves", "Schedules"),
        f"{_ARGO}/events": _get(
            events,
            "",
            ("types", "argo:name", "lastEventId"),
            headers=("Last-Event-ID",),
            media="text/event-stream",
        ),
    }


_TEXT, _INTEGER, _NUMBER, _FLAG = {"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "boolean"}
_MS = {"type": "integer", "description": "epoch milliseconds"}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_STATE = {"enum": [state.value for state in State]}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": [schema, {"type": "null"}]}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Any], example: dict[str, Any] | None = None) -> dict[str, Any]:
    """Every property is always there, unless the schema takes none back."""
    made: dict[str, Any] = {"type": "object", "properties": properties, "required": [*properties]}
    return {**made, "examples": [example]} if example else made


def _list(name: str, of: str, **more: Any) -> dict[str, Any]:
    return _object({name: {"type": "array", "items": _ref(of)}, **more})


def schemas() -> dict[str, Any]:
    """All that the paths above name."""
    return {
        "Functions": _list("functions", "Function", total=_INTEGER),
        "Function": _function(),
        "Tiers": _list("tiers", "TierOnly", total=_INTEGER),
        "TierOnly": _object(_tier()),
        "Tier": _object({**_tier(), "history": {"type": "array", "items": _ref("Step")}}, _TIER),
        "Step": _object({"at": _MS, "from": _STATE, "to": _STATE, "reason": _TEXT}),
        "Wish": _object({"wish": {"enum": [*WISHES]}}, {"wish": "optimise"}),
        "Builds": _list("builds", "Build"),
        "Build": _build(),
        **_places(),
        "Versions": _list("versions", "Version"),
        "Version": _version(),
        "VersionOrVersions": {"oneOf": [_ref("Action"), _ref("Versions")]},
        "Machine": _machine(),
        "Pool": _pool(),
        "Schedules": _list("schedules", "Schedule"),
        "Schedule": _schedule(),
    }


def _function() -> dict[str, Any]:
    return _object(
        {
            **dict.fromkeys(("name", "kind", "version"), _TEXT),
            "updated": _MS,
            **dict.fromkeys(("memoryMb", "timeoutMs"), _INTEGER),
            "web": _FLAG,
            "tier": {"enum": [*BADGES]},
            "state": _STATE,
            "ratePerMinute": _NUMBER,
            **dict.fromkeys(("p50", "p99"), _or_null({**_NUMBER, "description": "ms, from acceptance to reply"})),
            "errorShare": _SHARE,
            "invocations": _INTEGER,
            "coldShare": _SHARE,
            "lastInvoked": _or_null(_MS),
            "warmSandboxes": _INTEGER,
        },
        {
            "name": "shop/price",
            "kind": "java:17",
            "version": "0.0.4",
            "updated": 1764000000000,
            "memoryMb": 256,
            "timeoutMs": 60000,
            "web": False,
            "tier": "hot",
            "state": "building",
            "ratePerMinute": 74.2,
            "p50": 3.1,
            "p99": 18.9,
            "errorShare": 0.0,
            "invocations": 371,
            "coldShare": 0.0027,
            "lastInvoked": 1764000300000,
            "warmSandboxes": 2,
        },
    )


def _tier() -> dict[str, Any]:
    wishes = {
        "tier": {"enum": [*WISHED_TIERS]},
        "sandbox": {"enum": [*SANDBOXES]},
        "idempotent": _FLAG,
        "warm": _INTEGER,
    }
    signals = dict.fromkeys(("ratePerMinute", "ratePerHour", "overlap", "coldShare", "runMs"), _NUMBER)
    return {
        "name": _TEXT,
        "state": _STATE,
        "since": _MS,
        "reason": _TEXT,
        "next": {**_TEXT, "description": "what would change it"},
        "wishes": _object(wishes),
        "signals": _object(dict(signals)),
        "build": _or_null(_ref("Build")),
        "rounds": _INTEGER,
        "fingerprint": _TEXT,
    }


_TIER = {
    "name": "hello",
    "state": "ordinary",
    "since": 1764000000000,
    "reason": "It is called 2 times a minute; from 30 on it is worth a native form.",
    "next": "More invocations.",
    "wishes": {"tier": "auto", "sandbox": "auto", "idempotent": False, "warm": 0},
    "signals": {"ratePerMinute": 2.0, "ratePerHour": 40.0, "overlap": 0.0, "coldShare": 0.1, "runMs": 3.2},
    "build": None,
    "rounds": 0,
    "fingerprint": "",
    "history": [],
}


def _build() -> dict[str, Any]:
    return _object(
        {
            **dict.fromkeys(("id", "name", "fingerprint"), _TEXT),
            "state": {"enum": ["queued", "running", "succeeded", "failed", "cancelled"]},
            "started": _MS,
            "ended": _or_null(_MS),
            "seconds": _NUMBER,
            "round": _INTEGER,
            "step": _TEXT,
            "progress": _SHARE,
            "failure": {"enum": [*(kind.value for kind in FailureKind), None]},
            "detail": _TEXT,
            "artefactBytes": _or_null(_INTEGER),
        },
        {
            "id": "b7",
            "name": "shop/price",
            "fingerprint": "9f2c",
            "state": "running",
            "started": 1764000000000,
            "ended": None,
            "seconds": 12.5,
            "round": 1,
            "step": "compiling",
            "progress": 0.4,
            "failure": None,
            "detail": "",
            "artefactBytes": None,
        },
    )


def _places() -> dict[str, Any]:
    counts = dict.fromkeys(("spare", "busy", "total", "shared"), _INTEGER)
    isolates = {"name": _TEXT, "isolates": _object(dict(counts)), "memoryBytes": _INTEGER, "invocations": _INTEGER}
    niuk = {
        "id": _TEXT,
        "sandbox": {"enum": ["process", "microvm"]},
        "pid": _or_null(_INTEGER),
        "started": _MS,
        **dict.fromkeys(("memoryBytes", "memoryLimitBytes", "restarts", "isolates"), _INTEGER),
        "functions": {"type": "array", "items": _object(isolates)},
    }
    sandbox = {
        **dict.fromkeys(("id", "technology"), _TEXT),
        "state": {"enum": ["cold", "warming", "warm", "hibernated", "busy", "gone"]},
        "kind": _TEXT,
        "memoryMb": _INTEGER,
        "name": {**_TEXT, "description": "empty while it is bound to nobody"},
        **dict.fromkeys(("inFlight", "idleMs"), _INTEGER),
    }
    return {
        "Niuks": _list("niuks", "Niuk"),
        "Niuk": _object(niuk),
        "Sandboxes": _list("sandboxes", "Sandbox"),
        "Sandbox": _object(
            sandbox,
            {
                "id": "argo-1f",
                "technology": "process",
                "state": "warm",
                "kind": "nodejs:20",
                "memoryMb": 256,
                "name": "hello",
                "inFlight": 0,
                "idleMs": 1500,
            },
        ),
    }


def _version() -> dict[str, Any]:
    return _object(
        {
            "version": _TEXT,
            "updated": _MS,
            "kind": _TEXT,
            "codeDigest": _or_null(_TEXT),
            "codeBytes": _INTEGER,
            "binary": _FLAG,
            "current": _FLAG,
        },
        {
            "version": "0.0.3",
            "updated": 1764000000000,
            "kind": "nodejs:20",
            "codeDigest": "sha256:" + "0" * 64,
            "codeBytes": 40,
            "binary": False,
            "current": True,
        },
    )


def _machine() -> dict[str, Any]:
    node = {
        "id": _TEXT,
        "state": _TEXT,
        "since": _MS,
        **dict.fromkeys(("memoryMb", "memoryUsedMb", "sandboxes", "waiting"), _INTEGER),
    }
    return _object(
        {
            "cpus": _INTEGER,
            "cpuPercent": {"type": "number", "description": "of all processors together"},
            "loadAverage": {"type": "array", "items": _NUMBER},
            "memoryBytes": _INTEGER,
            "memoryUsedBytes": _INTEGER,
            "pool": _ref("Pool"),
            "uptimeSeconds": _NUMBER,
            "version": _TEXT,
            "degraded": {"type": "array", "items": _TEXT},
            "emulated": {"type": "boolean", "description": "microVMs run without KVM"},
            "nodes": {"type": "array", "items": _object(node)},
        }
    )


def _pool() -> dict[str, Any]:
    return _object(
        {
            **dict.fromkeys(("memoryLimitMb", "memoryUsedMb", "starting", "waiting"), _INTEGER),
            "byState": {"type": "object", "additionalProperties": _INTEGER},
        },
        {"memoryLimitMb": 4096, "memoryUsedMb": 512, "starting": 0, "waiting": 0, "byState": {"warm": 2}},
    )


def _schedule() -> dict[str, Any]:
    return _object(
        {
            "trigger": _TEXT,
            "kind": {"enum": ["cron", "interval", "once"]},
            "expression": _TEXT,
            "timezone": _TEXT,
            "next": _or_null(_MS),
            "paused": _FLAG,
            "fired": _INTEGER,
        },
        {
            "trigger": "nightly",
            "kind": "cron",
            "expression": "0 3 * * *",
            "timezone": "UTC",
            "next": 1764039600000,
            "paused": False,
            "fired": 12,
        },
    )
