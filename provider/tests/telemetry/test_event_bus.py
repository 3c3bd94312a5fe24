"""Who hears what, and in which order."""

import pytest

from argo_provider.events import ActionChanged, EventBus, NamespaceChanged
from argo_provider.model.names import FullName

pytestmark = pytest.mark.unit

ACTION = ActionChanged(FullName("me", "echo"), deleted=False)
NAMESPACE = NamespaceChanged("me")


def test_listeners_hear_their_kinds_in_order_of_subscription():
    bus, heard = EventBus(), []
    bus.listen(lambda e: heard.append(("all", e)))
    bus.listen(lambda e: heard.append(("namespaces", e)), NamespaceChanged)
    bus.listen(lambda e: heard.append(("both", e)), ActionChanged, NamespaceChanged)
    bus.publish(ACTION)
    bus.publish(NAMESPACE)
    assert heard == [
        ("all", ACTION),
        ("both", ACTION),
        ("all", NAMESPACE),
        ("namespaces", NAMESPACE),
        ("both", NAMESPACE),
    ]


def test_who_comes_later_hears_and_who_ended_does_not():
    bus, heard = EventBus(), []
    end = bus.listen(lambda _: heard.append("first"), NamespaceChanged)
    bus.publish(NAMESPACE)
    bus.listen(lambda _: heard.append("second"))
    bus.publish(NAMESPACE)
    end()
    bus.publish(NAMESPACE)
    assert heard == ["first", "first", "second", "second"]


def test_a_listener_that_ends_itself_takes_nothing_from_the_others():
    bus, heard = EventBus(), []
    end = bus.listen(lambda _: (heard.append("once"), end()))
    bus.listen(lambda _: heard.append("always"))
    bus.publish(ACTION)
    bus.publish(ACTION)
    assert heard == ["once", "always", "always"]
