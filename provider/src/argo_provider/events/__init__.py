"""What happened, for those who only watch: caches, dashboard, metrics, `--follow`."""

from argo_provider.events.bus import ActionChanged, ActivationEnded, Event, EventBus, NamespaceChanged, Subscription

__all__ = ["ActionChanged", "ActivationEnded", "Event", "EventBus", "NamespaceChanged", "Subscription"]
