import pytest

from argo_provider.errors import Throttled
from argo_provider.invocation.throttle import Throttle, ThrottleDefaults
from argo_provider.model.clock import Clock
from argo_provider.model.identity import Identity
from argo_provider.model.limits import NamespaceLimits

pytestmark = pytest.mark.unit


def throttle_at(times, **defaults):
    values = {"invocations_per_minute": 2, "concurrent_invocations": 1, "fires_per_minute": 1} | defaults
    return Throttle(ThrottleDefaults(**values), Clock(now_ms=lambda: times[0]))


ME, YOU = Identity("me", "me", "k"), Identity("you", "you", "k")


async def test_the_rate_of_a_minute():
    now = [0]
    throttle = throttle_at(now)
    throttle.check_invocation(ME)
    throttle.check_invocation(ME)
    with pytest.raises(Throttled, match=r"^Too many requests in the last minute \(count: 3, allowed: 2\)\.$"):
        throttle.check_invocation(ME)
    throttle.check_invocation(YOU)
    now[0] = 60_000
    throttle.check_invocation(ME)


async def test_calls_in_flight():
    throttle = throttle_at([0], invocations_per_minute=9)
    throttle.enter("me")
    with pytest.raises(Throttled, match=r"^Too many concurrent requests in flight \(count: 1, allowed: 1\)\.$"):
        throttle.check_invocation(ME)
    throttle.leave("me")
    throttle.check_invocation(ME)


async def test_fires_are_counted_apart():
    throttle = throttle_at([0])
    throttle.check_fire(ME)
    throttle.check_invocation(ME)
    with pytest.raises(Throttled):
        throttle.check_fire(ME)


async def test_a_namespaces_own_limits():
    throttle = throttle_at([0])
    own = Identity("me", "me", "k", NamespaceLimits(invocations_per_minute=0))
    with pytest.raises(Throttled, match="allowed: 0"):
        throttle.check_invocation(own)


async def test_idle():
    throttle = throttle_at([0])
    assert await throttle.idle(0.001)
    throttle.enter("me")
    assert not await throttle.idle(0.001)
    throttle.leave("me")
    assert await throttle.idle(0.001)
