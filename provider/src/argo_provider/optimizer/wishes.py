"""The annotations by which an owner steers the optimiser: what they may be, and what they mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argo_provider.optimizer.model import Tier, Wishes

TIER, SANDBOX, IDEMPOTENT, WARM = "argo.tier", "argo.sandbox", "argo.idempotent", "argo.warm"
NETWORK, EGRESS = "argo.network", "argo.egress"
TIERS = tuple(tier.value for tier in Tier)
SANDBOXES = ("auto", "process", "container", "microvm", "niuk")
NETWORKS = ("on", "off")
MOST_WARM = 100


def fault(name: str, value: Any) -> str | None:
    """A sentence that says what `value` is not and what it may be; None if it is allowed, or `name` is none of ours."""
    allowed = _ALLOWED.get(name)
    if allowed is None or _is_allowed(name, value):
        return None
    return f"The annotation '{name}' must be {allowed}."


def wishes_of(annotations: Mapping[str, Any]) -> Wishes:
    """What the annotations of an action ask for; one that is not allowed (kept before it was checked) asks nothing."""
    given = {n: v for n, v in annotations.items() if n in _ALLOWED and _is_allowed(n, v)}
    # Native functions of a namespace share a process, and with it its network.
    tier = Tier.ORDINARY if given.get(NETWORK) == "off" or annotations.get(EGRESS) else Tier(given.get(TIER, Tier.AUTO))
    return Wishes(tier, given.get(SANDBOX, "auto"), given.get(IDEMPOTENT, False), given.get(WARM, 0))


def _is_allowed(name: str, value: Any) -> bool:
    if name == IDEMPOTENT:
        return isinstance(value, bool)
    if name == WARM:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_WARM
    return isinstance(value, str) and value in _WORDS[name]


_WORDS = {TIER: TIERS, SANDBOX: SANDBOXES, NETWORK: NETWORKS}
_ALLOWED = {
    TIER: "one of " + ", ".join(TIERS),
    SANDBOX: "one of " + ", ".join(SANDBOXES),
    NETWORK: "one of " + ", ".join(NETWORKS),
    IDEMPOTENT: "true or false",
    WARM: f"a whole number from 0 to {MOST_WARM}",
}
