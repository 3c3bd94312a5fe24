"""The annotations that steer the optimiser."""

import pytest

from argo_provider.api.schemas import load_action
from argo_provider.errors import MalformedRequest
from argo_provider.optimizer.model import Tier, Wishes
from argo_provider.optimizer.wishes import wishes_of

pytestmark = pytest.mark.unit


def put(name, value):
    return load_action({"annotations": [{"key": "other", "value": [1]}, {"key": name, "value": value}]})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("argo.tier", "fast", "one of auto, ordinary, native"),
        ("argo.tier", None, "one of auto, ordinary, native"),
        ("argo.sandbox", "vm", "one of auto, process, container, microvm, niuk"),
        ("argo.sandbox", ["niuk"], "one of auto, process, container, microvm, niuk"),
        ("argo.network", "none", "one of on, off"),
        ("argo.network", False, "one of on, off"),
        ("argo.idempotent", "true", "true or false"),
        ("argo.idempotent", 1, "true or false"),
        ("argo.warm", -1, "a whole number from 0 to 100"),
        ("argo.warm", 101, "a whole number from 0 to 100"),
        ("argo.warm", True, "a whole number from 0 to 100"),
        ("argo.warm", 1.5, "a whole number from 0 to 100"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(name, value, allowed):
    with pytest.raises(MalformedRequest) as raised:
        put(name, value)
    assert f"The annotation '{name}' must be {allowed}." in raised.value.text
    assert wishes_of({name: value}) == Wishes()


def test_what_is_allowed_is_meant():
    given = {"argo.tier": "native", "argo.sandbox": "niuk", "argo.idempotent": True, "argo.warm": 2}
    for name, value in given.items():
        assert put(name, value).common.annotations[name] == value
    assert wishes_of({**given, "mine": 1}) == Wishes(Tier.NATIVE, "niuk", True, 2)


def test_a_function_without_a_network_does_not_move():
    assert put("argo.network", "off").common.annotations["argo.network"] == "off"
    assert wishes_of({"argo.network": "off", "argo.tier": "native"}) == Wishes(Tier.ORDINARY)
    assert wishes_of({"argo.network": "on"}) == Wishes()


def test_annotations_of_others_are_theirs():
    assert put("argo.mine", {"a": 1}).common.annotations["argo.mine"] == {"a": 1}
    assert put("tier", "fast").common.annotations["tier"] == "fast"
