"""What happened, for those who only watch: caches, dashboard, metrics, `--follow`."""

from argo_provider.events.bus import (
    ActionChanged,
    ActivationEnded,
    BuildChanged,
    Event,
    EventBus,
    NamespaceChanged,
    PackageChanged,
    SandboxChanged,
    Subscription,
    TierChanged,
)

__all__ = [
    "ActionChanged",
    "ActivationEnded",
    "BuildChanged",
    "Event",
    "EventBus",
    "NamespaceChanged",
    "PackageChanged",
    "SandboxChanged",
    "Subscription",
    "TierChanged",
]
