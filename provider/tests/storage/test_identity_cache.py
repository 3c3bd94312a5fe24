"""What is known of objects by who they are, whatever they equal."""

import pytest

from argo_provider.storage.cache import IdentityCache

pytestmark = pytest.mark.unit


def test_equal_things_are_kept_apart():
    cache = IdentityCache(10)
    one, other = [1], [1]
    cache.put(one, "one")
    assert (cache.get(one), cache.get(other)) == ("one", None)


def test_what_is_kept_keeps_its_id_and_the_least_used_goes_first():
    cache = IdentityCache(10)
    for number in range(1000):
        cache.put([number], number, 5)
    first, second, third = [1], [1], [1]
    cache.put(first, "first", 5)
    cache.put(second, "second", 5)
    assert cache.get(first) == "first"
    cache.put(third, "third", 5)
    assert [cache.get(each) for each in (first, second, third)] == ["first", None, "third"]
