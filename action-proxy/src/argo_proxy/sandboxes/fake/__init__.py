"""Sandboxes that are not there: scripted, in memory, for tests of what lies above the port."""

from argo_proxy.sandboxes.fake.driver import FakeDriver
from argo_proxy.sandboxes.fake.sandbox import FakeSandbox, Reply, Script, answered

__all__ = ["FakeDriver", "FakeSandbox", "Reply", "Script", "answered"]
