"""Sandboxes: one folder a technology, all behind `port.Sandbox`."""
